"""The cockpit: the officials' page of the city, its API and its live link.

It looks on through the hub as one reader and keeps the newest of everything in memory, so that a stalled library
leaves the page with what it has, and its age. `make_app` gives the ASGI application; the front end's source lies
in `web/` and is built into `static/`. `day_report` is what the page and the command line tell of a
day, `ab_report` of days of the brain against days of the own plans.
"""

from citybrain.cockpit.ab_report import AbReport, Gain, ab_report, weeks_until
from citybrain.cockpit.app import make_app
from citybrain.cockpit.day_report import Comparison, DayReport, day_report
from citybrain.cockpit.span import Span, day_span

__all__ = [
    "AbReport",
    "Comparison",
    "DayReport",
    "Gain",
    "Span",
    "ab_report",
    "day_report",
    "day_span",
    "make_app",
    "weeks_until",
]
