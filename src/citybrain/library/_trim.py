"""Trimming the bus behind what the library holds."""

from __future__ import annotations

from collections.abc import Mapping

from citybrain.cloud import Bus


async def trim(bus: Bus, stored: Mapping[str, int], before_ms: int) -> None:
    """Forget in each stream what is stored (`stored`: the last sequence number by stream) and older than
    `before_ms` of city time. Raises BusRefused."""
    for stream, subjects in bus.streams().items():
        if stream not in stored:
            continue
        datasets = [subject.removeprefix("city.") for subject in subjects]
        timed = [d for d in datasets if bus.declarations[d].event_time is not None]
        edges = [await bus.sequence_at(dataset, before_ms) for dataset in timed]
        await bus.trim(stream, min([*edges, stored[stream] + 1]))
