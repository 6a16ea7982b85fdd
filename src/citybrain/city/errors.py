"""How failures end on the command line: one line, an exit code, nothing else.

Exit codes: 0 done; 1 a check or a replay found a difference; 2 wrong input or settings; 3 not possible now (no city
runs, the folder is in use); 70 a fault of ours (sysexits.h EX_SOFTWARE); 130 Ctrl-C.
"""

from __future__ import annotations

from citybrain.city.settings import SettingsError
from citybrain.cloud import BusRefused, CloudError
from citybrain.hub import HubError
from citybrain.library import LibraryError
from citybrain.model import DeclarationError
from citybrain.network import ScenarioError

EXIT_DIFFERENCE = 1
EXIT_INPUT = 2
EXIT_NOT_NOW = 3
EXIT_INTERNAL = 70

_INPUT = (SettingsError, ScenarioError, DeclarationError, HubError, LibraryError)
_NOT_NOW = (BusRefused, CloudError)


class NotRunning(RuntimeError):
    """The city must run for this, or must not."""


def explain(error: Exception) -> tuple[str, int]:
    """The line and the exit code for an error."""
    if isinstance(error, (*_NOT_NOW, NotRunning)):
        return str(error), EXIT_NOT_NOW
    if isinstance(error, _INPUT):
        return str(error), EXIT_INPUT
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}", EXIT_NOT_NOW
    return f"{type(error).__name__}: {error} (a fault of City Brain; please report it)", EXIT_INTERNAL
