"""The only way to act: every order to a signal is held against hard limits here.

The guard knows conflicts, minimum green, yellow, all-red, maximum red, each junction's own plan and the switches
that people have set. It knows nothing about the brain: whoever orders, the lamps stay safe, and on silence every
junction runs its own plan. `junction.step` is the pure core; `Guard` holds a whole city.
"""

from citybrain.guard.guard import Guard
from citybrain.guard.junction import Reason, Signal, aged, start, step
from citybrain.guard.limits import Limits, LimitsError, limits_of
from citybrain.guard.monitor import Monitor
from citybrain.guard.plan import PlanClock

__all__ = [
    "Guard",
    "Limits",
    "LimitsError",
    "Monitor",
    "PlanClock",
    "Reason",
    "Signal",
    "aged",
    "limits_of",
    "start",
    "step",
]
