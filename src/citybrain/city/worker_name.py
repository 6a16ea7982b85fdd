"""The processes of the brain's workers by name."""

from __future__ import annotations

from citybrain.city.settings import MOST_WORKERS

WORKERS = {"brain" if k == 1 else f"brain-{k}": k for k in range(1, MOST_WORKERS + 1)}
"""The number of the worker that each process is."""
