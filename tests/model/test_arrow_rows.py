from __future__ import annotations

import string
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import citybrain
from citybrain.model import (
    Dataset,
    MapProjection,
    Tick,
    arrow_schema,
    conform,
    dump_state,
    from_bytes,
    from_ms,
    load_state,
    parse_time,
    read_declaration,
    to_bytes,
    to_ms,
)
from citybrain.model.arrow import FIRST_MS, LAST_MS, TIME

DATASETS = Path(citybrain.__file__).parent / "network" / "datasets"


@pytest.fixture(scope="module")
def speed() -> Dataset:
    return read_declaration(DATASETS / "traffic_link_speed.toml")


ROWS = st.lists(
    st.tuples(
        st.text(alphabet=string.printable + "路口北", max_size=20),
        st.integers(0, 4_102_444_800_000),
        st.floats(0, 60),
        st.floats(0, 60),
        st.integers(0, 1_000_000),
    ),
    max_size=40,
)


def _batch(dataset: Dataset, rows: list[tuple[str, int, float, float, int]]) -> pa.RecordBatch:
    columns = [list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in dataset.fields]
    schema = arrow_schema(dataset)
    return pa.RecordBatch.from_arrays(
        [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )


@given(rows=ROWS)
def test_rows_survive_the_wire(speed: Dataset, rows: list[tuple[str, int, float, float, int]]) -> None:
    batch = _batch(speed, rows)
    assert from_bytes(to_bytes(batch), speed).equals(batch)


@given(junk=st.binary(max_size=400))
def test_junk_is_refused_in_words(speed: Dataset, junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"traffic\.link_speed"):
        from_bytes(junk, speed)


@given(rows=ROWS.filter(bool), cut=st.integers(1, 300))
def test_a_cut_message_is_refused(
    speed: Dataset, rows: list[tuple[str, int, float, float, int]], cut: int
) -> None:
    data = to_bytes(_batch(speed, rows))
    with pytest.raises(ValueError, match=r"traffic\.link_speed"):
        from_bytes(data[: len(data) // 2 - min(cut, len(data) // 4)], speed)


def test_fields_that_do_not_fit_are_named(speed: Dataset) -> None:
    batch = _batch(speed, [("a", 0, 1.0, 2.0, 3)])
    with pytest.raises(ValueError, match="'probes' is missing"):
        conform(batch.drop_columns(["probes"]), speed)
    with pytest.raises(ValueError, match="unknown field 'x'"):
        conform(batch.append_column("x", pa.array([1])), speed)
    with pytest.raises(ValueError, match="'link' may not be null"):
        conform(batch.set_column(0, "link", pa.array([None], pa.string())), speed)
    with pytest.raises(ValueError, match="'speed_mps' is string"):
        conform(batch.set_column(2, "speed_mps", pa.array(["fast"])), speed)


def test_a_batch_of_the_declared_schema_is_looked_at_too(speed: Dataset) -> None:
    """Whoever writes Arrow may put a null, or a time that no reader can write, where no schema forbids it."""
    batch = _batch(speed, [("a", 0, 1.0, 2.0, 3), ("b", 0, 1.0, 2.0, 3)])
    null = pa.array(["a", None], pa.string())
    columns = [null if f.name == "link" else batch.column(f.name) for f in batch.schema]
    with pytest.raises(ValueError, match="'link' may not be null"):
        from_bytes(to_bytes(pa.RecordBatch.from_arrays(columns, schema=batch.schema)), speed)
    (time,) = (f.name for f in batch.schema if pa.types.is_timestamp(f.type))
    for ms, fits in (
        (FIRST_MS, True),
        (FIRST_MS - 1, False),
        (LAST_MS, True),
        (LAST_MS + 1, False),
        (1 << 61, False),
    ):
        late = pa.array([0, ms], pa.int64()).view(TIME)
        columns = [late if f.name == time else batch.column(f.name) for f in batch.schema]
        rows = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
        if fits:
            assert from_bytes(to_bytes(rows), speed).to_pylist() == rows.to_pylist()
        else:
            with pytest.raises(ValueError, match=f"'{time}' is not within the years 1 to 9999"):
                from_bytes(to_bytes(rows), speed)


def test_an_older_writer_lacks_a_nullable_field(speed: Dataset) -> None:
    field = msgspec.structs.replace(speed.field("probes"), name="note", nullable=True)
    newer = msgspec.structs.replace(speed, fields=(*speed.fields, field))
    rows = from_bytes(to_bytes(_batch(speed, [("a", 0, 1.0, 2.0, 3)])), newer)
    assert rows.column("note").null_count == 1


@given(ms=st.integers(0, 4_102_444_800_000))
def test_times_are_aware_and_exact(ms: int) -> None:
    assert to_ms(from_ms(ms)) == ms
    assert parse_time(from_ms(ms).isoformat()) == from_ms(ms)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        parse_time("2026-11-22T07:00:00")
    with pytest.raises(ValueError, match="not a time: write"):
        parse_time("07:00")


def test_a_state_is_data_and_never_code() -> None:
    state = {"queue": np.arange(4.0), "seen": np.array(["a", "b"])}
    back = load_state(dump_state(state))
    assert set(back) == {"queue", "seen"}
    assert np.array_equal(back["queue"], state["queue"])
    with pytest.raises(ValueError, match="object"):
        dump_state({"bad": np.array([object()], dtype=object)})
    with pytest.raises(ValueError):
        load_state(b"not a state")


def test_a_tick_names_its_batches() -> None:
    tick = Tick(run=2, seq=7, time_ms=1000)
    assert tick.batch_id("traffic.tick", "street") == "traffic.tick/street/2/1000"
    assert Tick(2, 8, 500) > tick


def test_the_projection_of_a_plane_at_the_equator() -> None:
    metres = 1 / 40_075_016.686
    projection = MapProjection(
        crs="local", x0=0, y0=0, scale=1,
        to_x=(0.5, metres, 0, 0, 0, 0), to_y=(0.5, 0, -metres, 0, 0, 0), error_m=0,
    )  # fmt: skip
    lonlat = projection.lonlat(np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0]]))
    assert np.allclose(lonlat[0], 0)
    assert np.allclose(lonlat[1], [1000 / 111_319.49, 0], atol=1e-9)
    assert np.allclose(lonlat[2], [0, 1000 / 111_319.49], atol=1e-7)
