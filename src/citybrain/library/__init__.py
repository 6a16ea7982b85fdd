"""The city's memory: current state, history, as-of reading, files.

`Library` owns a DuckDB file (the open day) and sealed Parquet files; batches land in it exactly once. In the
running city `LibraryServer` feeds it from the bus and answers, over the bus, the queries of `LibraryClient`. What
may be asked is in docs/query.md.
"""

from citybrain.library.client import LibraryClient
from citybrain.library.error import LibraryError, LibraryFull
from citybrain.library.library import Library, Stock
from citybrain.library.server import LibraryServer
from citybrain.library.sql import Asked, Source, analyse
from citybrain.library.wire import LibraryStats

__all__ = [
    "Asked",
    "Library",
    "LibraryClient",
    "LibraryError",
    "LibraryFull",
    "LibraryServer",
    "LibraryStats",
    "Source",
    "Stock",
    "analyse",
]
