"""How failures end on the command line: one line, an exit code, nothing else.

Exit codes: 0 done; 1 a check or a replay found a difference; 2 wrong input or settings; 3 not possible now (no
city runs, the folder is in use); 70 a fault of ours (sysexits.h EX_SOFTWARE); 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from citybrain.city.settings import SettingsError
from citybrain.model import DeclarationError

EXIT_DIFFERENCE = 1
EXIT_INPUT = 2
EXIT_NOT_NOW = 3
EXIT_INTERNAL = 70

_INPUT = (
    ("citybrain.network", "ScenarioError"),
    ("citybrain.network", "NetError"),
    ("citybrain.network", "RuleError"),
    ("citybrain.network", "UtdfError"),
    ("citybrain.hub", "HubError"),
    ("citybrain.library", "LibraryError"),
    ("citybrain.city.trial_runs", "TrialError"),
    ("citybrain.city.trial_score", "ScoreError"),
)
_NOT_NOW = (("citybrain.cloud", "CloudError"),)


class NotRunning(RuntimeError):
    """The city must run for this, or must not."""


class PreparationFailed(RuntimeError):
    """The city cannot be prepared; the line comes from the process that tried."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


def explain(error: Exception) -> tuple[str, int]:
    """The line and the exit code for an error."""
    if isinstance(error, PreparationFailed):
        return str(error), error.code
    if isinstance(error, (NotRunning, *_known(_NOT_NOW))):
        return str(error), EXIT_NOT_NOW
    if isinstance(error, (SettingsError, DeclarationError, *_known(_INPUT))):
        return str(error), EXIT_INPUT
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}", EXIT_NOT_NOW
    return f"{type(error).__name__}: {error} (a fault of City Brain; please report it)", EXIT_INTERNAL


def _known(names: tuple[tuple[str, str], ...]) -> Iterator[type[Exception]]:
    """The error classes of the rooms that are loaded: no other can have raised one."""
    for module, name in names:
        if module in sys.modules:
            yield getattr(sys.modules[module], name)
