"""The detectors of an approach lane and what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CAMERA, UPSTREAM, STOP_LINE = range(3)
"""Detectors of a lane: the camera sees count, halted and speed, the loops count who entered and who passed."""

_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Numbers:
    """What detectors say of n lanes since their last reading; speed is NaN where nobody is or nobody sees it."""

    count: _Floats
    halted: _Floats
    entered: _Floats
    passed: _Floats
    speed_mps: _Floats
    stop_occupied: _Flags
    upstream_occupied: _Flags
