"""Who may read what, and why.

`load_catalogue` gathers the declared datasets; `Hub.read` is the only way to read them outside the steps, `follow`
and `frames` the live ones, `request` the way of a person's command. `decide` is the one place where a reader, a
purpose and what a query touches become yes or no. `read_embedded` does the same on the data folder of a city that
does not run. Tables leave through `write_table`.
"""

from citybrain.hub.access import Decision, Purpose, Reader, Role, decide
from citybrain.hub.catalogue import Catalogue, Entry, load_catalogue
from citybrain.hub.embedded import read_embedded
from citybrain.hub.error import HubError, HubRefused
from citybrain.hub.export import FORMATS, write_table
from citybrain.hub.hub import Hub, Query
from citybrain.hub.switch import SwitchResult

__all__ = [
    "FORMATS",
    "Catalogue",
    "Decision",
    "Entry",
    "Hub",
    "HubError",
    "HubRefused",
    "Purpose",
    "Query",
    "Reader",
    "Role",
    "SwitchResult",
    "decide",
    "load_catalogue",
    "read_embedded",
    "write_table",
]
