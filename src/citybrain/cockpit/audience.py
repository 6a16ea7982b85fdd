"""The pages that look on: each has a mailbox in which the newest wins, so a slow one never holds up the rest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

MOST_LISTENERS = 64
TEXTS_WAITING = 256


class Listener:
    """The mailbox of one page. A frame that was not sent is replaced by the next; when texts pile up they are
    thrown away and `lost` asks for a new beginning."""

    def __init__(self) -> None:
        self.watch: str | None = None
        self.frames_skipped = 0
        self._frame: bytes | None = None
        self._texts: deque[str] = deque()
        self._newest: dict[str, str] = {}
        self._lost = False
        self._some = asyncio.Event()

    def put_frame(self, frame: bytes) -> None:
        if self._frame is not None:
            self.frames_skipped += 1
        self._frame = frame
        self._some.set()

    def put_text(self, text: str) -> None:
        if len(self._texts) >= TEXTS_WAITING:
            self._texts.clear()
            self._lost = True
        self._texts.append(text)
        self._some.set()

    def put_newest(self, topic: str, text: str) -> None:
        """A text that replaces the one of its topic that was not sent."""
        self._newest[topic] = text
        self._some.set()

    async def take(self) -> tuple[list[str], bytes | None, bool]:
        """Wait for something: texts, a frame, and whether texts were lost."""
        await self._some.wait()
        self._some.clear()
        texts, frame, lost = [*self._texts, *self._newest.values()], self._frame, self._lost
        self._texts.clear()
        self._newest.clear()
        self._frame, self._lost = None, False
        return texts, frame, lost


class Audience:
    """All pages that look on."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.frames_sent = 0

    def enter(self) -> Listener | None:
        """A new page; None where the house is full."""
        if len(self.listeners) >= MOST_LISTENERS:
            return None
        listener = Listener()
        self.listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)

    def frame(self, frame: bytes) -> None:
        self.frames_sent += 1
        for listener in self.listeners:
            listener.put_frame(frame)

    def texts(self, texts: Iterable[str]) -> None:
        for text in texts:
            for listener in self.listeners:
                listener.put_text(text)

    def newest(self, topic: str, text: str) -> None:
        for listener in self.listeners:
            listener.put_newest(topic, text)
