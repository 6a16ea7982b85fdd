"""Trimming the bus behind what the library holds."""

from __future__ import annotations

from collections.abc import Mapping

from citybrain.cloud import Bus

NEARLY_FULL = 0.75


async def trim(bus: Bus, stored: Mapping[str, int], before_ms: int) -> None:
    """Forget in each stream what is stored (`stored`: the last sequence number by stream) and older than
    `before_ms` of city time; of a stream that is nearly full also its oldest quarter, however young: replay
    reaches less far back then, but nobody is refused. Raises BusRefused."""
    for stream, subjects in bus.streams().items():
        if stream not in stored:
            continue
        datasets = [subject.removeprefix("city.") for subject in subjects]
        timed = [d for d in datasets if bus.declarations[d].event_time is not None]
        edges = [await bus.sequence_at(dataset, before_ms) for dataset in timed]
        fill = await bus.fill(stream)
        room = fill.first + (fill.last - fill.first) // 4 if fill.share > NEARLY_FULL else 0
        await bus.trim(stream, min(max(room, min(edges, default=stored[stream] + 1)), stored[stream] + 1))
