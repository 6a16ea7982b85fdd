"""All-red: the program's own, else by formula."""

from __future__ import annotations

import pytest

from citybrain.network.change_time import all_red_times
from citybrain.network.netfile import ProgramRow


def program(*phases: tuple[str, float]) -> ProgramRow:
    return ProgramRow("x", "0", "static", 0.0, list(phases))


@pytest.mark.parametrize(
    ("way_m", "speed_mps", "all_red_s"),
    [
        (0.0, 13.9, 1.0),
        (20.0, 13.9, 1.0),
        (33.0, 8.3, 2.0),
        (80.0, 13.9, 3.0),
        (90.0, 8.3, 6.0),
        (400.0, 13.9, 6.0),
    ],
)
def test_without_an_own_all_red_the_way_to_the_middle_is_cleared(
    way_m: float, speed_mps: float, all_red_s: float
) -> None:
    bare = program(("Gr", 20.0), ("yr", 3.0), ("rG", 20.0), ("ry", 3.0))
    made = all_red_times(bare, 2, [(5.0, 13.9), (way_m, speed_mps)])
    assert made == (all_red_s, all_red_s)
    assert made[0] > min((way_m / 2 + 6.0) / speed_mps, 6.0) - 1.0


@pytest.mark.parametrize(
    ("first_s", "second_s", "all_red_s"), [(2.0, 2.0, (2.0, 2.0)), (1.0, 5.0, (1.0, 5.0)), (9.0, 0.0, (6.0, 6.0))]
)
def test_the_programs_own_all_red_stands_whatever_the_formula_says(
    first_s: float, second_s: float, all_red_s: tuple[float, float]
) -> None:
    """After each link that which follows its yellow; longer than any clearance it is a wait, and none after a
    yellow, where others have one, is what these have."""
    own = program(("Gr", 20.0), ("yr", 3.0), ("rr", first_s), ("rG", 20.0), ("ry", 3.0), ("rr", second_s))
    assert all_red_times(own, 2, [(400.0, 13.9)]) == all_red_s
