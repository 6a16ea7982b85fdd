"""Metrics: each process counts for itself and tells the bus; whoever shows them joins them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from citybrain.cloud.bus import Bus

EVERY_S = 5.0
STALE_S = 30.0
_SUBJECT = "ops.metrics"
logger = logging.getLogger(__name__)


class Report(msgspec.Struct, frozen=True):
    """The metrics of a process in Prometheus' text form."""

    process: str
    text: str


class Metrics:
    """The metrics of this process: make counters and gauges with `registry=metrics.registry`."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    async def tell(self, bus: Bus, *, every_s: float = EVERY_S) -> None:
        """Send them under `ops.metrics.<process>` every `every_s`, for ever."""
        while True:
            report = Report(self.process, generate_latest(self.registry).decode())
            await bus.beat(f"{_SUBJECT}.{self.process}", msgspec.json.encode(report))
            await asyncio.sleep(every_s)


class MetricsBoard(Collector):
    """The metrics of all processes, each sample with the label `process`; silent ones go after 30 s."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[float, Report]] = {}

    async def listen(self, bus: Bus) -> None:
        """Take the reports off the bus, for ever."""
        reports = await bus.listen(f"{_SUBJECT}.*", keep=256)
        try:
            async for data in reports:
                try:
                    self.take(msgspec.json.decode(data, type=Report))
                except (msgspec.DecodeError, ValueError) as e:
                    logger.warning("metrics not understood: %s", e)
        finally:
            await reports.aclose()

    def take(self, report: Report) -> None:
        """Put a report in the place of the last one of its process. Raises ValueError on other text."""
        list(text_string_to_metric_families(report.text))
        self._reports[report.process] = (asyncio.get_running_loop().time(), report)

    def exposition(self) -> bytes:
        """All of them in Prometheus' text form."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        now = asyncio.get_running_loop().time()
        joined: dict[tuple[str, str], Metric] = {}
        for told, report in self._reports.values():
            if now - told > STALE_S:
                continue
            for family in text_string_to_metric_families(report.text):
                kept = joined.setdefault(
                    (family.name, family.type), Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    labels = {**sample.labels, "process": report.process}
                    kept.add_sample(sample.name, labels, sample.value)
        yield from joined.values()
