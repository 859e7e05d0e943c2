"""Engines for the server: a child process that runs statements, a spare one, and what happens when one dies."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import structlog

from catalog.storage import S3Credentials
from pgserver import metrics
from pgserver.encode.copy import CopyLayout
from pgserver.encode.rows import RowChunk, WireColumn, WireSettings
from pgserver.engine.admission import Admission
from pgserver.engine.channel import Kind, request_body
from pgserver.engine.child import Child
from pgserver.engine.errors import EngineError, Failure
from pgserver.engine.stream import Died, End, Stream
from pgserver.protocol.errors import CrashShutdown, QueryCanceled

log = structlog.get_logger()

CHUNK_BYTES = 1 << 20
START_S = 60.0
RETRY_START_S = 1.0  # after a child that died before it was ready
_HEADROOM_BYTES = 1 << 30  # address space besides DuckDB's memory: code, stacks, batches


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What every child is started with."""

    memory_limit_bytes: int
    threads: int | None  # one per CPU that we may use
    max_active: int  # statements that work at once
    spill_folder: Path  # ours alone; wiped at the start
    lake_prefixes: tuple[str, ...]
    s3: S3Credentials | None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A statement in DuckDB's SQL, and how its rows are sent. The deadline counts from `run` to the last row.

    With a `layout` the chunks are CopyData messages, else DataRow messages.
    """

    sql: str
    columns: tuple[WireColumn, ...]
    settings: WireSettings
    deadline_ms: int | None = None
    layout: CopyLayout | None = None
    user: str = field(default="", compare=False)
    read_bytes: int = field(default=0, compare=False)  # of files, as planned
    volatile: bool = field(default=False, compare=False)  # another run gives other rows


class EngineResult:
    """The rows of a statement; close it (`aclose`) when they are not read to the end."""

    def __init__(self, stream: Stream, admission: Admission, heavy: bool) -> None:
        """Args: a stream whose first event is there; where it takes a place while it waits for more."""
        self._stream = stream
        self._admission = admission
        self._heavy = heavy

    def __aiter__(self) -> AsyncIterator[RowChunk]:
        """Return itself."""
        return self

    async def __anext__(self) -> RowChunk:
        """Return the next rows.

        Raises: EngineError, QueryCanceled, CrashShutdown.
        """
        if not self._stream.has_event:
            self._admission.reenter(self._heavy)
            try:
                await self._stream.peek()
            finally:
                self._admission.leave(self._heavy)
        event = await self._stream.take()
        if isinstance(event, RowChunk):
            return event
        if isinstance(event, End):
            raise StopAsyncIteration
        raise error_of(event, self._stream)

    async def aclose(self) -> None:
        """Interrupt the statement if it still runs; nothing is read any more."""
        self._stream.abandon()


class EnginePool:
    """The child that statements run in, and a spare that takes its place when it dies."""

    def __init__(self, settings: EngineSettings) -> None:
        """See `start`."""
        self._settings = settings
        self._admission = Admission(settings.max_active)
        self._access: dict[str, Any] | None = None if settings.s3 is None else asdict(settings.s3)
        self._active: Child | None = None
        self._spare: Child | None = None
        self.children: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retrying = asyncio.Lock()
        self._filling = asyncio.Lock()
        self._stopping = False

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Wipe what an earlier server spilled, start the engine, and a spare behind it.

        Raises: ChildProcessError, TimeoutError when the engine does not start.
        """
        await asyncio.to_thread(self._make_spill_folder)
        try:
            await self._fill()
            await asyncio.wait_for(asyncio.shield(self.active.ready), START_S)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all children and wait for it."""
        self._stopping = True
        while self.children or self._tasks:
            await asyncio.gather(*(child.stop() for child in tuple(self.children)))
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._settings.spill_folder, ignore_errors=True)

    @property
    def active(self) -> Child:
        """Return the child that new statements run in."""
        assert self._active is not None, "the pool is not started"
        return self._active

    async def run(self, request: RunRequest) -> EngineResult:
        """Start a statement and wait for its first rows, its end or its error.

        A statement that a dying engine takes along before its first rows is run once more, alone in a fresh one.

        Raises: EngineError, QueryCanceled, CrashShutdown.
        """
        body = request_body(request.sql, request.columns, request.settings, CHUNK_BYTES, request.layout)
        deadline = None
        if request.deadline_ms is not None:
            deadline = asyncio.get_running_loop().time() + request.deadline_ms / 1000
        heavy = await self._admission.enter(request.user, request.read_bytes, deadline)
        try:
            stream = await self._begin(Kind.RUN, body, deadline)
        finally:
            self._admission.leave(heavy)
        return EngineResult(stream, self._admission, heavy)

    async def explain(self, sql: str) -> str:
        """Return DuckDB's plan of a statement.

        Raises: EngineError, CrashShutdown.
        """
        stream = await self._begin(Kind.EXPLAIN, {"sql": sql}, None)
        event = await stream.take()
        assert isinstance(event, End)
        return event.text or ""

    def renew(self, s3: S3Credentials) -> None:
        """Give all children new keys of the bucket; those of a role expire."""
        self._access = asdict(s3)
        for child in self.children:
            child.renew(self._access)

    async def _begin(self, kind: Kind, body: dict[str, Any], deadline: float | None) -> Stream:
        """Run a statement up to its first event, twice if need be."""
        stream = await self._first(await self._ready_child(), kind, body, deadline)
        event = await stream.peek()
        if isinstance(event, Died) and not stream.timed_out:
            async with self._retrying:  # one at a time: the one that kills its engine must not take others along
                alone = await self._alone()
                try:
                    stream = await self._first(alone, kind, body, deadline)
                finally:
                    self._background(self._end_when_idle(alone))
                event = await stream.peek()
        if isinstance(event, Failure | Died):
            raise error_of(event, stream)
        return stream

    async def _first(self, child: Child, kind: Kind, body: dict[str, Any], deadline: float | None) -> Stream:
        stream = child.run(kind, body)
        stream.end_at(deadline)
        try:
            await stream.peek()
        except BaseException:  # canceled while it waits
            stream.abandon()
            raise
        return stream

    async def _ready_child(self) -> Child:
        """Return the child for the next statement, when it takes statements.

        Raises: CrashShutdown when none can be started.
        """
        try:
            await self._fill()
            if self._active is None:
                raise CrashShutdown("the engine is being stopped")
            child = self._active
            await asyncio.shield(child.ready)
        except OSError as error:
            raise CrashShutdown("no engine could be started") from error
        return child

    async def _alone(self) -> Child:
        try:
            return await self._spawn()
        except OSError as error:
            raise CrashShutdown("no engine could be started") from error

    async def _spawn(self) -> Child:
        settings = self._settings
        folder = settings.spill_folder / uuid4().hex
        folder.mkdir(mode=0o700)
        child = Child(self._died)
        child.spill_folder = folder
        self.children.add(child)
        options = {
            "memory_limit_bytes": settings.memory_limit_bytes,
            "address_space_bytes": settings.memory_limit_bytes * 5 // 4 + _HEADROOM_BYTES,
            "threads": settings.threads or len(os.sched_getaffinity(0)),
            "spill_folder": str(folder),
            "lake_prefixes": settings.lake_prefixes,
            "s3": self._access,
        }
        try:
            await child.start(options)
        except BaseException:
            await child.stop()
            raise
        log.info("engine_started", pid=child.pid)
        return child

    def _died(self, child: Child) -> None:
        """Put the spare in the place of a child that is gone, and start another spare."""
        self.children.discard(child)
        self._background(self._tidy(child))
        if child is self._active:
            self._active, self._spare = self._spare, None
        elif child is self._spare:
            self._spare = None
        else:
            return
        if not self._stopping:
            started = child.ready.done() and child.ready.exception() is None
            self._background(self._fill(after_s=0 if started else RETRY_START_S))

    async def _fill(self, after_s: float = 0) -> None:
        """See to it that there is a child and a spare; where there are, this costs nothing."""
        if self._active is not None and self._spare is not None:
            return
        await asyncio.sleep(after_s)
        async with self._filling:
            if self._active is None and not self._stopping:
                self._active = await self._spawn()
            if self._spare is None and not self._stopping:
                self._spare = await self._spawn()

    async def _tidy(self, child: Child) -> None:
        status = await asyncio.shield(child.gone)
        log.log(logging.INFO if self._stopping else logging.WARNING, "engine_ended", pid=child.pid, status=status)
        if not self._stopping:
            metrics.worker_restarts.labels("killed" if status == -signal.SIGKILL else "died").inc()
        if child.spill_folder is not None:
            await asyncio.to_thread(shutil.rmtree, child.spill_folder, ignore_errors=True)

    async def _end_when_idle(self, child: Child) -> None:
        """End a child that ran one statement alone."""
        await child.idle.wait()
        await child.stop()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _make_spill_folder(self) -> None:
        folder = self._settings.spill_folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)


def error_of(event: Failure | Died, stream: Stream) -> Exception:
    """Return what the client is told."""
    if stream.timed_out and (isinstance(event, Died) or event.sqlstate == QueryCanceled.sqlstate):
        return QueryCanceled("canceling statement due to statement timeout")
    if isinstance(event, Died):
        return CrashShutdown("the engine that ran this statement ended unexpectedly")
    return EngineError(event)
