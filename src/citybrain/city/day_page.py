"""The report of a day as one HTML file that needs nothing else, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from zoneinfo import ZoneInfo

from citybrain.cockpit import Comparison, DayReport
from citybrain.model import Text, from_ms

AGAINST = {
    "actuated": Text("SUMO's actuated control", "SUMO感应控制"),
    "own_plan": Text("the junctions' own plans", "路口自有方案"),
}
MOSTLY = 0.9
"""Below this part of the time under the brain, a day says little of the brain."""
HIGH, BAR, GAP = 120, 11, 10
_STYLE = """
:root { color-scheme: light dark;
  --text: #16191d; --soft: #4b535c; --line: #e3e6e9; --bar: #c9ced4; --page: #fff; --bad: #a93a06; }
@media (prefers-color-scheme: dark) {
  :root { --text: #eceef0; --soft: #b3bbc3; --line: #262b30; --bar: #3a424a; --page: #14171a; --bad: #f8a15c; }
}
body { max-width: 860px; margin: 32px auto; padding: 0 20px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, 'Noto Sans CJK SC', sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; } h2 { font-size: 16px; margin-top: 32px; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 4px 8px; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 400; font-size: 12px; color: var(--soft); } td.n, th.n { text-align: right; }
.bad { color: var(--bad); } .soft, li { color: var(--soft); } svg { max-width: 100%; margin: 12px 0; }
.live { fill: var(--text); } .other { fill: var(--bar); } text { fill: var(--soft); font-size: 11px; }
"""


def day_page(name: Text, day: date, zone: ZoneInfo, report: DayReport) -> str:
    """The HTML of a report."""
    parts = [
        f"<h1>{escape(name.en)} · {escape(name.zh)}: {day}</h1>",
        "<p class=soft>Simulated city: figures of delay are simulation truth. · 仿真城市：延误均为仿真真值。</p>",
        *(_comparison(c, zone) for c in report.comparisons),
        _control(report),
        _signals(report, zone),
        _commands(report, zone),
        _caveats(report),
    ]
    title = f"{escape(name.en)}, {day}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "".join(parts)
    return f"<!doctype html><html lang=en><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>\n"


def _comparison(c: Comparison, zone: ZoneInfo) -> str:
    against = AGAINST[c.against]
    saved = "–" if c.gain is None else f"{c.gain:+.1%}"
    spread = "" if c.least is None or c.most is None else f" ({c.least:+.1%} … {c.most:+.1%})"
    rows = []
    for pair in c.hours:
        live, other = pair.live, pair.other
        worse = pair.gain is not None and pair.gain < 0
        gain = "–" if pair.gain is None else f"{'▲ ' if worse else ''}{pair.gain:+.1%}"
        numbers = [f"{live.delay_s:.1f}", f"{other.delay_s:.1f}", gain]
        for name in ("stops", "travel_s", "co2_kg", "longest_queue_m", "arrived_veh"):
            values = (getattr(live, name), getattr(other, name))
            numbers += ["–" if value is None else f"{value:.0f}" for value in values]
        numbers.append(f"{pair.samples / 360:.0%}")
        rows.append([_hour(pair.begin_ms, zone), *numbers])
    heads = [
        "hour · 时",
        "delay s · 延误秒",
        "shadow · 影子",
        "saved · 节省",
        "stops · 停车次数",
        "shadow · 影子",
        "travel s · 行程秒",
        "shadow · 影子",
        "CO₂ kg · 千克",
        "shadow · 影子",
        "longest queue m · 最长排队米",
        "shadow · 影子",
        "arrived veh · 到达",
        "shadow · 影子",
        "compared · 可比",
    ]
    return (
        f"<h2>Against {escape(against.en)} · 对比{escape(against.zh)}</h2>"
        f"<p>Mean delay · 平均延误: <b>{c.live.delay_s:.1f} s</b>, shadow · 影子 {c.other.delay_s:.1f} s; "
        f"saved · 节省 <b>{saved}</b>, hours · 各小时{spread}</p>{_more(c)}{_bars(c, zone)}{_table(heads, rows)}"
    )


def _more(c: Comparison) -> str:
    """Stops, travel time and CO₂ of the whole, where they were recorded."""
    said = (
        ("stops · 停车次数", c.live.stops, c.other.stops, c.stops_gain, ",d"),
        ("travel time s · 行程秒", c.live.travel_s, c.other.travel_s, c.travel_gain, ".1f"),
        ("CO₂ kg · CO₂千克", c.live.co2_kg, c.other.co2_kg, c.co2_gain, ",.0f"),
    )
    rows = [
        [
            name,
            f"{ours:{form}}",
            f"{others:{form}}",
            "–" if gain is None else f"{'▲ ' if gain < 0 else ''}{gain:+.1%}",
        ]
        for name, ours, others, gain, form in said
        if ours is not None and others is not None
    ]
    return _table(["", "this city · 本城", "shadow · 影子", "saved · 节省"], rows) if rows else ""


def _bars(c: Comparison, zone: ZoneInfo) -> str:
    """Mean delay by hour."""
    top = max(max(p.live.delay_s, p.other.delay_s) for p in c.hours) or 1.0
    step = 2 * BAR + GAP
    bars = []
    for i, pair in enumerate(c.hours):
        for k, (kind, value) in enumerate((("live", pair.live.delay_s), ("other", pair.other.delay_s))):
            high = value / top * HIGH
            x = i * step + k * BAR
            bars.append(f"<rect class={kind} x={x} y={HIGH - high:.1f} width={BAR - 1} height={high:.1f}></rect>")
        bars.append(f"<text x={i * step} y={HIGH + 14}>{_hour(pair.begin_ms, zone)[:2]}</text>")
    words = "Mean delay by hour: left this city, right its shadow · 每小时平均延误：左为本城，右为影子城市"
    size = f"width={len(c.hours) * step} height={HIGH + 20}"
    return f'<svg {size} role=img aria-label="{words}">{"".join(bars)}</svg><p class=soft>{words}</p>'


def _control(report: DayReport) -> str:
    rows = [[escape(name), f"{share:.1%}"] for name, share in report.control.items()]
    happened = [["silences of the brain · 大脑失联", str(report.silences.n), str(report.silences.junctions)]]
    happened += [[f"refused · 拒绝: {escape(c.what)}", str(c.n), str(c.junctions)] for c in report.refusals]
    happened += [[f"died · 进程退出: {escape(c.what)}", str(c.n), "–"] for c in report.processes]
    return (
        "<h2>Control · 控制</h2>"
        + _table(["who decided · 控制方", "of the time · 时间占比"], rows)
        + _table(["what · 事件", "times · 次数", "junctions · 路口"], happened)
    )


def _signals(report: DayReport, zone: ZoneInfo) -> str:
    if not report.signals:
        return ""
    rows = []
    for s in report.signals:
        failed = f"{s.split_failures} ({s.split_failures / s.cycles:.1%})" if s.cycles else "–"
        shares = ["–" if s.on_green_share is None else f"{s.on_green_share:.0%}"]
        shares.append("–" if s.walk_wait_s is None else f"{s.walk_wait_s:.0f}")
        rows.append([_hour(s.begin_ms, zone), str(s.cycles), failed, *shares])
    heads = [
        "hour · 时",
        "cycles · 周期",
        "split failures · 绿灯不足",
        "on green · 绿灯到达",
        "on foot s · 行人等待秒",
    ]
    return "<h2>Signals, by detectors and lamps · 信号指标（检测器与信号灯）</h2>" + _table(heads, rows)


def _commands(report: DayReport, zone: ZoneInfo) -> str:
    if not report.commands:
        return ""
    done = {True: "done · 已执行", None: "no answer · 未答复"}
    rows = [
        [
            _hour(c.time_ms, zone),
            escape(c.area),
            escape(c.control) + ("" if c.stage is None else f" {c.stage + 1}"),
            escape(c.who),
            escape(c.why),
            done.get(c.accepted, f"refused · 拒绝: {escape(c.reason)}"),
        ]
        for c in report.commands
    ]
    heads = ["time · 时刻", "area · 区域", "command · 命令", "who · 人员", "why · 理由", "result · 结果"]
    return "<h2>Commands of people · 人员命令</h2>" + _table(heads, rows)


def _caveats(report: DayReport) -> str:
    ran = {c.against for c in report.comparisons}
    brain = report.control.get("brain", 0.0)
    lines = [
        *(
            [
                f"The brain decided only {brain:.0%} of the time: what was gained or lost is not its doing alone. "
                f"· 大脑仅控制{brain:.0%}的时间，得失不全归于大脑。"
            ]
            if brain < MOSTLY
            else []
        ),
        f"The city was scored in {report.scored_hours:.1f} h of the day; hours are compared over the moments that "
        f"both cities have. · 当日评分{report.scored_hours:.1f}小时，仅比较两城共有的时刻。",
        "Delay is the mean over vehicles on their way, waiting to enter, or arrived within 15 minutes, each 10 s. "
        "· 延误为在途、待驶入及近15分钟到达车辆的均值，每10秒一次。",
        "Stops are every fall below 0.1 m/s; travel time is of those that arrived, waiting to enter included; CO₂ "
        "is the simulator's emission model (HBEFA), sampled each 10 s, not measured. "
        "· 停车为车速降至0.1米/秒以下的次数；行程时间为已到达车辆，含等待驶入；"
        "CO₂为仿真排放模型（HBEFA）每10秒采样值，非实测。",
        *(
            f"No shadow city ran under {AGAINST[name].en}: nothing is said against it (street.shadow). "
            f"· 没有{AGAINST[name].zh}的影子城市，无法对比（street.shadow）。"
            for name in AGAINST
            if name not in ran
        ),
        "One day is one draw: the spread over hours is not the spread over days. "
        "· 一天只是一次抽样，小时间差异不等于日间差异。",
    ]
    return "<h2>What this does not say · 说明</h2><ul>" + "".join(f"<li>{escape(x)}</li>" for x in lines) + "</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML already; the first column is words, the others numbers where they look so."""
    head = "".join(f"<th{_kind(i, '0')}>{h}</th>" for i, h in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{_kind(i, c)}>{c}</td>" for i, c in enumerate(row)) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _kind(column: int, cell: str) -> str:
    bad = " bad" if cell.startswith("▲") else ""
    return f' class="n{bad}"' if column and cell[:1] in "0123456789+-–▲" else ""


def _hour(ms: int, zone: ZoneInfo) -> str:
    return f"{from_ms(ms).astimezone(zone):%H:%M}"
