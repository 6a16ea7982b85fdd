from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.city.minutes import KEEP, Minutes
from citybrain.city.pace import GIVE_UP_S, Pace


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    speed=st.floats(0.1, 100),
    work=st.lists(st.floats(0, 0.5), min_size=1, max_size=60),
)
def test_the_pace_holds_the_speed_unless_work_outruns_it(speed: float, work: list[float]) -> None:
    clock = _Clock()
    pace = Pace(speed, clock)
    start = clock.now
    gave_up = False
    for took in work:
        clock.now += min(took, 1 / speed)
        clock.now += pace.delay(1.0)
        gave_up = gave_up or pace.behind_s > GIVE_UP_S
    assert not gave_up
    assert clock.now - start == pytest.approx(len(work) / speed)


def test_a_slow_minute_is_not_made_up_for() -> None:
    clock = _Clock()
    pace = Pace(1.0, clock)
    clock.now += 60
    assert pace.delay(1.0) == 0
    assert pace.behind_s == pytest.approx(59)
    assert pace.delay(1.0) == pytest.approx(1.0)


def test_minutes_are_whole_and_few(tmp_path: Path) -> None:
    minutes = Minutes(tmp_path, "street")
    assert minutes.newest() is None
    for t in range(0, 10 * 60_000, 60_000):
        minutes.save(t, lambda folder: _write(folder, "x"))
    assert minutes.times() == list(range(5 * 60_000, 10 * 60_000, 60_000))
    assert len(minutes.times()) == KEEP
    newest = minutes.newest(not_after_ms=7 * 60_000 + 1)
    assert newest is not None
    assert newest[0] == 7 * 60_000
    assert (newest[1] / "state").read_text() == "x"


def test_a_failed_save_leaves_the_last_one(tmp_path: Path) -> None:
    minutes = Minutes(tmp_path, "street")
    minutes.save(60_000, lambda folder: _write(folder, "good"))

    def fail(folder: Path) -> None:
        _write(folder, "half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        minutes.save(120_000, fail)
    assert minutes.times() == [60_000]
    assert not list(minutes.folder.glob("*.part"))


def test_a_damaged_minute_gives_way_to_the_one_before(tmp_path: Path) -> None:
    minutes = Minutes(tmp_path, "street")
    minutes.save(60_000, lambda folder: _write(folder, "good"))
    minutes.save(120_000, lambda folder: _write(folder, "damaged"))

    def load(saved: Path | None) -> str:
        text = (saved / "state").read_text() if saved else "anew"
        if text == "damaged":
            raise ValueError("not a saved minute")
        return text

    assert minutes.restore(load) == "good"
    assert minutes.times() == [60_000]
    assert minutes.restore(load, not_after_ms=0) == "anew"


def test_a_restored_city_drops_the_minutes_ahead(tmp_path: Path) -> None:
    minutes = Minutes(tmp_path, "street")
    for t in (60_000, 120_000, 180_000):
        minutes.save(t, lambda folder: _write(folder, "x"))
    minutes.save(120_000, lambda folder: _write(folder, "again"))
    assert minutes.times() == [60_000, 120_000]


def _write(folder: Path, text: str) -> None:
    (folder / "state").write_text(text)
