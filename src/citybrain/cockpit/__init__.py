"""The cockpit: the officials' page of the city, its API and its live link.

It looks on through the hub as one reader and keeps the newest of everything in memory, so that a stalled library
leaves the page with what it has, and its age. `make_app` gives the ASGI application; the front end's source lies
in `web/` and is built into `static/`. `day_report` is what the page and the command line tell of a day.
"""

from citybrain.cockpit.app import make_app
from citybrain.cockpit.day_report import Comparison, DayReport, day_report
from citybrain.cockpit.span import Span, day_span

__all__ = ["Comparison", "DayReport", "Span", "day_report", "day_span", "make_app"]
