"""The shadow processes by name, and the control that each runs under."""

from __future__ import annotations

from citybrain.city.settings import Shadow

SHADOWS: dict[str, Shadow] = {"shadow": "actuated", "shadow-own": "own"}
