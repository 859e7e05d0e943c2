"""What an operator's tools ask: /health, /ready, /metrics; answered on the server's own loop, to show that it turns."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from catalog.errors import OperatorError
from pgserver.assembly import Parts
from pgserver.machine import folder_bytes, resident_bytes
from pgserver.metrics import REGISTRY


class State(Collector):
    """What is looked up when it is asked for."""

    def __init__(self, parts: Parts, spill_folder: Path) -> None:
        """Args: the server's parts; where engines put what does not fit into memory."""
        self._parts = parts
        self._spill_folder = spill_folder

    def describe(self) -> list[Metric]:
        """Return nothing: so that registering looks up nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Look."""
        services, engines = self._parts.services, self._parts.engines
        sessions = services.activity.sessions()
        open_ = GaugeMetricFamily("bemidb_connections_open", "Open connections", labels=["state"])
        idle = sum(session.resting and session.between_transactions for session in sessions)
        in_transaction = sum(session.resting and not session.between_transactions for session in sessions)
        open_.add_metric(["idle"], idle)
        open_.add_metric(["idle_in_transaction"], in_transaction)
        open_.add_metric(["active"], len(sessions) - idle - in_transaction)
        open_.add_metric(["before_login"], len(services.door.sockets))
        yield open_
        children = [child.pid for child in engines.children]
        yield GaugeMetricFamily("bemidb_workers", "Engine processes", value=len(children))
        resident = sum(resident_bytes(pid) for pid in children)
        yield GaugeMetricFamily("bemidb_worker_rss_bytes", "Memory of all engine processes", value=resident)
        spilled = folder_bytes(self._spill_folder)
        yield GaugeMetricFamily("bemidb_spill_bytes", "Bytes that engines have put on disk", value=spilled)
        lake = services.lake
        yield GaugeMetricFamily("bemidb_catalog_reachable", "Whether it answered last", value=int(lake.reachable))
        if lake.ready:
            yield GaugeMetricFamily("bemidb_catalog_age_seconds", "Time since its last answer", value=lake.age_s)
            tables = lake.schema.tables.values()
            yield GaugeMetricFamily("bemidb_tables", "Tables of the lake", value=len(tables))
            synced = [datetime.fromisoformat(table.view.origin.synced_at) for table in tables]
            if synced:
                age = (datetime.now(UTC) - min(synced)).total_seconds()
                yield GaugeMetricFamily("bemidb_oldest_snapshot_age_seconds", "Of the table synced first", value=age)
        yield InfoMetricFamily("bemidb_build", "This program", value={"version": own_version()})


def own_version() -> str:
    """Return our version, if it is installed as a package."""
    try:
        return version("bemidb-py")
    except PackageNotFoundError:
        return "unknown"


def why_not_ready(parts: Parts | None) -> str | None:
    """Return why new sessions would not be served now."""
    if parts is None:
        return "starting"
    services = parts.services
    if services.activity.draining:
        return "draining"
    if not services.lake.ready:
        return "catalog not reached yet"
    if services.lake.too_old and not services.lake.reachable:
        return "catalog not reachable"
    if not services.twin.alive():
        return "postgres restarting"
    if not any(child.ready.done() for child in parts.engines.children):
        return "engine starting"
    return None


class HttpServer:
    """The listener; it answers from before the start of the parts to after their end."""

    def __init__(self, host: str, port: int, spill_folder: Path) -> None:
        """Args: where to listen; the engines' folder."""
        self._spill_folder = spill_folder
        self._registry = CollectorRegistry()
        self._registry.register(REGISTRY)
        self.parts: Parts | None = None
        self._socket = _bind(host, port)
        self._server = _Quiet(uvicorn.Config(self._app(), log_config=None, access_log=False, lifespan="off"))
        self._task: asyncio.Task[None] | None = None

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/ready", self._ready),
                Route("/metrics", self._metrics),
            ]
        )

    def start(self) -> None:
        """Listen."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    def show(self, parts: Parts) -> None:
        """Have parts to look at."""
        self.parts = parts
        self._registry.register(State(parts, self._spill_folder))

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._task
        self._socket.close()

    async def _health(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self, _request: Request) -> Response:
        reason = why_not_ready(self.parts)
        return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)

    async def _metrics(self, _request: Request) -> Response:
        content = await asyncio.to_thread(generate_latest, self._registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)


class _Quiet(uvicorn.Server):
    """Leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(host: str, port: int) -> socket.socket:
    """Take the port.

    Raises: OperatorError.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                "BEMIDB_HTTP_PORT", f"port {port} is in use", "stop the other program, or choose another"
            ) from error
        raise OperatorError(
            "BEMIDB_HTTP_HOST", f"cannot listen on {host}", "give an address of this machine"
        ) from error
