"""Doors to the outside: detectors, signal controllers and, for now, the simulated city behind the same ports.

`read_scenario` reads any SUMO configuration, `default_city.build` makes the default one, and `Scenario.net` gives
its road network with junctions, stages and conflicts as the brain and the guard know them (`read_net` reads one by
itself); `apply_rules` lays an engineer's limits over it, and `own_programs` and `under_rules` let SUMO's own
control keep them. `SimulatedCity` runs a scenario: it gives what detectors see, shows the lamps that the guard
decides, keeps and restores its minutes, and packs the live frames of the map.
`road_records` are the registers' rows. `read_trips` scores a run by SUMO's own trip output. `import_plans` reads
the signal plans that a city has (SUMO, NEMA, Synchro), `signal_notes`, `change_notes` and `plan_groups` tell what
there is.
"""

from citybrain.network import default_city
from citybrain.network.change_check import ChangeNote, change_notes, own_all_red
from citybrain.network.event import CityEvent
from citybrain.network.frame import Frame, read_frame
from citybrain.network.junction_rule import RuleError, apply_rules
from citybrain.network.netfile import NetError
from citybrain.network.own_program import own_programs, under_rules
from citybrain.network.plan_group import PlanGroup, plan_groups
from citybrain.network.plan_import import ImportedPlan, PlanImport, import_plans, write_plans
from citybrain.network.plan_note import SignalNote, ring_diagram, signal_notes
from citybrain.network.road_net import read_net
from citybrain.network.road_record import road_records
from citybrain.network.saved_city import saved_time
from citybrain.network.scenario import Scenario, ScenarioError, read_scenario
from citybrain.network.simulated_city import SignalMode, SimulatedCity
from citybrain.network.trip_output import TripScore, read_trips
from citybrain.network.utdf import UtdfError

__all__ = [
    "ChangeNote",
    "CityEvent",
    "Frame",
    "ImportedPlan",
    "NetError",
    "PlanGroup",
    "PlanImport",
    "RuleError",
    "Scenario",
    "ScenarioError",
    "SignalMode",
    "SignalNote",
    "SimulatedCity",
    "TripScore",
    "UtdfError",
    "apply_rules",
    "change_notes",
    "default_city",
    "import_plans",
    "own_all_red",
    "own_programs",
    "plan_groups",
    "read_frame",
    "read_net",
    "read_scenario",
    "read_trips",
    "ring_diagram",
    "road_records",
    "saved_time",
    "signal_notes",
    "under_rules",
    "write_plans",
]
