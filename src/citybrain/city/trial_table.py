"""Trials as a table: each controller beside the baselines of the same runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from rich.box import SIMPLE_HEAD
from rich.table import Table

from citybrain.city.trial import CONTROLLERS, Controller, TrialResult

BASELINE: Controller = "actuated"


def trial_table(results: Sequence[TrialResult]) -> Table:
    """One row a controller, means over the seeds; delays beside the best SUMO baseline at hand."""
    first = results[0]
    seeds = sorted({r.seed for r in results})
    table = Table(
        title=f"{first.scenario}: {first.seconds:.0f} s from {first.begin_s:.0f} s, scale {first.scale:g}, "
        f"sensors {first.sensors}, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} (simulated)",
        caption="delay: time lost on the way and waiting to depart, over all scheduled vehicles, finished or not, "
        "recomputed from SUMO's own trip output",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("\ncontroller", no_wrap=True)
    for head in (
        "delay\ns", "\n±", "÷ actu-\nated", "arrived\nof all", "not\nleft", "tele-\nports",
        "× real\ntime", "ms a\ntick", "ref-\nused",
    ):  # fmt: skip
        table.add_column(head, justify="right", no_wrap=True)
    for controller in CONTROLLERS:
        runs = [r for r in results if r.controller == controller]
        if runs:
            table.add_row(controller, *_figures(runs, results))
    return table


def delay_ratio(runs: Sequence[TrialResult], results: Iterable[TrialResult]) -> float | None:
    """Mean over the runs of their delay over the baseline's with the same seed; None without a baseline."""
    base = {r.seed: r.score.mean_delay_s for r in results if r.controller == BASELINE}
    ratios = [r.score.mean_delay_s / base[r.seed] for r in runs if base.get(r.seed)]
    return fmean(ratios) if ratios else None


def _figures(runs: Sequence[TrialResult], results: Sequence[TrialResult]) -> list[str]:
    delays = [r.score.mean_delay_s for r in runs]
    ratio = delay_ratio(runs, results)
    return [
        f"{fmean(delays):.1f}",
        f"{stdev(delays):.1f}" if len(delays) > 1 else "",
        "" if ratio is None else f"{ratio:.2f}",
        f"{fmean(r.score.arrived for r in runs):.0f}/{fmean(r.score.vehicles for r in runs):.0f}",
        f"{fmean(r.score.undeparted for r in runs):.0f}",
        f"{fmean(r.score.teleports for r in runs):.0f}",
        f"{fmean(r.real_time_factor for r in runs):.0f}",
        f"{fmean(r.decision_ms for r in runs):.1f}" if runs[0].decision_ms else "",
        f"{fmean(r.refusals for r in runs):.0f}" if runs[0].controller == "brain" else "",
    ]
