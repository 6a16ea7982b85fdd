"""What goes in comes out: exactly once, in its newest version, as it was known at any moment, sealed or not."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from library_city import DAY_MS, PLACE, READING, START_MS, Oracle, places, readings
from msgspec.structs import replace

from citybrain.library import Library, LibraryError
from citybrain.model import Batch, Declarations, FieldType, arrow_schema

HISTORY = f"SELECT place, time, value FROM {READING} ORDER BY time, place"
NOW = f"SELECT place, time, value FROM now.{READING} ORDER BY place"

STEP_MS = 25_000
"""Between two appends: the current state is folded at every third, so that tails of any length are read."""


def holds(library: Library, oracle: Oracle, moments: list[int | None]) -> None:
    for at in moments:
        assert library.query(HISTORY, as_of_ms=at).to_pylist() == oracle.history(at)
        assert library.query(NOW, as_of_ms=at).to_pylist() == oracle.now(at)


@dataclass(frozen=True)
class Append:
    batches: tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...]


@dataclass(frozen=True)
class Seal:
    until_ms: int


@dataclass(frozen=True)
class Reopen:
    pass


# Times fall on three days, in steps of 6 hours, so that the same identity comes again and rows come late.
_times = st.integers(0, 11).map(lambda n: START_MS + n * DAY_MS // 4)
_rows = st.lists(st.tuples(st.sampled_from("abc"), _times, st.integers(0, 9)), min_size=1, max_size=6).map(tuple)
_append = st.lists(st.tuples(st.sampled_from([f"batch-{i}" for i in range(12)]), _rows), max_size=3).map(
    lambda batches: Append(tuple(batches))
)
_seal = st.integers(0, 16).map(lambda n: Seal(START_MS + n * DAY_MS // 5))
_steps = st.lists(st.one_of(_append, _append, _append, _seal, st.just(Reopen())), min_size=2, max_size=9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_any_course_of_events_reads_as_the_oracle_says(
    declarations: Declarations, steps: list[Append | Seal | Reopen]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        library, oracle = Library(Path(name), declarations), Oracle()
        try:
            for number, step in enumerate(steps, 1):
                match step:
                    case Append(batches):
                        made = [readings(declarations, i, rows) for i, rows in batches]
                        assert library.append(made, number * STEP_MS) == oracle.append(made, number * STEP_MS)
                    case Seal(until_ms):
                        library.seal(until_ms)
                    case Reopen():
                        library.close()
                        library = Library(Path(name), declarations)
                holds(library, oracle, [None])
            holds(library, oracle, [n * 2 * STEP_MS + STEP_MS for n in range(len(steps) // 2)])
        finally:
            library.close()


def test_order_and_repetition_of_deliveries_do_not_matter(declarations: Declarations, tmp_path: Path) -> None:
    made = [readings(declarations, f"b{i}", [(p, START_MS + i * 1000, i) for p in "abc"]) for i in range(20)]
    answers = []
    for seed in range(4):
        rng = random.Random(seed)
        deliveries = made + rng.choices(made, k=15)
        rng.shuffle(deliveries)
        with Library(tmp_path / str(seed), declarations) as library:
            stored = 0
            while deliveries:
                take = rng.randint(1, 6)
                stored += library.append(deliveries[:take], 1000)
                deliveries = deliveries[take:]
            assert stored == 60
            answers.append((library.query(HISTORY), library.query(NOW)))
    assert all(a == answers[0] for a in answers)
    assert answers[0][0].num_rows == 60


def test_every_row_tells_when_and_with_which_batch_it_came(declarations: Declarations, folder: Path) -> None:
    sql = f"SELECT value, epoch_ms(received_at) AS received, batch_id FROM {READING} ORDER BY value"
    expected = [
        {"value": 1, "received": 7000, "batch_id": "first"},
        {"value": 2, "received": 8000, "batch_id": "zwei"},
    ]
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "first", [("a", START_MS, 1)])], 7000)
        library.append([readings(declarations, "zwei", [("a", START_MS + DAY_MS, 2)])], 8000)
        assert library.query(sql).to_pylist() == expected
        assert library.query(sql.replace(READING, f"now.{READING}")).to_pylist() == expected[1:]
        library.seal(START_MS + DAY_MS)
        assert library.query(sql).to_pylist() == expected


def test_received_at_always_grows(declarations: Declarations, folder: Path) -> None:
    """Two commits within one millisecond, and a wall clock that was set back, keep their order."""
    with Library(folder, declarations) as library:
        for value, wall in ((1, 5000), (2, 5000), (3, 4000)):
            library.append([readings(declarations, f"b{value}", [("a", START_MS, value)])], wall)
        assert library.received_ms == 5002
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "b4", [("a", START_MS, 4)])], 10)
        assert [library.query(HISTORY, as_of_ms=5000 + n).column("value").to_pylist() for n in range(4)] == [
            [1], [2], [3], [4],
        ]  # fmt: skip


def test_a_register_shows_its_newest_row_by_key(declarations: Declarations, folder: Path) -> None:
    sql = f"SELECT place, value FROM {PLACE} ORDER BY place"
    with Library(folder, declarations) as library:
        library.append([places(declarations, "b1", [("a", 1), ("b", 1), ("a", 2)])], 1000)
        library.append([places(declarations, "b2", [("b", 3)])], 2000)
        assert library.query(sql).to_pylist() == [{"place": "a", "value": 2}, {"place": "b", "value": 3}]
        assert library.query(sql, as_of_ms=1500).column("value").to_pylist() == [2, 1]
        assert library.query(sql.replace(PLACE, f"now.{PLACE}")) == library.query(sql)


def test_all_datasets_of_an_append_or_none(declarations: Declarations, folder: Path) -> None:
    class Broken(RuntimeError):
        pass

    def broken(place: str) -> None:
        if place == "append.commit":
            raise Broken

    both = [places(declarations, "p", [("a", 1)]), readings(declarations, "r", [("a", START_MS, 1)])]
    with Library(folder, declarations, reached=broken) as library, pytest.raises(Broken):
        library.append(both, 1000)
    with Library(folder, declarations) as library:
        assert [s.open_rows for s in library.stock()] == [0, 0, 0]
        assert library.append(both, 1000) == 2


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        (lambda d: Batch("test.other", "b", readings(d, "b", []).rows), "no dataset 'test.other' is declared"),
        (lambda d: Batch(PLACE, "b", readings(d, "b", [("a", START_MS, 1)]).rows), "unknown field 'time'"),
        (lambda d: readings(d, "b", [("a", -1, 1)]), "'time' must be a time from 1970 to 9999"),
        (lambda d: readings(d, "b", [("a", 2**60, 1)]), "'time' is not within the years 1 to 9999"),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    declarations: Declarations, folder: Path, batch: object, says: str
) -> None:
    assert callable(batch)
    with Library(folder, declarations) as library:
        with pytest.raises(LibraryError, match=says):
            library.append([readings(declarations, "good", [("a", START_MS, 1)]), batch(declarations)], 1000)
        assert library.query(HISTORY).num_rows == 0


def test_live_only_datasets_are_passed_over(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        assert library.append([readings(declarations, "f", [("a", START_MS, 1)], "test.frame")], 1000) == 0
        assert library.passed_over == 1


def test_one_process_owns_a_library(declarations: Declarations, folder: Path) -> None:
    with (
        Library(folder, declarations),
        pytest.raises(LibraryError, match="another process owns this library") as e,
    ):
        Library(folder, declarations)
    assert "\n" not in str(e.value)
    Library(folder, declarations).close()


def test_another_format_is_refused(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        library._con.execute("UPDATE main.format SET version = 99")
    with pytest.raises(LibraryError, match="format 99, this program reads 1"):
        Library(folder, declarations)


def test_a_broken_file_is_one_line(declarations: Declarations, folder: Path) -> None:
    folder.mkdir()
    (folder / "now.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(LibraryError) as e:
        Library(folder, declarations)
    assert str(folder) in str(e.value)
    assert "\n" not in str(e.value)


def test_an_added_field_reads_as_null_in_what_was_sealed_before(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "b1", [("a", START_MS, 1)])], 1000)
        library.seal(START_MS + DAY_MS)
        library.append([readings(declarations, "b2", [("a", START_MS + DAY_MS, 2)])], 2000)
    old = declarations[READING]
    extra = replace(old.field("value"), name="extra")
    wider = Declarations(declarations | {READING: replace(old, fields=(*old.fields, extra))})
    with Library(folder, wider) as library:
        rows = library.query(f"SELECT value, extra FROM {READING} ORDER BY time").to_pylist()
        assert rows == [{"value": 1, "extra": None}, {"value": 2, "extra": None}]
        library.append([readings(declarations, "b3", [("b", START_MS, 3)])], 3000)
        library.seal(START_MS + DAY_MS)
        found = library.query(f"SELECT sum(value) AS s, count(extra) AS n FROM {READING}").to_pylist()
        assert found == [{"s": 6, "n": 0}]


def test_a_new_version_of_a_dataset_has_a_table_of_its_own(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "b1", [("a", START_MS, 1)])], 1000)
        library.seal(START_MS + DAY_MS)
    old = declarations[READING]
    text = replace(old.field("value"), type=FieldType.TEXT)
    changed = Declarations(declarations | {READING: replace(old, version=2, fields=(*old.fields[:2], text))})
    with Library(folder, changed) as library:
        rows = pa.record_batch([["a"], [START_MS], ["one"]], schema=arrow_schema(changed[READING]))
        library.append([Batch(READING, "b2", rows)], 2000)
        assert library.query(f"SELECT value FROM {READING}").to_pylist() == [{"value": "one"}]
        library.seal(START_MS + DAY_MS)
        assert library.query(f"SELECT value FROM now.{READING}").to_pylist() == [{"value": "one"}]
        assert {p.name for p in (folder / "parquet").iterdir()} == {READING, f"{READING}@2"}
    with Library(folder, declarations) as library:
        assert library.query(f"SELECT value FROM {READING}").to_pylist() == [{"value": 1}]


def test_a_sealed_day_is_one_ordered_file_and_stands_in_the_manifest(
    declarations: Declarations, folder: Path
) -> None:
    with Library(folder, declarations) as library:
        rows = [(p, START_MS + n * DAY_MS // 8, n) for n in range(20) for p in "cab"]
        random.Random(1).shuffle(rows)
        library.append([readings(declarations, "b", rows)], 1000)
        library.seal(START_MS + 2 * DAY_MS)
        manifest = json.loads((folder / "manifest.json").read_bytes())
        files = manifest["files"][READING]
        assert manifest["format"] == 1
        assert [(f["day"], f["rows"]) for f in files] == [("2024-10-04", 24), ("2024-10-05", 24)]
        assert sorted(p.name for p in (folder / "parquet" / READING).iterdir()) == [
            Path(f["file"]).name for f in files
        ]
        table = pq.read_table(folder / files[0]["file"])
        assert table.column("time").to_pylist() == sorted(table.column("time").to_pylist())
        assert pq.read_metadata(folder / files[0]["file"]).row_group(0).column(0).compression == "ZSTD"
        (stock,) = [s for s in library.stock() if s.dataset == READING]
        assert (stock.open_rows, stock.sealed_rows, stock.sealed_files) == (12, 48, 2)


def test_late_rows_make_a_new_version_of_the_file(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "b1", [("a", START_MS, 1), ("b", START_MS, 1)])], 1000)
        library.seal(START_MS + DAY_MS)
        (first,) = (folder / "parquet" / READING).iterdir()
        library.append([readings(declarations, "b2", [("a", START_MS, 2)])], 2000)
        library.seal(START_MS + DAY_MS)
        (second,) = (folder / "parquet" / READING).iterdir()
        assert first.name != second.name
        assert pq.read_metadata(second).num_rows == 3
        assert library.query(HISTORY).column("value").to_pylist() == [2, 1]
        assert library.query(HISTORY, as_of_ms=1000).column("value").to_pylist() == [1, 1]


def test_a_month_that_ended_becomes_one_file(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:  # START_MS is 4 October
        for n in range(0, 40, 3):
            library.append([readings(declarations, f"b{n}", [("a", START_MS + n * DAY_MS, n)])], 1000 + n)
        library.append([readings(declarations, "again", [("a", START_MS, 99)])], 2000)
        moments = [None, 1000, 1015, 2000]
        before = [library.query(HISTORY, as_of_ms=at) for at in moments]
        library.seal(START_MS + 10 * DAY_MS)
        assert len(list((folder / "parquet" / READING).iterdir())) == 4
        library.seal(START_MS + 35 * DAY_MS)
        names = sorted(p.name.rsplit("-", 1)[0] for p in (folder / "parquet" / READING).iterdir())
        assert names == ["2024-10", "2024-11-03", "2024-11-06"]
        assert [library.query(HISTORY, as_of_ms=at) for at in moments] == before
        library.append([readings(declarations, "late", [("a", START_MS + DAY_MS, 7)])], 3000)
        library.seal(START_MS + 35 * DAY_MS)
        assert library.query(HISTORY).num_rows == before[0].num_rows + 1
        assert library.query(HISTORY, as_of_ms=2000) == before[0]


def test_sealing_follows_city_time(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        library.append([readings(declarations, "b1", [("a", START_MS + DAY_MS - 1, 1)])], 1000)
        library.append([readings(declarations, "b2", [("a", START_MS + DAY_MS + 60_000, 2)])], 2000)
        library.seal_due(START_MS + DAY_MS + 400_000)
        assert [s.sealed_rows for s in library.stock() if s.dataset == READING] == [0]
        library.append([readings(declarations, "b3", [("a", START_MS + DAY_MS + 400_000, 3)])], 3000)
        library.seal_due(START_MS + DAY_MS)  # the city's clock is what counts
        assert [s.sealed_rows for s in library.stock() if s.dataset == READING] == [0]
        library.seal_due(START_MS + DAY_MS + 400_000)
        (stock,) = [s for s in library.stock() if s.dataset == READING]
        assert (stock.sealed_rows, stock.open_rows) == (1, 2)


def test_a_full_file_is_sealed_before_its_day_ends(
    declarations: Declarations, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import citybrain.library._seal as sealing
    import citybrain.library.library as keeping

    monkeypatch.setattr(sealing, "ROWS_PER_FILE", 100)
    monkeypatch.setattr(keeping, "ROWS_PER_FILE", 100)
    with Library(folder, declarations) as library:
        rows = [(p, START_MS + n * 10_000, n) for n in range(100) for p in "abcd"]
        library.append([readings(declarations, "b", rows)], 1000)
        before = library.query(HISTORY)
        library.seal_due(START_MS + DAY_MS)
        (stock,) = [s for s in library.stock() if s.dataset == READING]
        assert stock.sealed_files == 3
        assert stock.open_rows == 4 * 31
        assert library.query(HISTORY) == before


def test_retention_forgets_by_city_time(declarations: Declarations, folder: Path) -> None:
    with Library(folder, declarations) as library:
        for n in range(4):
            library.append([readings(declarations, f"b{n}", [(f"p{n}", START_MS + n * DAY_MS, n)])], 1000 + n)
        library.seal(START_MS + 2 * DAY_MS)
        assert library.expire(START_MS + 29 * DAY_MS) == 0
        assert library.expire(START_MS + 33 * DAY_MS) == 3
        assert library.query(HISTORY).column("value").to_pylist() == [3]
        assert library.query(NOW).column("value").to_pylist() == [3]
        assert list((folder / "parquet" / READING).iterdir()) == []
        assert json.loads((folder / "manifest.json").read_bytes())["files"] == {}
