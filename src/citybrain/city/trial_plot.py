"""The plots of a trial, drawn with matplotlib (the extra `report`)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from statistics import fmean

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from citybrain.city.trial import TrialResult
from citybrain.city.trial_arterial import Arterial
from citybrain.city.trial_plan import CONTROLLERS, Controller
from citybrain.city.trial_trace import ArterialTrace, QueueTrace

matplotlib.use("Agg")
DPI = 120
INK, PALE = "#222222", "#9a9a9a"
COLOURS: dict[Controller, str] = {
    "fixed": "#777777",
    "actuated": "#b07a1f",
    "delay_based": "#8a4fa3",
    "wave": "#2e7d6b",
    "wave_1s": "#5fa897",
    "max_pressure": "#3a6ea5",
    "brain": "#c0392b",
}
LINES: dict[Controller, str] = {
    "fixed": ":",
    "actuated": "--",
    "delay_based": "-.",
    "wave": "--",
    "wave_1s": ":",
    "max_pressure": "-.",
    "brain": "-",
}
LAMPS = {"g": "#2e9e5b", "y": "#e0a800", "r": "#c0392b"}


def delay_plot(results: Sequence[TrialResult]) -> bytes:
    """A bar a controller: mean delay over the seeds, each seed a point; the 95th percentile as a stroke. PNG."""
    present = [c for c in CONTROLLERS if any(r.controller == c for r in results)]
    figure, axes = _figure(8.0, 0.8 + 0.42 * len(present))
    for row, controller in enumerate(reversed(present)):
        scores = [r.score for r in results if r.controller == controller]
        delays = [s.mean_delay_s for s in scores]
        mean, p95 = fmean(delays), fmean(s.p95_delay_s for s in scores)
        axes.barh(row, mean, color=COLOURS[controller], height=0.62, alpha=0.85)
        axes.plot(delays, [row] * len(delays), "o", color=INK, markersize=3)
        axes.plot([p95, p95], [row - 0.31, row + 0.31], color=INK, linewidth=1.5)
        axes.annotate(f"{mean:.1f}", (max(mean, *delays), row), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(present)), list(reversed(present)))
    axes.set_xlabel("delay, s (bar: mean; points: seeds; stroke: 95th percentile)")
    axes.set_xlim(left=0)
    return _png(figure)


def queue_plot(traces: Mapping[Controller, Sequence[QueueTrace]]) -> bytes:
    """Vehicles that stand or wait to depart over time: the mean over the seeds, and their range. PNG."""
    figure, axes = _figure(8.0, 4.0)
    for controller, runs in traces.items():
        shortest = min(len(t.time_s) for t in runs)
        total = np.array([(t.standing + t.waiting)[:shortest] for t in runs])
        minutes = runs[0].time_s[:shortest] / 60
        axes.plot(
            minutes, total.mean(axis=0), LINES[controller], color=COLOURS[controller], label=controller, lw=1.6
        )
        axes.fill_between(
            minutes, total.min(axis=0), total.max(axis=0), color=COLOURS[controller], alpha=0.15, lw=0
        )
    axes.set_xlabel("min from the begin")
    axes.set_ylabel("vehicles standing or waiting to depart")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return _png(figure)


def arterial_plot(arterial: Arterial, traces: Mapping[Controller, ArterialTrace], begin_s: float) -> bytes:
    """A time-space diagram a controller: drives as lines, stop lines by what their lamps showed. PNG."""
    columns = min(2, len(traces))
    rows = -(-len(traces) // columns)
    figure = Figure(figsize=(10.0, 3.2 * rows), layout="constrained", dpi=DPI)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(traces) :]:
        axes.set_visible(False)
    for axes, (controller, trace) in zip(grid.flat, traces.items(), strict=False):
        _plain(axes)
        axes.set_title(controller, loc="left", fontsize=10, color=INK)
        for course in trace.courses:
            axes.plot((np.array(course.time_s) - begin_s) / 60, course.at_m, color=INK, lw=0.5, alpha=0.55)
        for colour, value in LAMPS.items():
            shown = [light for light in trace.lights if light.colour == colour]
            axes.hlines(
                [light.at_m for light in shown],
                [(light.begin_s - begin_s) / 60 for light in shown],
                [(light.end_s - begin_s) / 60 for light in shown],
                colors=value,
                lw=1.2 if colour == "g" else 3.0,
            )
    for axes in grid[:, 0]:
        axes.set_ylabel("m along the arterial")
        axes.set_ylim(0, arterial.length_m * 1.03)
    for axes in grid[-1]:
        axes.set_xlabel("min")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=9)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
