"""The rows of a lake statement as a cursor has them: positions and directions are Postgres'.

Source: PortalRunSelect and DoPortalRunFetch in Postgres' pquery.c. `position` counts the rows passed, and the cursor is
on the last of them; `at_start` is in front of the first row, `at_end` behind the last one.

A cursor that only goes forward streams. One that may go back keeps what it has read on disk, without a limit when it
was declared SCROLL or WITH HOLD, else up to `SPOOL_LIMIT_BYTES`: from there on it only goes forward, as Postgres' may.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

from pgserver.encode.rows import RowChunk
from pgserver.executors.base import Result
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter
from pgserver.plan.utility import BINARY, HOLD, NO_SCROLL, SCROLL
from pgserver.protocol.errors import ObjectNotInPrerequisiteState
from pgserver.session.spool import RowStore

SPOOL_LIMIT_BYTES = 64 << 20

Rows = AsyncGenerator[RowChunk, None]


@dataclass(slots=True)
class LakePortal:
    """A bound lake statement; its stream starts with the first row that is wanted and lives until its end."""

    statement: LakeStatement
    parameters: tuple[Parameter, ...]
    formats: tuple[int, ...]  # one per result column
    options: int = NO_SCROLL  # of DECLARE; a portal that Bind made goes forward only
    name: str = ""
    pins: dict[int, str] = field(default_factory=dict)  # the snapshots of DECLARE
    now_us: int | None = None  # of the transaction of DECLARE
    folder: Path | None = None  # for a cursor that may keep rows
    position: int = 0
    at_start: bool = True
    at_end: bool = False
    failed: bool = False
    persisted: bool = False  # WITH HOLD, and its transaction has ended
    running: bool = False  # its stream has been started
    touched: bool = False  # rows of it were seen
    _chunks: AsyncGenerator[RowChunk, None] | None = None
    _rest: RowChunk | None = None  # what a limit left of the last chunk
    _store: RowStore | None = None

    @property
    def binary(self) -> bool:
        """Whether it was declared BINARY."""
        return bool(self.options & BINARY)

    @property
    def hold(self) -> bool:
        """Whether it was declared WITH HOLD."""
        return bool(self.options & HOLD)

    @property
    def scrollable(self) -> bool:
        """Whether it may go back."""
        return not self.options & NO_SCROLL

    def start(self, result: Result) -> None:
        """Take over a result."""
        self._chunks = result.chunks
        self.running = True
        if self.scrollable and self.folder is not None:
            self._store = RowStore(self.folder)

    async def forward(self, count: int | None) -> Rows:
        """Go forward by some rows, or to the end.

        Raises: PostgresError.
        """
        self.check()
        done = 0
        while not self.at_end and (count is None or done < count):
            chunk = await self._next(None if count is None else count - done)
            if chunk is None:
                self.at_end = True
                break
            done += len(chunk)
            self.position += len(chunk)
            self.at_start = False
            self.touched = True
            yield chunk

    async def backward(self, count: int | None) -> Rows:
        """Go back by some rows, or to the start.

        Raises: ObjectNotInPrerequisiteState (55000).
        """
        self.check()
        self.check_scroll()
        if self.at_start or count == 0:
            return
        behind = self.position if self.at_end else self.position - 1
        left = behind if count is None else min(count, behind)
        beyond = count is None or behind < count
        while left:
            assert self._store is not None
            chunk = await self._store.read_back(behind, left)
            behind -= len(chunk)
            left -= len(chunk)
            self.at_end = False
            self.position = behind + 1
            yield chunk
        if beyond:
            self.at_start = True
            self.position = 0

    def rewind(self) -> None:
        """Go in front of the first row.

        Raises: ObjectNotInPrerequisiteState (55000).
        """
        if self.at_start and not self.at_end:
            return
        self.check_scroll()
        self.at_start, self.at_end, self.position = True, False, 0

    def check(self) -> None:
        """Refuse a cursor that an error has ended.

        Raises: ObjectNotInPrerequisiteState (55000).
        """
        if self.failed:
            raise ObjectNotInPrerequisiteState(f'portal "{self.name}" cannot be run')

    def check_scroll(self) -> None:
        """Refuse to go back in a cursor that only goes forward.

        Raises: ObjectNotInPrerequisiteState (55000).
        """
        if not self.scrollable:
            self.failed = True
            raise ObjectNotInPrerequisiteState(
                "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
            )

    async def _next(self, limit: int | None) -> RowChunk | None:
        """Return the rows behind the position: at least one, at most `limit`; None at the end."""
        if self._store is not None and self.position < self._store.end:
            return await self._store.read(self.position, limit)
        chunk, self._rest = self._rest, None
        if chunk is None:
            chunk = await self._pull()
            if chunk is None:
                return None
            if await self._kept(chunk):
                return chunk if limit is None or len(chunk) <= limit else chunk.split(limit)[0]
        if limit is not None and len(chunk) > limit:
            chunk, self._rest = chunk.split(limit)
        return chunk

    async def _pull(self) -> RowChunk | None:
        """Take a chunk from the stream; None at its end."""
        if self._chunks is None:
            return None
        try:
            async for chunk in self._chunks:
                if len(chunk.data):  # the end of a file belongs to no row
                    return chunk
        except BaseException:
            self.failed = True
            raise
        self._chunks = None
        return None

    async def _kept(self, chunk: RowChunk) -> bool:
        """Keep a chunk if the cursor keeps its rows."""
        if self._store is None:
            return False
        unlimited = self.options & (SCROLL | HOLD)
        if not unlimited and self._store.bytes + len(chunk.data) > SPOOL_LIMIT_BYTES:
            self._store.close()
            self._store = None
            self.options |= NO_SCROLL
            return False
        await self._store.append(chunk)
        return True

    async def persist(self) -> None:
        """Read all rows that are left, so that nothing of the transaction is needed any more.

        Raises: PostgresError.
        """
        if self._store is None:
            assert self.folder is not None
            self._store = RowStore(self.folder, self.position)
            if self._rest is not None:
                await self._store.append(self._rest)
                self._rest = None
        while (chunk := await self._pull()) is not None:
            await self._store.append(chunk)
        self.persisted = True

    async def close(self) -> None:
        """Free the engine and the disk; the stream may be started again."""
        self.running = False
        chunks, self._chunks = self._chunks, None
        if chunks is not None:
            await chunks.aclose()
        if self._store is not None:
            self._store.close()
            self._store = None
        self._rest = None
