"""The cockpit: the officials' page of the city, its API and its live link.

It looks on through the hub as one reader and keeps the newest of everything in memory, so that a stalled library
leaves the page with what it has, and its age. `make_app` gives the ASGI application; the front end's source lies
in `web/` and is built into `static/`.
"""

from citybrain.cockpit.app import make_app

__all__ = ["make_app"]
