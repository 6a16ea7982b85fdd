"""Doors to the outside: detectors, signal controllers and, for now, the simulated city behind the same ports.

`read_scenario` reads any SUMO configuration, `read_net` its road network with junctions, stages and conflicts as
the brain and the guard know them, and `SimulatedCity` runs it: it gives what a city's detectors see and shows the
lamps that the guard decides.
"""

from citybrain.network.netfile import NetError
from citybrain.network.road_net import read_net
from citybrain.network.scenario import Scenario, ScenarioError, read_scenario
from citybrain.network.simulated_city import SimulatedCity

__all__ = ["NetError", "Scenario", "ScenarioError", "SimulatedCity", "read_net", "read_scenario"]
