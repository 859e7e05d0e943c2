"""Listen, accept, drain: the life of the server process."""

import asyncio
import contextlib
import errno
import signal
from pathlib import Path

import structlog

from catalog.errors import NotReachable, OperatorError
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog
from pgserver.activity import Activity
from pgserver.connection import ClientConnection
from pgserver.engine.pool import EnginePool, EngineSettings
from pgserver.executors.bridge import BridgeExecutor
from pgserver.executors.dispatch import Dispatcher
from pgserver.executors.lake import LakeExecutor
from pgserver.plan.analysis import Analyst
from pgserver.plan.backends import BackendPool
from pgserver.plan.pin import Lake
from pgserver.plan.planner import Planner
from pgserver.session.startup import accept
from pgserver.session.state import Services
from pgserver.settings import ServerSettings
from pgserver.twin.cluster import Twin

log = structlog.get_logger()

DRAIN_S = 5
ANALYSIS_BACKENDS = 2
BRIDGE_BACKENDS = 4
FIRST_TRY_S = 10  # before the port opens all the same
LONGEST_PAUSE_S = 10


class Server:
    """Twin, engine, catalog and the listening socket, started in this order and ended in the other."""

    def __init__(self, settings: ServerSettings) -> None:
        """Args: the settings, read once."""
        self._settings = settings
        self._sessions: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._serving = False
        self._failure: BaseException | None = None
        self._services: Services

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises: OperatorError when it cannot start as it is configured.
        """
        loop = asyncio.get_running_loop()
        starting = asyncio.current_task()

        def stop() -> None:
            self._stopping.set()
            if starting is not None and not self._serving:
                starting.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        try:
            await self._serve()
        except asyncio.CancelledError:
            log.info("stopped_while_starting")

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            listener = await self._listen()
            stack.callback(listener.close)
            await self._start(stack)
            await listener.start_serving()
            self._serving = True
            log.info("listening", host=self._settings.host, port=self._settings.port)
            await self._stopping.wait()
            log.info("stopping", sessions=len(self._sessions))
            listener.close()
            await self._end_sessions()
        if self._failure is not None:
            raise self._failure

    async def _listen(self) -> asyncio.Server:
        """Take the port first: a second server must not touch the first one's folder."""
        host, port = self._settings.host, self._settings.port
        loop = asyncio.get_running_loop()
        try:
            return await loop.create_server(
                lambda: ClientConnection(self._connected), host, port, backlog=512, start_serving=False
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise OperatorError(
                    "BEMIDB_PORT", f"port {port} is in use", "stop the other program, or choose another"
                ) from error
            raise OperatorError("BEMIDB_HOST", f"cannot listen on {host}", "give an address of this machine") from error

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self._settings
        twin = Twin(settings, settings.data_dir / "twin")
        await twin.start()
        stack.push_async_callback(twin.stop)
        warehouse = await asyncio.to_thread(Warehouse.open, settings)
        pool = EnginePool(engine_settings(settings, warehouse))
        await pool.start()
        stack.push_async_callback(pool.stop)
        catalog = LakeCatalog.open(settings, warehouse)
        stack.callback(catalog.close)
        backends = BackendPool(twin, ANALYSIS_BACKENDS)
        stack.push_async_callback(backends.close)
        staleness_s = settings.catalog_staleness_ms / 1000
        lake = Lake(twin, catalog.read_tables, warehouse.file_io_properties, staleness_s)
        prepared = asyncio.create_task(self._prepare(warehouse, catalog, lake))
        stack.callback(prepared.cancel)
        await asyncio.wait({prepared}, timeout=FIRST_TRY_S)
        if prepared.done():
            prepared.result()
        prepared.add_done_callback(self._prepared)
        planner = Planner(lake, Analyst(backends))
        bridging = BackendPool(twin, BRIDGE_BACKENDS)
        stack.push_async_callback(bridging.close)
        bridge = BridgeExecutor(bridging, pool, planner, settings.bridge_max_bytes)
        self._services = Services(twin, lake, planner, Dispatcher(LakeExecutor(pool, planner), bridge), Activity())

    async def _prepare(self, warehouse: Warehouse, catalog: LakeCatalog, lake: Lake) -> None:
        """Wait for what is merely not there yet: clients are told 57P03 meanwhile.

        Raises: OperatorError for what waiting does not mend.
        """
        pause_s = 0.5
        while True:
            try:
                await asyncio.to_thread(warehouse.check)
                await asyncio.to_thread(catalog.ensure_schema)
                await lake.refresh()
                if lake.ready:
                    return
            except NotReachable as error:
                log.warning("waiting", variable=error.variable, problem=error.problem, retry_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _prepared(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._stopping.set()

    def _connected(self, client: ClientConnection) -> None:
        task = asyncio.create_task(accept(client, self._services, self._settings.max_connections))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    async def _end_sessions(self) -> None:
        for task in tuple(self._sessions):
            task.cancel()
        if self._sessions:
            await asyncio.wait(tuple(self._sessions), timeout=DRAIN_S)


def engine_settings(settings: ServerSettings, warehouse: Warehouse) -> EngineSettings:
    """Give the engine what it needs of the settings."""
    return EngineSettings(
        memory_limit_bytes=memory_limit_bytes(settings.memory_limit),
        threads=None,
        spill_folder=settings.data_dir / "spill",
        lake_prefixes=(warehouse.location,),
        s3=warehouse.s3_credentials(),
    )


UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
SHARE = 0.6


def memory_limit_bytes(setting: str | None) -> int:
    """Read a size such as 4GB; without one, take a share of the machine or of the control group."""
    if setting is None:
        return int(machine_memory_bytes() * SHARE)
    number = setting.rstrip("BKMGTi").strip()
    return int(float(number) * UNITS[setting[len(number) :].strip().upper()])


def machine_memory_bytes() -> int:
    """Return the memory of the machine, or of the control group if that is less."""
    text = Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0]
    total = int(text) * 1024
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total
