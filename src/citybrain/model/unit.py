"""Units of measure that a field may carry."""

from __future__ import annotations

from msgspec import Struct


class Unit(Struct, frozen=True):
    """A unit: its symbol, its UN/CEFACT Recommendation 20 code (None where there is none), its names."""

    symbol: str
    cefact: str | None
    en: str
    zh: str


UNITS: dict[str, Unit] = {
    u.symbol: u
    for u in (
        Unit("1", "C62", "(ratio)", "（比值）"),
        Unit("%", "P1", "percent", "百分比"),
        Unit("s", "SEC", "seconds", "秒"),
        Unit("ms", "C26", "milliseconds", "毫秒"),
        Unit("min", "MIN", "minutes", "分钟"),
        Unit("h", "HUR", "hours", "小时"),
        Unit("m", "MTR", "metres", "米"),
        Unit("km", "KMT", "kilometres", "千米"),
        Unit("m/s", "MTS", "metres per second", "米/秒"),
        Unit("km/h", "KMH", "kilometres per hour", "千米/时"),
        Unit("deg", "DD", "degrees", "度"),
        Unit("kg", "KGM", "kilograms", "千克"),
        Unit("veh", None, "vehicles", "辆"),
        Unit("veh/h", None, "vehicles per hour", "辆/时"),
        Unit("veh/s", None, "vehicles per second", "辆/秒"),
        Unit("person", "IE", "persons", "人"),
        Unit("row", None, "rows", "行"),
        Unit("B", "AD", "bytes", "字节"),
        Unit("mm/h", None, "millimetres per hour", "毫米/时"),
    )
}
