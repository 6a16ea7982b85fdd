"""The report of a trial: a page that stands by itself, and its plots as PNG files."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from types import ModuleType

from citybrain.city.settings import SettingsError
from citybrain.city.trial import TrialResult
from citybrain.city.trial_arterial import Arterial, find_arterial
from citybrain.city.trial_plan import CONTROLLERS, Controller
from citybrain.city.trial_table import BASELINES, best_delay_s, figures, mean_delay_s
from citybrain.city.trial_trace import read_arterial, read_queue
from citybrain.model import RoadNet

SHOWN_S = 600.0
"""Of a run, so much is drawn as a time-space diagram: up to here from the middle of the run."""
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:62rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem .7rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr+tr td{border-top:1px solid #ddd}img{max-width:100%}"
    "figure{margin:2rem 0}figcaption{color:#555}code{font-size:.9em}"
)
_HEADS = (
    ("controller", "控制器"),
    ("delay, s", "延误，秒"),
    ("±", "±"),
    ("÷ best baseline", "÷ 最佳基准"),
    ("trip, s", "行程，秒"),
    ("95th percentile, s", "95分位延误，秒"),
    ("arrived", "到达"),
    ("stops", "停车次数"),
    ("CO₂, kg", "CO₂，千克"),
    ("teleports", "瞬移"),
    ("spillback, s", "溢流，秒"),
    ("decision, µs a junction", "决策，微秒/路口"),
)


def plotting() -> ModuleType:
    """The module that draws. Raises SettingsError where the extra `report` is not installed."""
    try:
        return import_module("citybrain.city.trial_plot")
    except ModuleNotFoundError as e:
        raise SettingsError(f"--report needs {e.name}: pip install 'citybrain[report]'") from None


def write_report(results: Sequence[TrialResult], net: RoadNet, folder: Path, rules: Sequence[str] = ()) -> Path:
    """Write `index.html` and the plots into the folder, which exists; the page. `rules`: in force, a line each.
    Raises SettingsError, ScoreError, OSError."""
    plot = plotting()
    arterial = find_arterial(net)
    first = _by_controller(results)
    queues = {c: [read_queue(Path(r.outputs)) for r in results if r.controller == c] for c in first}
    pictures = {"delay": plot.delay_plot(results), "queue": plot.queue_plot(queues)}
    if len(arterial.stops) > 1 and all(r.seconds for r in first.values()):
        pictures["arterial"] = _arterial_picture(plot, results, first, arterial)
    for name, png in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    page = folder / "index.html"
    page.write_text(_page(results, arterial, pictures, rules), encoding="utf-8")
    return page


def _by_controller(results: Sequence[TrialResult]) -> dict[Controller, TrialResult]:
    """The first run of each controller."""
    return {c: next(r for r in results if r.controller == c) for c in CONTROLLERS if _any(results, c)}


def _any(results: Sequence[TrialResult], controller: Controller) -> bool:
    return any(r.controller == controller for r in results)


def _arterial_picture(
    plot: ModuleType, results: Sequence[TrialResult], first: dict[Controller, TrialResult], arterial: Arterial
) -> bytes:
    """The own plan, the best baseline and the brain (of those at hand), from the same stretch of time."""
    delays = {c: mean_delay_s(results, c) for c in BASELINES if c in first}
    best = min(delays, key=lambda c: delays[c] or 0.0, default=None)
    shown = [c for c in first if c in ("fixed", "brain", best)] or list(first)
    shortest = min(r.seconds for r in first.values())
    begin_s = next(iter(first.values())).begin_s + max(0.0, shortest / 2 - SHOWN_S / 2)
    traces = {c: read_arterial(Path(first[c].outputs), arterial, begin_s, begin_s + SHOWN_S) for c in shown}
    png: bytes = plot.arterial_plot(arterial, traces, begin_s)
    return png


def _page(
    results: Sequence[TrialResult], arterial: Arterial, pictures: dict[str, bytes], rules: Sequence[str]
) -> str:
    first = results[0]
    name = escape(first.network)
    stops = " · ".join(escape(s.name) for s in arterial.stops)
    shown = f"{min(SHOWN_S, *(r.seconds for r in results)):.0f}"
    said = {
        "delay": ("Delay by controller", "各控制器的延误"),
        "queue": (
            "Vehicles standing or waiting to depart, over time; the band is the range over the seeds",
            "停车及等待出发的车辆数随时间变化；色带为各种子的范围",
        ),
        "arterial": (
            f"{shown} s along the arterial with most signals: {stops}",
            f"信号最多的干道上{shown}秒的时距图：{stops}",
        ),
    }
    drawn = "".join(
        f'<figure><img alt="{said[key][0]}" src="data:image/png;base64,{b64encode(png).decode()}">'
        f'<figcaption>{said[key][0]}<br><span lang="zh">{said[key][1]}</span></figcaption></figure>'
        for key, png in pictures.items()
    )
    seeds = ", ".join(map(str, sorted({r.seed for r in results})))
    raw = "".join(
        f"<li>{r.controller}, {r.seed}, {r.sensors}: <code>{escape(r.outputs)}</code></li>" for r in results
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        f"<h1>{name}</h1>"
        f"<p>{first.seconds:.0f} s from {first.begin_s:.0f} s, scale {first.scale:g}, {first.score.vehicles} "
        f"vehicles, seeds {seeds}. Simulated. Delay, trip, percentile and stops are over all scheduled vehicles, "
        f'finished or not.<br><span lang="zh">自 {first.begin_s:.0f} 秒起 {first.seconds:.0f} 秒，'
        f"需求比例 {first.scale:g}，车辆 {first.score.vehicles}，种子 {seeds}。仿真结果。"
        "延误、行程、分位数与停车次数统计全部计划车辆，无论是否到达。</span></p>"
        f"{_table(results)}{_rules(rules)}{drawn}"
        f'<p>SUMO\'s own outputs<br><span lang="zh">SUMO原始输出</span></p><ul>{raw}</ul></html>'
    )


def _rules(rules: Sequence[str]) -> str:
    """The rules in force; nothing without any."""
    if not rules:
        return ""
    lines = "".join(f"<li>{escape(rule)}</li>" for rule in rules)
    zh = '<span lang="zh">各控制器均遵守的city.toml规则</span>'
    return f"<p>Rules of city.toml in force, under every controller<br>{zh}</p><ul>{lines}</ul>"


def _table(results: Sequence[TrialResult]) -> str:
    best = best_delay_s(results)
    heads = "".join(f'<th>{en}<br><span lang="zh">{zh}</span></th>' for en, zh in _HEADS)
    rows = []
    for controller in _by_controller(results):
        cells = (controller, *figures([r for r in results if r.controller == controller], best))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{heads}</tr>{''.join(rows)}</table>"
