"""Errors as problem details (RFC 9457), one line of JSON."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.responses import Response


class RequestError(Exception):
    """A request that cannot be served: `status` and what to do about it; `reason` is a code that the page has
    words for, "" for none."""

    def __init__(self, status: int, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason

    def response(self) -> Response:
        return problem_response(self.status, self.detail, self.reason)


def problem_response(status: int, detail: str, reason: str = "") -> Response:
    """The answer that tells of a problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"reason": reason} if reason else {}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def json_response(value: object, status: int = 200) -> Response:
    """A value of the model as JSON, never cached."""
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
