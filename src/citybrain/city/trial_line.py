"""A run as one flat JSON object, for whoever goes on with the figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from citybrain.city.trial import TrialResult
from citybrain.city.trial_output import SUMMARY, TRIPINFO
from citybrain.model import JunctionRule


class TrialLine(Struct, frozen=True):
    """One run. `delay`, `travel_time`, `p95` and `stops` are over all scheduled vehicles, finished or not, up to
    the end of the run; `throughput` is vehicles that arrived; `stops` halts a vehicle; `spillbacks` seconds that
    vehicles stood on the first 7.5 m of exit lanes; `decision_ms` wall time a junction, `tick_ms` for all of them;
    `tripinfo` and `summary` paths of SUMO's own output, `outputs` the folder of all of it; `rules` the rules of
    `city.toml` that were in force."""

    network: str
    controller: str
    seed: int
    sensors: str
    vehicles: int
    mean_delay_s: float
    mean_travel_time_s: float
    p95_delay_s: float
    throughput: int
    stops: float
    co2_kg: float
    teleports: int
    spillbacks: float
    decision_ms: float
    tripinfo: str
    summary: str
    outputs: str
    scale: float
    begin_s: float
    seconds: float
    junctions: int
    running: int
    undeparted: int
    distance_km: float
    refusals: int
    tick_ms: float
    tick_p99_ms: float
    wall_s: float
    cpu_s: float
    simulator_s: float
    real_time_factor: float
    overhead: float
    rules: tuple[JunctionRule, ...]


def trial_line(r: TrialResult, rules: tuple[JunctionRule, ...] = ()) -> str:
    """The run as JSON in one line; `rules`: that were in force."""
    s, outputs = r.score, Path(r.outputs)
    line = TrialLine(
        network=r.network,
        controller=r.controller,
        seed=r.seed,
        sensors=r.sensors,
        vehicles=s.vehicles,
        mean_delay_s=s.mean_delay_s,
        mean_travel_time_s=s.mean_travel_s,
        p95_delay_s=s.p95_delay_s,
        throughput=s.arrived,
        stops=s.stops,
        co2_kg=s.co2_kg,
        teleports=s.teleports,
        spillbacks=s.spillback_s,
        decision_ms=r.decision_ms,
        tripinfo=str(outputs / TRIPINFO),
        summary=str(outputs / SUMMARY),
        outputs=r.outputs,
        scale=r.scale,
        begin_s=r.begin_s,
        seconds=r.seconds,
        junctions=r.junctions,
        running=s.running,
        undeparted=s.undeparted,
        distance_km=s.distance_km,
        refusals=r.refusals,
        tick_ms=r.tick_ms,
        tick_p99_ms=r.tick_p99_ms,
        wall_s=r.wall_s,
        cpu_s=r.cpu_s,
        simulator_s=r.simulator_s,
        real_time_factor=r.real_time_factor,
        overhead=r.overhead,
        rules=rules,
    )
    return msgspec.json.encode(line).decode()
