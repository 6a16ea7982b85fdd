"""Where things run: the bus, the runners of steps, the registers, the processes, the data folder.

`NatsServer` is the bus's server as a child process and `Bus` a connection to it. `Graph` joins steps;
`LocalRunner` runs it in process, `BusRunner` on the bus, `replay` a second time from the log.
`Registers` are the SQL tables, `Supervisor` starts and watches processes, `DataFolder` is the one
folder in which all of it lies.
"""

from citybrain.cloud._durable import Delivery
from citybrain.cloud._live import Listener, Tail
from citybrain.cloud.bus import Bus
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
from citybrain.cloud.registers import Registers
from citybrain.cloud.replay import BusLog, Difference, Log, ReplayError, ReplayReport, replay
from citybrain.cloud.runner import BusRunner, LocalRunner
from citybrain.cloud.server import BusAddress, NatsServer, find_nats_server, kept
from citybrain.cloud.wire import Position, Stored

__all__ = [
    "Bus",
    "BusAddress",
    "BusLog",
    "BusRefused",
    "BusRunner",
    "CheckpointError",
    "CloudError",
    "DataFolder",
    "DataFolderError",
    "Delivery",
    "Difference",
    "Graph",
    "GraphError",
    "Invocation",
    "Listener",
    "LocalRunner",
    "Log",
    "NatsServer",
    "NatsServerError",
    "Outcome",
    "Position",
    "ProcessError",
    "RegisterError",
    "Registers",
    "ReplayError",
    "ReplayReport",
    "RequestFailed",
    "Stored",
    "Tail",
    "atomic_write",
    "digest",
    "find_nats_server",
    "kept",
    "replay",
]
