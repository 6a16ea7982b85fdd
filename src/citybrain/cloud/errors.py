"""What can go wrong where things run: each message is one line that says what to do."""

from __future__ import annotations


class CloudError(Exception):
    """Base of the errors of this room."""


class DataFolderError(CloudError):
    """The data folder cannot be used: wrong format, in use, not writable or full."""


class NatsServerError(CloudError):
    """nats-server cannot be found or started, or is running already on that store."""


class BusRefused(CloudError):
    """The bus did not acknowledge within the time that a publisher rides out. Nothing was dropped silently: the
    caller still holds what it wanted to publish."""


class RequestFailed(CloudError):
    """A request over the bus was answered with an error, or by nobody."""


class RegisterError(CloudError):
    """A register could not be written or read; the transaction was rolled back."""


class ProcessError(CloudError):
    """A child process did not become ready, or kept dying."""


class CheckpointError(CloudError):
    """A checkpoint that cannot be read."""
