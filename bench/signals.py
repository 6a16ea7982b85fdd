"""The bar for signals: the brain with field sensors against the best baselines with clean counts.

    python bench/signals.py [--jobs N] [--out FOLDER] [--json FILE] [--seconds S] [--only NETWORK,…]

An hour (from the scenario's begin) by three seeds of cologne8, hangzhou4x4, jinan3x4, bologna_joined and a quarter
of nanchang859's demand, and the first 1,200 s of nanchang859's whole demand by one seed; every controller, one set
of constants. Finished runs are kept (`--out`, by default where `citybrain trial` keeps them): an interrupted bench
goes on, and after a change of the brain only the brain runs again. Prints Markdown; everything is simulated.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev

import msgspec
from msgspec import Struct

from citybrain.city.trial import TrialResult
from citybrain.city.trial_command import run_shown
from citybrain.city.trial_line import trial_line
from citybrain.city.trial_plan import Controller, Sensors, TrialPlan
from citybrain.city.trial_score import Score
from citybrain.city.trial_store import TrialStore, default_folder
from citybrain.city.trial_table import BASELINES
from citybrain.network import read_scenario

DATA = Path(os.environ.get("CITYBRAIN_DATA", Path(__file__).parents[2] / "shared" / "data"))
SHOWN: tuple[Controller, ...] = (*BASELINES, "wave_1s", "brain")
BAR, GOAL, FURTHEST_GAP = 0.85, 0.70, 0.10


class Case(Struct, frozen=True):
    """A network with the demand, seconds and seeds that the bar names."""

    network: str
    seconds: float = 3600.0
    seeds: int = 3
    scale: float = 1.0

    @property
    def title(self) -> str:
        whole = f"{self.network}, {self.seconds:g} s" if self.seconds < 3600 else self.network
        return whole if self.scale == 1.0 else f"{whole}, × {self.scale:g}"


CASES = (
    Case("cologne8"),
    Case("hangzhou4x4"),
    Case("jinan3x4"),
    Case("bologna_joined"),
    Case("nanchang859", scale=0.25),
    Case("nanchang859", seconds=1200.0, seeds=1),
)


class Runs:
    """The runs of a case. Each figure is a mean over the seeds."""

    def __init__(self, case: Case, results: Sequence[TrialResult]) -> None:
        self.case = case
        self.results = results

    def of(self, controller: Controller, sensors: str = "") -> list[TrialResult]:
        """Its runs in the order of the seeds; the brain's with field sensors where not said otherwise."""
        seen = sensors or ("field" if controller == "brain" else "clean")
        found = [r for r in self.results if r.controller == controller and r.sensors == seen]
        return sorted(found, key=lambda r: r.seed)

    def mean(self, controller: Controller, figure: Callable[[Score], float], sensors: str = "") -> float:
        return fmean(figure(r.score) for r in self.of(controller, sensors))

    def delay_s(self, controller: Controller, sensors: str = "") -> float:
        return self.mean(controller, lambda s: s.mean_delay_s, sensors)

    @property
    def best(self) -> Controller:
        """The baseline with the least mean delay."""
        return min(BASELINES, key=self.delay_s)

    @property
    def ratio(self) -> float:
        """The brain's mean delay over the best baseline's."""
        return self.delay_s("brain") / self.delay_s(self.best)

    @property
    def worst_seed(self) -> float:
        """The greatest ratio, of any seed, of the brain's delay over that of the network's own plan."""
        pairs = zip(self.of("brain"), self.of("fixed"), strict=True)
        return max(ours.score.mean_delay_s / own.score.mean_delay_s for ours, own in pairs)

    @property
    def p95_ratio(self) -> float:
        """The brain's 95th percentile over the least of any baseline."""
        least = min(self.mean(c, lambda s: s.p95_delay_s) for c in BASELINES)
        return self.mean("brain", lambda s: s.p95_delay_s) / least

    def against_own(self, figure: Callable[[Score], float]) -> float:
        """The brain's figure over the own plan's, less one."""
        return self.mean("brain", figure) / self.mean("fixed", figure) - 1.0

    @property
    def clean_gain(self) -> float:
        """By how much of the delay clean sensors are better than field sensors."""
        return 1.0 - self.delay_s("brain", "clean") / self.delay_s("brain")


def plans(case: Case) -> list[TrialPlan]:
    """Every controller by every seed, the brain with both kinds of sensors."""
    scenario = read_scenario(DATA / case.network, scale=case.scale)
    seen: list[tuple[Controller, Sensors]] = [(c, "field" if c == "brain" else "clean") for c in SHOWN]
    seen.append(("brain", "clean"))
    end_s = scenario.begin_s + case.seconds
    return [
        TrialPlan(scenario, controller, seed, sensors, end_s=end_s)
        for controller, sensors in seen
        for seed in range(1, case.seeds + 1)
    ]


def delay_table(found: Sequence[Runs]) -> list[str]:
    """Networks x controllers: mean delay in s, standard deviation over the seeds; the best baseline in bold."""
    rows = [("network", "seeds", *SHOWN, "÷ best", "÷ wave_1s"), ("---",) * (len(SHOWN) + 4)]
    for runs in found:
        cells = []
        for controller in SHOWN:
            delays = [r.score.mean_delay_s for r in runs.of(controller)]
            text = f"{fmean(delays):.1f}" + (f" ± {stdev(delays):.1f}" if len(delays) > 1 else "")
            cells.append(f"**{text}**" if controller == runs.best else text)
        last = runs.delay_s("brain") / runs.delay_s("wave_1s")
        rows.append((runs.case.title, str(runs.case.seeds), *cells, f"**{runs.ratio:.2f}**", f"{last:.2f}"))
    return [f"| {' | '.join(row)} |" for row in rows]


def bar_table(found: Sequence[Runs]) -> list[str]:
    """What else the bar asks of the brain with field sensors."""
    heads = (
        "network", "worst seed ÷ own plan", "p95 ÷ best", "stops", "CO₂", "CO₂ a km", "teleports (best)",
        "spillback s (best)", "clean better by", "ms a junction",
    )  # fmt: skip
    rows = [heads, ("---",) * len(heads)]
    for runs in found:
        each = [runs.against_own(f) for f in (lambda s: s.stops, lambda s: s.co2_kg, _co2_a_km)]
        pairs = [(runs.mean("brain", f), runs.mean(runs.best, f)) for f in (_teleports, _spillback)]
        rows.append(
            (
                runs.case.title,
                f"{runs.worst_seed:.2f}",
                f"{runs.p95_ratio:.2f}",
                *(f"{share:+.0%}" for share in each),
                *(f"{ours:.0f} ({theirs:.0f})" for ours, theirs in pairs),
                f"{runs.clean_gain:.0%}",
                f"{fmean(r.decision_ms for r in runs.of('brain')):.3f}",
            )
        )
    return [f"| {' | '.join(row)} |" for row in rows]


def verdict(found: Sequence[Runs]) -> dict[str, bool]:
    """What of the bar holds on these networks."""
    return {
        "on no network worse than the best baseline": all(r.ratio <= 1.0 for r in found),
        f"geometric mean of the ratios at most {BAR:g}": geometric_mean(found) <= BAR,
        "no seed worse than the own plan": all(r.worst_seed <= 1.0 for r in found),
        "teleports not above the best baseline's": all(
            r.mean("brain", _teleports) <= r.mean(r.best, _teleports) for r in found
        ),
        "95th percentile not above any baseline's": all(r.p95_ratio <= 1.0 for r in found),
        "stops at least 25 % below the own plan's": all(r.against_own(lambda s: s.stops) <= -0.25 for r in found),
        "CO₂ at least 10 % below the own plan's": all(r.against_own(lambda s: s.co2_kg) <= -0.10 for r in found),
        "clean sensors at most 10 % better": all(r.clean_gain <= FURTHEST_GAP for r in found),
    }


def geometric_mean(found: Sequence[Runs]) -> float:
    """Of the ratios to the best baseline."""
    return math.exp(fmean(math.log(r.ratio) for r in found))


def _teleports(score: Score) -> float:
    return float(score.teleports)


def _spillback(score: Score) -> float:
    return score.spillback_s


def _co2_a_km(score: Score) -> float:
    return score.co2_kg / score.distance_km


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The bar for signals.")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, default=default_folder(), help="where runs are kept")
    parser.add_argument("--json", type=Path, help="file to write; default: bench-signals.json in --out")
    parser.add_argument("--seconds", type=float, default=math.inf, help="seconds of each run at most")
    parser.add_argument("--only", default="", help="networks, comma-separated")
    return parser.parse_args()


def main() -> None:
    """Run what is missing, print the tables, write the JSON."""
    given = _arguments()
    wanted = given.only.split(",") if given.only else [c.network for c in CASES]
    found = []
    for case in CASES:
        if case.network not in wanted or not (DATA / case.network).is_dir():
            print(f"{case.title}: left out", flush=True)
            continue
        case = msgspec.structs.replace(case, seconds=min(case.seconds, given.seconds))
        try:
            found.append(Runs(case, run_shown(plans(case), TrialStore(given.out), jobs=given.jobs)))
        except KeyboardInterrupt:
            break  # what is whole is shown
        print(f"{case.title}: brain ÷ {found[-1].best} {found[-1].ratio:.3f}", flush=True)
    if not found:
        return
    print(f"\nMean delay in s, simulated; {platform.machine()}, {os.cpu_count()} cores\n")
    print("\n".join(delay_table(found)))
    print(f"\nGeometric mean of the ratios {geometric_mean(found):.3f} (bar {BAR:g}, goal {GOAL:g})\n")
    print("\n".join(bar_table(found)))
    holds = verdict(found)
    print("\n" + "\n".join(f"- {'holds' if yes else 'DOES NOT HOLD'}: {what}" for what, yes in holds.items()))
    runs = [msgspec.json.decode(trial_line(r)) for f in found for r in f.results]
    table = {"geometric_mean": geometric_mean(found), "holds": holds, "runs": runs}
    file = given.json or given.out / "bench-signals.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=1))
    print(f"\nevery run: {file}")


if __name__ == "__main__":
    main()
