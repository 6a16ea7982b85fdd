"""The brain: from what detectors see to what signals shall show, as pure steps between datasets.

`EstimateQueues` keeps the queue of every movement, `DecideStages` orders every junction a stage each second, and
`steps` makes both for a network. `baseline_steps` gives the rules from the literature that the brain is measured
against; `measure_steps` counts cycles and measures for those who look. Whether an order is carried out is the
guard's business, never the brain's.
"""

from citybrain.brain.baseline import baseline_steps
from citybrain.brain.cycle import CountCycles
from citybrain.brain.decide import DecideStages
from citybrain.brain.estimate import EstimateQueues
from citybrain.brain.health import WatchDetectors
from citybrain.brain.layout import Layout
from citybrain.brain.measure import MeasureMovements
from citybrain.brain.part import Part, parts
from citybrain.model import RoadNet, Step

__all__ = [
    "DecideStages",
    "EstimateQueues",
    "Part",
    "WatchDetectors",
    "baseline_steps",
    "measure_steps",
    "parts",
    "steps",
]


def steps(net: RoadNet, whole: RoadNet | None = None) -> tuple[Step, ...]:
    """The steps of the brain for that network, in order; `net` may be a part (`parts`) of a `whole` one."""
    layout = Layout(net, whole)
    return WatchDetectors(layout), EstimateQueues(layout), DecideStages(layout)


def measure_steps(net: RoadNet) -> tuple[Step, ...]:
    """The steps that measure how signals perform, in order. No order depends on them."""
    layout = Layout(net)
    return CountCycles(layout), MeasureMovements(layout)
