"""The words of the city: datasets and their fields, places, times, units, grades, orders, ports.

Imports nothing of the other rooms. Everything that crosses a room is one of these words.
"""

from citybrain.model.arrow import arrow_schema, conform, from_bytes, to_bytes
from citybrain.model.batch import Batch, Tick
from citybrain.model.clock import from_ms, parse_time, to_ms, wall_ms
from citybrain.model.dataset import Dataset, Field, FieldType, Sharing, Text, Truth
from citybrain.model.declaration import (
    DeclarationError,
    Declarations,
    compatible,
    read_declaration,
    read_declarations,
)
from citybrain.model.grade import Grade
from citybrain.model.junction_rule import JunctionRule, OwnPlanRule, PlanStageRule, PriorityRule
from citybrain.model.lamp_change import GREEN, Change, Ways, change, crossing_links, ways_of
from citybrain.model.order import Control, Preemption, Refusal, SignalOrder, SwitchRequest, Why
from citybrain.model.place import Area, Level, MapProjection, Point
from citybrain.model.port import DetectorSource, SignalController
from citybrain.model.road import (
    Junction,
    Lane,
    Link,
    Movement,
    OwnPlan,
    PlanPhase,
    Priority,
    Reach,
    RoadNet,
    Stage,
    Zone,
)
from citybrain.model.step import State, Step, dump_state, load_state
from citybrain.model.unit import UNITS, Unit

__all__ = [
    "GREEN",
    "UNITS",
    "Area",
    "Batch",
    "Change",
    "Control",
    "Dataset",
    "DeclarationError",
    "Declarations",
    "DetectorSource",
    "Field",
    "FieldType",
    "Grade",
    "Junction",
    "JunctionRule",
    "Lane",
    "Level",
    "Link",
    "MapProjection",
    "Movement",
    "OwnPlan",
    "OwnPlanRule",
    "PlanPhase",
    "PlanStageRule",
    "Point",
    "Preemption",
    "Priority",
    "PriorityRule",
    "Reach",
    "Refusal",
    "RoadNet",
    "Sharing",
    "SignalController",
    "SignalOrder",
    "Stage",
    "State",
    "Step",
    "SwitchRequest",
    "Text",
    "Tick",
    "Truth",
    "Unit",
    "Ways",
    "Why",
    "Zone",
    "arrow_schema",
    "change",
    "compatible",
    "conform",
    "crossing_links",
    "dump_state",
    "from_bytes",
    "from_ms",
    "load_state",
    "parse_time",
    "read_declaration",
    "read_declarations",
    "to_bytes",
    "to_ms",
    "wall_ms",
    "ways_of",
]
