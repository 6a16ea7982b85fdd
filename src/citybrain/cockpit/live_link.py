"""The WebSocket of a page: frames and messages out, the watched junction in."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from citybrain.cockpit.audience import Audience, Listener
from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.message import JunctionMessage, decode_watch, encode

WORDS_MAX = 512


async def serve_page(socket: WebSocket, live: LiveCity, audience: Audience) -> None:
    """Serve one page until it leaves."""
    listener = audience.enter()
    if listener is None:
        await socket.close(1013, "too many pages look on")
        return
    try:
        await socket.accept()
        listener.put_text(encode(live.hello()))
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(socket, live, listener))
            await _hear(socket, live, listener)
            sending.cancel()
    except* (WebSocketDisconnect, RuntimeError):
        pass  # the page left while something was on its way to it
    finally:
        audience.leave(listener)


async def _send(socket: WebSocket, live: LiveCity, listener: Listener) -> None:
    while True:
        texts, frame, lost = await listener.take()
        if lost:
            texts.insert(0, encode(live.hello()))
        for text in texts:
            await socket.send_text(text)
        if frame is not None:
            await socket.send_bytes(frame)


async def _hear(socket: WebSocket, live: LiveCity, listener: Listener) -> None:
    while True:
        try:
            text = await socket.receive_text()
        except (WebSocketDisconnect, KeyError):
            return
        try:
            watch = decode_watch(text[:WORDS_MAX]).watch
            listener.watch = watch
            if watch is not None:
                listener.put_newest("junction", encode(JunctionMessage(live.junction(watch))))
        except (ValueError, KeyError):
            listener.watch = None
