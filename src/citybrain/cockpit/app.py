"""The cockpit's server: the officials' page, its API and its live link, as one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from sqlglot import exp
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from citybrain.cockpit.ab_report import ab_report, weeks_until
from citybrain.cockpit.audience import Audience
from citybrain.cockpit.day_report import day_report
from citybrain.cockpit.follow import Follower
from citybrain.cockpit.history import HOURS_MAX, history, vitals
from citybrain.cockpit.junction import junction_view
from citybrain.cockpit.live import LiveCity
from citybrain.cockpit.live_link import serve_page
from citybrain.cockpit.map import EncodedMap, encode_map
from citybrain.cockpit.measure import measures, measures_csv
from citybrain.cockpit.origin import OriginCheck
from citybrain.cockpit.problem import RequestError, json_response, problem_response
from citybrain.cockpit.record import METRICS
from citybrain.cockpit.span import read_span
from citybrain.cockpit.switch import read_ask, switch
from citybrain.cockpit.window import HubSilentError, Window
from citybrain.hub import Hub, Purpose
from citybrain.model import Junction, RoadNet

STATIC = Path(__file__).parent / "static"


def make_app(
    hub: Hub,
    net: RoadNet,
    *,
    metrics: Callable[[], str] | None = None,
    zone: str = "UTC",
    hosts: Iterable[str] = (),
    static: Path = STATIC,
) -> ASGIApp:
    """The page's server over a hub and a road network.

    `metrics` gives the text of `/metrics` (Prometheus exposition); `zone` is the IANA name of the city's
    time zone; `hosts` are names besides the loopback ones
    under which the page may be reached. Serve it with uvicorn, on loopback; its lifespan follows the city.
    """
    window = Window(hub)
    live = LiveCity(net, zone)
    audience = Audience()
    follower = Follower(window, live, audience)
    app = FastAPI(
        title="City Brain cockpit",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_following(follower),
        middleware=[Middleware(OriginCheck, hosts=tuple(hosts))],
    )
    app.add_exception_handler(RequestError, _tell)
    app.add_exception_handler(RequestValidationError, _does_not_fit)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    _serve_state(app, net, live, window)
    _serve_measures(app, net, window, zone)
    _serve_report(app, window, zone)
    _serve_switch(app, net, live, window)
    _serve_operations(app, live, audience, metrics)
    _serve_page(app, live, audience, net, static)
    return app


def _following(follower: Follower) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(follower.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return lifespan


def _serve_state(app: FastAPI, net: RoadNet, live: LiveCity, window: Window) -> None:
    junctions = {j.id: j for j in net.junctions}

    @app.get("/api/vitals", summary="Newest vital signs of the living city and its shadow, with their past")
    async def get_vitals() -> Response:
        return json_response(vitals(live))

    @app.get("/api/history", summary="One metric of both cities over the last hours of city time")
    async def get_history(metric: str, hours: float = 6.0) -> Response:
        if metric not in METRICS:
            raise RequestError(422, f"metric: one of {', '.join(METRICS)}")
        if not 0.1 <= hours <= HOURS_MAX:
            raise RequestError(422, f"hours: from 0.1 to {HOURS_MAX}")
        return json_response(await history(window, live, metric, hours))

    @app.get("/api/junction/{junction_id:path}", summary="A junction: movements, queues, stage, why, refusals")
    async def get_junction(junction_id: str) -> Response:
        junction = junctions.get(junction_id)
        if junction is None:
            raise RequestError(404, "no such junction")
        return json_response(await junction_view(net, junction, live, window))


def _serve_measures(app: FastAPI, net: RoadNet, window: Window, zone: str) -> None:
    junctions = {j.id: j for j in net.junctions}

    def named(junction: str) -> Junction:
        if junction not in junctions:
            raise RequestError(404, "no such junction")
        return junctions[junction]

    @app.get("/api/measures", summary="How a junction's signal performed over a stretch of a day")
    async def get_measures(junction: str, day: str, begin: str, end: str, movement: str | None = None) -> Response:
        found = await measures(window, net, named(junction), read_span(day, begin, end, zone), movement)
        return json_response(found)

    @app.get("/api/measures.csv", summary="The records behind it, as CSV")
    async def get_csv(junction: str, day: str, begin: str, end: str) -> Response:
        text = await measures_csv(window, named(junction), read_span(day, begin, end, zone))
        headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="measures.csv"'}
        return Response(text, headers=headers, media_type="text/csv; charset=utf-8")


def _serve_report(app: FastAPI, window: Window, zone: str) -> None:
    async def read(query: exp.Select, limit: int) -> pa.Table:
        return await window.table(query, limit, Purpose.SCORE)

    @app.get("/api/report", summary="What was gained on a day, and what happened to control")
    async def get_report(day: str) -> Response:
        span = read_span(day, "00:00", "24:00", zone)
        with _library_answers():
            return json_response(await day_report(read, span))

    @app.get("/api/ab", summary="Days of the brain against days of the own plans, up to a day")
    async def get_ab(day: str) -> Response:
        last = read_span(day, "00:00", "24:00", zone)
        with _library_answers():
            return json_response(await ab_report(read, weeks_until(last), ZoneInfo(zone)))


@contextlib.contextmanager
def _library_answers() -> Iterator[None]:
    try:
        yield
    except HubSilentError as e:
        raise RequestError(503, f"the library does not answer: {e}", "library") from None


def _serve_switch(app: FastAPI, net: RoadNet, live: LiveCity, window: Window) -> None:
    @app.get("/api/switch", summary="Who commanded what until when, newest first")
    async def get_switches() -> Response:
        return json_response(live.switches()[::-1])

    @app.post("/api/switch", summary="Say who decides in an area; hold a stage, flash, or approve at a junction")
    async def post_switch(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise RequestError(415, "send application/json")
        asked = read_ask(await request.body(), net, live)
        answer = await switch(window, asked)
        return json_response(answer, 202 if answer.accepted is None else 200)


def _serve_operations(app: FastAPI, live: LiveCity, audience: Audience, metrics: Callable[[], str] | None) -> None:
    @app.get("/healthz", summary="Whether the server lives, and how old what it shows is")
    async def healthz() -> Response:
        return json_response(
            {
                "ok": live.fresh(),
                "city_time_ms": live.time_ms,
                "pages": len(audience.listeners),
                "seen": live.seen(),
            }
        )

    @app.get("/metrics", summary="Prometheus metrics")
    async def get_metrics() -> Response:
        if metrics is None:
            raise RequestError(404, "no metrics are kept here")
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _serve_page(app: FastAPI, live: LiveCity, audience: Audience, net: RoadNet, static: Path) -> None:
    drawn: list[EncodedMap] = []

    @app.get("/api/map", summary="The road network as the page draws it")
    async def get_map(request: Request) -> Response:
        if not drawn:
            drawn.append(await asyncio.to_thread(encode_map, net))
        return _map_response(request, drawn[0])

    @app.websocket("/ws/live")
    async def live_link(socket: WebSocket) -> None:
        await serve_page(socket, live, audience)

    if (static / "index.html").is_file():
        app.mount("/", StaticFiles(directory=static, html=True))
    else:

        @app.get("/")
        async def no_page() -> Response:
            raise RequestError(503, "the page is not built: run `python hatch_build.py` in the repository")


def _map_response(request: Request, drawn: EncodedMap) -> Response:
    headers = {"etag": drawn.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if drawn.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(drawn.gzipped, headers=headers, media_type="application/json")
    return Response(drawn.plain, headers=headers, media_type="application/json")


async def _tell(_: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, RequestError) else await _failed(_, error)


async def _does_not_fit(_: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return problem_response(422, "; ".join(f"{'.'.join(map(str, f['loc'][1:]))}: {f['msg']}" for f in faults))


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem_response(status, "nothing lies at that address" if status == 404 else "not done that way here")


async def _failed(_: Request, __: Exception) -> Response:
    return problem_response(500, "the server failed: see its log")
