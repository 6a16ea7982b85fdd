"""Trials as a table: each controller beside the baselines of the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from rich.box import SIMPLE_HEAD
from rich.table import Table

from citybrain.city.trial import TrialResult
from citybrain.city.trial_plan import CONTROLLERS, Controller

BASELINES: tuple[Controller, ...] = ("fixed", "actuated", "delay_based", "wave", "max_pressure")
"""Whom the brain has to beat; `wave_1s` is shown beside them."""
WIDE = 100
"""A console of so many letters has room for the spread of all; a narrower one for that of the delay."""
_HEADS = (
    "delay\ns", "\n±", "÷\nbest", "trip\ns", "p95\ns", "ar-\nrived", "\nstops", "CO₂\nkg", "tele-\nports",
    "spill\ns", "µs a\njunc.",
)  # fmt: skip


def trial_table(results: Sequence[TrialResult], width: int = WIDE) -> Table:
    """One row a controller, means over the seeds, for a console that is so many letters wide; delays beside the
    best baseline at hand."""
    first = results[0]
    seeds = sorted({r.seed for r in results})
    brain = [f", the brain with {r.sensors} sensors" for r in results if r.controller == "brain"]
    table = Table(
        title=f"{first.network}: {first.seconds:.0f} s from {first.begin_s:.0f} s, scale {first.scale:g}, "
        f"{first.score.vehicles} vehicles, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        f"{brain[0] if brain else ''} (simulated)",
        caption="delay: time lost on the way and waiting to depart; it, trip, p95 and stops over all scheduled "
        "vehicles, finished or not; spill: seconds that vehicles stood on the begin of an exit lane; all from "
        "SUMO's own output but µs a junction, the wall time of a decision",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 0, 0, 0),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("\ncontroller", no_wrap=True)
    for head in _HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    best = best_delay_s(results)
    for controller in CONTROLLERS:
        runs = [r for r in results if r.controller == controller]
        if runs:
            table.add_row(controller, *figures(runs, best, spread=width >= WIDE))
    return table


def mean_delay_s(results: Sequence[TrialResult], controller: Controller) -> float | None:
    """Mean over the seeds; None without a run of that controller."""
    delays = [r.score.mean_delay_s for r in results if r.controller == controller]
    return fmean(delays) if delays else None


def best_delay_s(results: Sequence[TrialResult]) -> float | None:
    """The least mean over the seeds of any baseline; None where there is none."""
    found = [mean_delay_s(results, c) for c in BASELINES]
    return min((d for d in found if d is not None), default=None)


def _mean(values: Sequence[float], digits: int, spread: bool) -> str:
    more = f" ±{stdev(values):.{digits}f}" if spread and len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{more}"


def figures(runs: Sequence[TrialResult], best: float | None, *, spread: bool = True) -> list[str]:
    """The cells of a controller's row: means over its runs, with their standard deviations where there is room for
    the `spread`; `best` is the best baseline's delay."""
    delays = [r.score.mean_delay_s for r in runs]
    scores = [r.score for r in runs]
    return [
        f"{fmean(delays):.1f}",
        f"{stdev(delays):.1f}" if len(delays) > 1 else "",
        f"{fmean(delays) / best:.2f}" if best else "",
        _mean([s.mean_travel_s for s in scores], 1, spread),
        _mean([s.p95_delay_s for s in scores], 0, spread),
        _mean([s.arrived for s in scores], 0, spread),
        _mean([s.stops for s in scores], 2, spread),
        _mean([s.co2_kg for s in scores], 0, spread),
        f"{fmean(s.teleports for s in scores):.0f}",
        f"{fmean(s.spillback_s for s in scores):.0f}",
        f"{fmean(r.decision_ms for r in runs) * 1000:.0f}" if runs[0].tick_ms else "",
    ]
