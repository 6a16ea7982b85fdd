"""Where things run: the bus, the runners of steps, the registers, the processes, the data folder.

`NatsServer` is the bus's server as a child process and `Bus` a connection to it. `Graph` joins steps;
`LocalRunner` runs it in process, `BusRunner` on the bus, `replay` a second time from the log.
`Registers` are the SQL tables, `Supervisor` starts and watches processes, `DataFolder` is the one
folder in which all of it lies.
"""

from typing import TYPE_CHECKING, Any

from citybrain.cloud._durable import Delivery
from citybrain.cloud._live import Listener, Tail
from citybrain.cloud.bus import Bus, Fill
from citybrain.cloud.child import ready, watch_parent
from citybrain.cloud.errors import (
    BusRefused,
    CheckpointError,
    CloudError,
    DataFolderError,
    NatsServerError,
    ProcessError,
    RegisterError,
    RequestFailed,
)
from citybrain.cloud.folder import DataFolder, atomic_write
from citybrain.cloud.graph import Graph, GraphError, Outcome, digest
from citybrain.cloud.invocation import Invocation
from citybrain.cloud.log import configure_log, hide
from citybrain.cloud.metrics import Metrics, MetricsBoard
from citybrain.cloud.replay import BusLog, Difference, Log, ReplayError, ReplayReport, replay
from citybrain.cloud.runner import BusRunner, LocalRunner
from citybrain.cloud.server import BusAddress, NatsServer, find_nats_server, kept
from citybrain.cloud.supervisor import Child, ProcessEvent, StoppedBefore, Supervisor
from citybrain.cloud.wire import Position, Stored

if TYPE_CHECKING:
    from citybrain.cloud.registers import Registers

__all__ = [
    "Bus",
    "BusAddress",
    "BusLog",
    "BusRefused",
    "BusRunner",
    "CheckpointError",
    "Child",
    "CloudError",
    "DataFolder",
    "DataFolderError",
    "Delivery",
    "Difference",
    "Fill",
    "Graph",
    "GraphError",
    "Invocation",
    "Listener",
    "LocalRunner",
    "Log",
    "Metrics",
    "MetricsBoard",
    "NatsServer",
    "NatsServerError",
    "Outcome",
    "Position",
    "ProcessError",
    "ProcessEvent",
    "RegisterError",
    "Registers",
    "ReplayError",
    "ReplayReport",
    "RequestFailed",
    "StoppedBefore",
    "Stored",
    "Supervisor",
    "Tail",
    "atomic_write",
    "configure_log",
    "digest",
    "find_nats_server",
    "hide",
    "kept",
    "ready",
    "replay",
    "watch_parent",
]


def __getattr__(name: str) -> Any:
    # SQLAlchemy takes 0.2 s and 20 MB, and most processes have no registers.
    if name == "Registers":
        from citybrain.cloud.registers import Registers

        return Registers
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
