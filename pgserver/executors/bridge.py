"""What DuckDB cannot do exactly as Postgres: the rows that a statement reads go into temporary tables of a twin
backend, and the statement itself runs there.

The tables have the names of the lake's, and `pg_temp` hides those; where the text names a schema, that is replaced.
"""

import re
import struct
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pgserver.emit import kinds
from pgserver.encode.copy import SIGNATURE, TRAILER, CopyLayout
from pgserver.encode.rows import RowChunk, WireColumn
from pgserver.engine.pool import EnginePool
from pgserver.executors.base import BRIDGE, Result
from pgserver.executors.temporary import (
    TemporaryTable,
    definitions,
    lake_names,
    quoted,
    temporary_tables,
    view_definitions,
)
from pgserver.plan.analysis import RELATION, bind_message, parse_message, read_tree
from pgserver.plan.backends import BackendPool, query_message
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter, Planner, Scan
from pgserver.plan.rewrite import use_temporary_tables
from pgserver.plan.session_state import SessionState
from pgserver.protocol.backend import ErrorResponse
from pgserver.protocol.buffer import Reader
from pgserver.protocol.errors import FeatureNotSupported, PostgresError, ProgramLimitExceeded, error_from
from pgserver.twin.backend import BackendFailed, Message, TwinBackend

ROWS_PER_EXECUTE = 10_000
FLUSH = b"H\x00\x00\x00\x04"
SYNC = b"S\x00\x00\x00\x04"
COPY_DONE = b"c\x00\x00\x00\x04"
TEXT = CopyLayout()
BINARY_TYPES = frozenset(
    (
        *(kinds.BOOL, kinds.INT2, kinds.INT4, kinds.INT8, kinds.FLOAT4, kinds.FLOAT8, kinds.NUMERIC, kinds.UUID),
        *(kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ, kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR),
    )
)
EXECUTE_UNNAMED = b"E\x00\x00\x00\x09\x00" + struct.pack(">I", ROWS_PER_EXECUTE)
SET_CONFIG = re.compile(r":funcid\s+2078\s")  # its backends can take any role: that is the session's choice alone
DATA_ROW, NOTICE, SUSPENDED = ord("D"), ord("N"), ord("s")


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with all that it runs with. `reason` says what forced the bridge."""

    statement: LakeStatement
    parameters: Sequence[Parameter]
    formats: Sequence[int]
    state: SessionState
    pins: dict[int, str]
    reason: str


@dataclass(slots=True)
class Budget:
    """Bytes that a statement may still bring."""

    left: int


class BridgeExecutor:
    """Runs a statement in a backend of the twin that has the rows it needs."""

    def __init__(self, backends: BackendPool, engines: EnginePool, planner: Planner, max_bytes: int) -> None:
        """Args: backends for this use alone; the engine; the planner; how many bytes a statement may bring."""
        self._backends = backends
        self._engines = engines
        self._planner = planner
        self._max_bytes = max_bytes

    async def run(self, bound: Bound) -> Result:
        """Run a statement: its first rows are there when this returns.

        Raises: PostgresError: what Postgres says, 54000 when it needs too many rows, what the engine says.
        """
        fields = zip(bound.statement.fields, bound.formats, strict=True)
        columns = tuple(WireColumn(field.type_oid, field.typmod, code) for field, code in fields)
        rows = self._rows(bound)
        first = [chunk async for chunk in _take_one(rows)]
        read = sum(scan.chosen.bytes for scan in await self.scans(bound.statement, bound.pins))
        return Result(columns=columns, chunks=_joined(first, rows), tag="SELECT", way=BRIDGE, read_bytes=read)

    async def scans(self, statement: LakeStatement, pins: dict[int, str]) -> tuple[Scan, ...]:
        """Return what a statement would bring."""
        return await self._planner.whole_scans([relid for relid, _ in statement.reads], pins)

    async def _rows(self, bound: Bound) -> AsyncGenerator[RowChunk, None]:
        async with self._backends.use(bound.state.analysis, bound.state.printing) as backend:
            try:
                await backend.ask(query_message(b"BEGIN"), 0, to_ready=True)
                await self._fill(backend, bound)
                await self._bind(backend, bound)
                suspended = True
                while suspended:
                    messages = await backend.ask(EXECUTE_UNNAMED + FLUSH, 1)
                    suspended = messages[-1][0] == SUSPENDED
                    chunk = row_chunk(messages)
                    if len(chunk):
                        yield chunk
            except BackendFailed as failure:
                raise postgres_error(failure) from None
            await backend.ask(SYNC, 0, to_ready=True)
            await backend.ask(query_message(b"ROLLBACK"), 0, to_ready=True)

    async def _fill(self, backend: TwinBackend, bound: Bound) -> None:
        """Make a temporary table for each table that is read, and bring its rows."""
        budget = self.budget()
        tables = temporary_tables(bound.statement, self._planner)
        for definition in (*definitions(tables), *view_definitions(bound.statement, self._planner)):
            await backend.ask(query_message(definition.encode()), 0, to_ready=True)
        for item in tables:
            if not item.table.view.columns:
                rows = self._planner.counted(item.table.oid, bound.pins)
                fill = f"INSERT INTO pg_temp.{quoted(item.name)} SELECT FROM generate_series(1, {rows})"
                await backend.ask(query_message(fill.encode()), 0, to_ready=True)
            elif item.table.view.kind == "r":
                layout = await self._layout(item, bound)
                copy = f"COPY pg_temp.{quoted(item.name)} ({item.columns}) FROM STDIN (FORMAT {layout.format})"
                await self._copy(backend, copy, self.rows_of(item, bound, budget, layout), layout)

    async def _layout(self, item: TemporaryTable, bound: Bound) -> CopyLayout:
        """Choose the binary format where it can be: Postgres reads it in half the time."""
        scan = await self._planner.compile_scan(query_of(item), bound.state)
        plain = all(field.type_oid in BINARY_TYPES for field in scan.fields)
        return CopyLayout("binary") if plain and bound.state.client_encoding == "UTF8" else CopyLayout()

    async def _copy(
        self, backend: TwinBackend, copy: str, rows: AsyncGenerator[RowChunk, None], layout: CopyLayout
    ) -> None:
        binary = layout.format == "binary"
        seen = backend.ready
        backend.send(query_message(copy.encode()))
        await backend.until(lambda: backend.copy_in or backend.failed)
        if binary:
            backend.send(copy_data(SIGNATURE))
        async for chunk in rows:
            backend.send(bytes(chunk.data))
            await backend.drain()
        backend.send((copy_data(TRAILER) if binary else b"") + COPY_DONE)  # ignored where COPY has failed meanwhile
        await backend.until(lambda: backend.ready > seen)
        backend.take_answers()

    def budget(self) -> "Budget":
        """Return what one statement may bring."""
        return Budget(self._max_bytes)

    async def rows_of(
        self, item: TemporaryTable, bound: Bound, budget: "Budget", layout: CopyLayout = TEXT
    ) -> AsyncGenerator[RowChunk, None]:
        """Return the rows of a table that a statement needs, as CopyData.

        Raises: ProgramLimitExceeded (54000) above the budget; what the engine says.
        """
        scan = await self._planner.compile_scan(query_of(item), bound.state)
        formats = (int(layout.format == "binary"),) * len(scan.fields)
        request = await self._planner.request(scan, (), formats, bound.state.plain, bound.pins)
        result = await self._engines.run(replace(request, layout=layout))
        try:
            async for chunk in result:
                budget.left -= len(chunk.data)
                if budget.left < 0:
                    raise ProgramLimitExceeded(
                        f"the statement needs more than {self._max_bytes} bytes of rows in PostgreSQL",
                        detail=f"The engine has no rule for {bound.reason}.",
                        hint="Add a condition on the tables, avoid that construct, or raise BEMIDB_BRIDGE_MAX_BYTES.",
                    )
                yield chunk
        finally:
            await result.aclose()

    async def _bind(self, backend: TwinBackend, bound: Bound) -> None:
        """Have the statement parsed and bound, and make sure that no lake table is left in it: the twin's are empty."""
        statement = bound.statement
        names = lake_names(statement, self._planner)
        text = use_temporary_tables(statement.text.decode(), names).encode()
        values = [parameter.value for parameter in bound.parameters]
        formats = [parameter.format for parameter in bound.parameters]
        frames = parse_message(text, statement.parameters) + bind_message(values, formats, list(bound.formats))
        messages = await backend.ask(frames + FLUSH, 2)
        trees = [tree for tag, frame in messages if tag == NOTICE and (tree := read_tree(frame))]
        if any(SET_CONFIG.search(tree) for tree in trees):
            raise FeatureNotSupported("set_config in a statement that reads the lake is not supported")
        ours = {*statement.relids, *statement.views}
        left = {int(relid) for tree in trees for relid in RELATION.findall(tree)} & ours
        if left or not trees:
            raise FeatureNotSupported(f"{bound.reason} is not supported with this spelling of a table's name")


def query_of(item: TemporaryTable) -> str:
    """Return the query for a table's rows."""
    return f"SELECT {item.columns} FROM ONLY {item.source}"  # noqa: S608  # quoted names


def copy_data(content: bytes) -> bytes:
    """Encode CopyData."""
    return b"d" + struct.pack(">I", len(content) + 4) + content


async def _take_one(rows: AsyncGenerator[RowChunk, None]) -> AsyncGenerator[RowChunk, None]:
    async for chunk in rows:
        yield chunk
        return


async def _joined(first: list[RowChunk], rest: AsyncGenerator[RowChunk, None]) -> AsyncGenerator[RowChunk, None]:
    try:
        for chunk in first:
            yield chunk
        async for chunk in rest:
            yield chunk
    finally:
        await rest.aclose()


def row_chunk(messages: Sequence[Message]) -> RowChunk:
    """Join DataRow frames."""
    frames = [frame for tag, frame in messages if tag == DATA_ROW]
    offsets = np.zeros(len(frames) + 1, np.int64)
    np.cumsum([len(frame) for frame in frames], out=offsets[1:])
    return RowChunk(b"".join(frames), offsets)


def postgres_error(failure: BackendFailed) -> PostgresError:
    """Return a backend's error as ours."""
    assert failure.frame is not None
    return error_from(ErrorResponse.decode(Reader(failure.frame, 5)))
