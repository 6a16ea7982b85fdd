"""Ids and their places."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from citybrain.brain.ids import Ids

MANY = 150
KNOWN = ["a", "bb", "", "路口", "a:b>c"]


@given(st.lists(st.sampled_from([*KNOWN, "unknown", "ab", "b"])), st.integers(0, 3), st.integers(0, 9))
def test_places_of_any_column(names: list[str], start: int, length: int) -> None:
    ids = Ids(KNOWN)
    for copies in (1, 201):  # few names are looked up one by one, many at once
        column = pa.array(names * copies, pa.string()).slice(start, length * copies)
        wanted = [KNOWN.index(n) if n in KNOWN else -1 for n in column.to_pylist()]
        assert ids.places(column).tolist() == wanted
        assert ids.places(column).tolist() == wanted, "the very column"
        assert ids.places(pa.array(column.to_pylist(), pa.string())).tolist() == wanted, "an equal one"


def test_columns_of_equal_letters_are_told_apart() -> None:
    ids = Ids(["ab", "c", "a", "bc"])
    assert ids.places(pa.array(["ab", "c"] * MANY)).tolist() == [0, 1] * MANY
    assert ids.places(pa.array(["a", "bc"] * MANY)).tolist() == [2, 3] * MANY


def test_memory_is_bounded_and_changes_nothing() -> None:
    ids = Ids([str(i) for i in range(200)])
    for _ in range(2):
        for i in range(200):
            assert ids.places(pa.array([str(i)] * 2 * MANY)).tolist() == [i] * 2 * MANY


def test_take_gives_null_where_there_is_none() -> None:
    assert Ids(KNOWN).take(np.array([1, -1, 0])).to_pylist() == ["bb", None, "a"]
    assert Ids([]).take(np.array([-1])).to_pylist() == [None]
    assert Ids(KNOWN).take(np.array([], np.int64)).to_pylist() == []
