"""The parts of the server, started in their order: twin, engine and catalog side by side, then what reads the lake."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import structlog

from catalog.errors import NotReachable, OperatorError
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog
from pgserver.activity import Activity
from pgserver.engine.pool import EnginePool, EngineSettings
from pgserver.executors.bridge import BridgeExecutor
from pgserver.executors.cache import CachedEngines, ResultCache
from pgserver.executors.dispatch import Dispatcher
from pgserver.executors.lake import LakeExecutor
from pgserver.limits import Door
from pgserver.machine import memory_limit_bytes, twin_process_bytes
from pgserver.plan.analysis import Analyst
from pgserver.plan.backends import BackendPool
from pgserver.plan.pin import Lake
from pgserver.plan.planner import Planner
from pgserver.session.state import LoginRules, Services
from pgserver.settings import ServerSettings, parse_networks
from pgserver.twin.cluster import Twin

log = structlog.get_logger()

ANALYSIS_BACKENDS = 2
BRIDGE_BACKENDS = 16  # a suspended portal or cursor keeps its own
FIRST_TRY_S = 10  # before the port opens all the same
LONGEST_PAUSE_S = 10

Failed = Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the server itself deals with."""

    services: Services
    engines: EnginePool


async def assemble(
    settings: ServerSettings, users: dict[str, str] | None, stack: contextlib.AsyncExitStack, on_failure: Failed
) -> Parts:
    """Start all parts; the stack ends them, in the other order.

    Args: the settings; the users of BEMIDB_USERS_FILE; the stack; what to call when a part fails for good later on.
    Raises: OperatorError when something cannot start as it is configured.
    """
    twin = Twin(settings, settings.data_dir / "twin", users, twin_process_bytes(settings.memory_limit))
    await twin.take_folder()  # first: the spill files of a server that runs are not ours to wipe
    stack.push_async_callback(twin.stop)
    starting = asyncio.create_task(twin.start())
    try:
        warehouse = await asyncio.to_thread(Warehouse.open, settings)
        engines = EnginePool(engine_settings(settings, warehouse))
        stack.push_async_callback(engines.stop)
        watch(stack, start_engines(engines), on_failure)
        catalog = await asyncio.to_thread(LakeCatalog.open, settings, warehouse)
        stack.callback(catalog.close)
    finally:
        await starting
    lake = Lake(
        twin,
        catalog.read_tables,
        warehouse.file_io_properties,
        settings.catalog_staleness_s,
        settings.catalog_max_staleness_s,
        catalog.read_runs,
    )
    prepared = watch(stack, prepare(warehouse, catalog, lake), on_failure)
    await asyncio.wait({prepared}, timeout=FIRST_TRY_S)
    if prepared.done():
        prepared.result()
    return Parts(services_of(settings, twin, lake, engines, stack), engines)


def services_of(
    settings: ServerSettings, twin: Twin, lake: Lake, engines: EnginePool, stack: contextlib.AsyncExitStack
) -> Services:
    """Put together what sessions share."""
    backends = BackendPool(twin, ANALYSIS_BACKENDS)
    stack.push_async_callback(backends.close)
    planner = Planner(lake, Analyst(backends))
    bridging = BackendPool(twin, BRIDGE_BACKENDS)
    stack.push_async_callback(bridging.close)
    bridge = BridgeExecutor(bridging, engines, planner, settings.bridge_max_bytes)
    cached = CachedEngines(engines, ResultCache(settings.result_cache_bytes))
    reserved = settings.reserved_connections if settings.users_file is not None else 0
    return Services(
        twin=twin,
        lake=lake,
        planner=planner,
        dispatcher=Dispatcher(LakeExecutor(cached, planner), bridge),
        activity=Activity(settings.max_connections, reserved, settings.user),
        door=Door(parse_networks(settings.allowed_networks)),
        log_min_duration_ms=settings.log_min_duration_ms,
        login_rules=LoginRules(settings.authentication_timeout_s, settings.tls_required),
        spill_folder=settings.data_dir / "spill",
    )


async def start_engines(engines: EnginePool) -> None:
    """Start the engine; clients may come meanwhile, and their first statement waits for it.

    Raises: OperatorError.
    """
    try:
        await engines.start()
    except (ChildProcessError, TimeoutError) as error:
        raise OperatorError(
            "BEMIDB_MEMORY_LIMIT", "the engine does not start", "see the lines above; it may need more memory"
        ) from error


async def prepare(warehouse: Warehouse, catalog: LakeCatalog, lake: Lake) -> None:
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


def watch(
    stack: contextlib.AsyncExitStack, work: Coroutine[None, None, None], on_failure: Failed
) -> asyncio.Task[None]:
    """Run work beside the server until its end, and hear of a failure."""
    task = asyncio.create_task(work)
    stack.callback(task.cancel)

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            on_failure(error)

    task.add_done_callback(done)
    return task


def engine_settings(settings: ServerSettings, warehouse: Warehouse) -> EngineSettings:
    """Give the engine what it needs of the settings."""
    return EngineSettings(
        memory_limit_bytes=memory_limit_bytes(settings.memory_limit),
        threads=None,
        max_active=settings.max_active_statements or max(2 * len(os.sched_getaffinity(0)), 4),
        spill_folder=settings.data_dir / "spill",
        lake_prefixes=(warehouse.location,),
        s3=warehouse.s3_credentials(),
    )
