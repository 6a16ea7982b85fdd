"""Groups of batches between the bus and the store."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from citybrain.cloud import Delivery


class Groups:
    """Gathers deliveries: a group is what came within `group_s` of its first, or longer while the store is busy
    with the one before, up to `most_rows`; then `put` waits, and the bus with it."""

    def __init__(self, group_s: float, most_rows: int) -> None:
        self._group_s = group_s
        self._most_rows = most_rows
        self._items: list[Delivery] = []
        self._rows = 0
        self._began = 0.0
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._items)

    async def put(self, delivery: Delivery) -> None:
        """Add a delivery, waiting for room."""
        await self._room.wait()
        if not self._items:
            self._began = asyncio.get_running_loop().time()
        self._items.append(delivery)
        self._rows += delivery.batch.rows.num_rows
        self._arrived.set()
        if self._rows >= self._most_rows:
            self._full.set()
            self._room.clear()

    async def take(self) -> list[Delivery]:
        """The next group, at least one delivery."""
        await self._arrived.wait()
        left = self._began + self._group_s - asyncio.get_running_loop().time()
        if left > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), left)
        items, self._items, self._rows = self._items, [], 0
        self._arrived.clear()
        self._full.clear()
        self._room.set()
        return items

    def drop(self) -> None:
        """Forget what was not taken: the bus sends it again."""
        self._items, self._rows = [], 0
        self._arrived.clear()
        self._full.clear()
        self._room.set()
