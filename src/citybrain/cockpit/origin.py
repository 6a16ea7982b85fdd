"""Who may talk to the page's server: the machine itself and the page itself.

Every request must name a known host (against DNS rebinding); what changes something and every WebSocket must come
from the page itself (against forged requests of other sites). Every answer forbids the browser to load or send
anything elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citybrain.cockpit.problem import RequestError, problem_response

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
BODY_MAX = 16_384

HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class OriginCheck:
    """ASGI middleware that lets only known hosts and the page's own origin through.

    `hosts` are names besides the loopback ones under which the page may be reached, without port.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset((*LOOPBACK, *hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        fault = self._fault(scope)
        if scope["type"] == "websocket":
            if fault is not None:
                await _close(receive, send)
                return
            await self._app(scope, receive, send)
            return
        outward = _with_headers(send)
        if fault is not None:
            await fault.response()(scope, receive, outward)
            return
        await self._bounded(scope, receive, outward)

    def _fault(self, scope: Scope) -> RequestError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return RequestError(421, "this server does not answer under that host name")
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        origin = headers.get("origin")
        if changes and origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return RequestError(403, "only the page itself may ask that")
        if changes and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return RequestError(403, "only the page itself may ask that")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            return RequestError(413, f"at most {BODY_MAX} bytes")
        return None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > BODY_MAX:
                raise RequestError(413, f"at most {BODY_MAX} bytes")
            return message

        try:
            await self._app(scope, counted, send)
        except RequestError as problem:
            await problem_response(problem.status, problem.detail)(scope, receive, send)


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdecimal() else host.lower()


def _with_headers(send: Send) -> Send:
    async def outward(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return outward


async def _close(receive: Receive, send: Send) -> Any:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "only the page itself may listen"})
