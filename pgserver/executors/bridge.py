"""What DuckDB cannot do exactly as Postgres: the rows that a statement reads go into temporary tables of a twin
backend, and the statement itself runs there.

The tables have the names of the lake's, and `pg_temp` hides those; where the text names a schema, that is replaced.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

import numpy as np

from pgserver import metrics
from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.encode.copy import SIGNATURE, TRAILER, CopyLayout, no_rows
from pgserver.encode.rows import RowChunk, WireColumn
from pgserver.engine.errors import EngineError
from pgserver.engine.pool import EnginePool, RunRequest
from pgserver.executors.base import BRIDGE, Result
from pgserver.executors.joined import Joined, joined_rows
from pgserver.executors.temporary import (
    TemporaryTable,
    definitions,
    lake_names,
    temporary_tables,
    view_definitions,
)
from pgserver.plan.above import ROWS
from pgserver.plan.analysis import RELATION, bind_message, parse_message, read_tree
from pgserver.plan.backends import BackendPool, query_message
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter, Planner, Scan
from pgserver.plan.rewrite import use_temporary_tables
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import quoted
from pgserver.protocol.backend import ErrorResponse
from pgserver.protocol.buffer import Reader
from pgserver.protocol.errors import FeatureNotSupported, PostgresError, ProgramLimitExceeded, error_from
from pgserver.twin.backend import BackendFailed, Message, TwinBackend

ROWS_PER_EXECUTE = 10_000
LONG_TEXT = 1 << 16  # bytes: others need not wait until it is read
FLUSH = b"H\x00\x00\x00\x04"
SYNC = b"S\x00\x00\x00\x04"
BINARY_TYPES = frozenset(
    (
        *(kinds.BOOL, kinds.INT2, kinds.INT4, kinds.INT8, kinds.FLOAT4, kinds.FLOAT8, kinds.NUMERIC, kinds.UUID),
        *(kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ, kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR),
    )
)
EXECUTE_UNNAMED = b"E\x00\x00\x00\x09\x00" + struct.pack(">I", ROWS_PER_EXECUTE)
RUN_OTHERWISE = frozenset(("42", "54", "0A"))
DATA_ROW, NOTICE, SUSPENDED = ord("D"), ord("N"), ord("s")


class Conditions(Enum):
    """Which conditions decide in the engine what is brought; the statement checks all of them again.

    One that fails in the engine need not fail in Postgres: the next kind is tried. Who cannot begin again takes those
    alone that cannot fail.
    """

    ALL = 1
    SURE = 2
    NONE = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with all that it runs with. `reason` says what forced the bridge."""

    statement: LakeStatement
    parameters: Sequence[Parameter]
    formats: Sequence[int]
    state: SessionState
    pins: dict[int, str]
    reason: str
    conditions: Conditions = Conditions.ALL


@dataclass(frozen=True, slots=True)
class Filling:
    """A statement of ours; with rows it is a COPY FROM STDIN, and these are its data."""

    sql: str
    rows: AsyncGenerator[RowChunk, None] | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """A temporary table, and the scan that fills it; none for one without columns, or without rows of its own.

    `whole` is the scan without conditions, for parameters and settings that these have no rule for.
    """

    item: TemporaryTable
    scan: LakeStatement | None = None
    whole: LakeStatement | None = None


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
        joined = await joined_rows(self._planner, bound.statement, bound.state, bound.pins)
        if joined is not None and (result := await self._run_joined(bound, joined, columns)):
            return result
        for conditions in Conditions:
            bound = replace(bound, conditions=conditions)
            tables = await self._brought(bound)
            rows = self._rows(bound, self._fillings(bound, tables), await self._text(bound))
            try:
                first = [chunk async for chunk in _take_one(rows)]
                break
            except EngineError as error:
                if not error.retryable_on_bridge or conditions is Conditions.NONE:
                    raise
        read = sum(scan.chosen.bytes for scan in await self._scans(bound, tables))
        return Result(columns=columns, chunks=_joined(first, rows), tag="SELECT", way=BRIDGE, read_bytes=read)

    async def _run_joined(self, bound: Bound, joined: Joined, columns: tuple[WireColumn, ...]) -> Result | None:
        """Run a statement over rows that the engine has joined; None where that fails before the first of them.

        What Postgres says of the statement itself is said of its own text, and what the engine fails in may be needed
        by no row that Postgres computes.
        """
        rows = self._rows(bound, self._joined_fillings(bound, joined), joined.text)
        try:
            first = [chunk async for chunk in _take_one(rows)]
        except NoRule:
            return None
        except EngineError as error:
            if error.retryable_on_bridge:
                return None
            raise
        except PostgresError as error:
            if error.sqlstate[:2] in RUN_OTHERWISE:
                return None
            raise
        assert joined.rows.emitted is not None
        read = sum(scan.chosen.bytes for scan in await self._planner.scans(joined.rows.emitted, bound.pins))
        return Result(columns=columns, chunks=_joined(first, rows), tag="SELECT", way=BRIDGE, read_bytes=read)

    async def _joined_fillings(self, bound: Bound, joined: Joined) -> AsyncGenerator[Filling, None]:
        yield Filling(joined.definition)
        layout = layout_for(joined.rows, bound.state)
        formats = (int(layout.format == "binary"),) * len(joined.rows.fields)
        plain = replace(bound.state.plain, time_zone=bound.state.time_zone)
        request = await self._planner.request(joined.rows, bound.parameters, formats, plain, bound.pins)
        yield Filling(
            copy_into(ROWS, joined.columns, layout), self._rows_of(request, bound, Budget(self._max_bytes), layout)
        )

    async def scans(self, bound: Bound) -> tuple[Scan, ...]:
        """Return what a statement would bring."""
        joined = await joined_rows(self._planner, bound.statement, bound.state, bound.pins)
        if joined is not None and joined.rows.emitted is not None:
            return await self._planner.scans(joined.rows.emitted, bound.pins)
        return await self._scans(bound, await self._brought(bound))

    async def _scans(self, bound: Bound, tables: Sequence[Brought]) -> tuple[Scan, ...]:
        found: list[Scan] = []
        for brought in tables:
            if brought.scan is not None and brought.scan.emitted is not None:
                found += await self._planner.scans(brought.scan.emitted, bound.pins)
            elif brought.item.table.view.kind == "r":
                found += await self._planner.whole_scans([brought.item.table.oid], bound.pins)
        return tuple(found)

    async def _rows(
        self, bound: Bound, fillings: AsyncGenerator[Filling, None], text: str
    ) -> AsyncGenerator[RowChunk, None]:
        """Fill temporary tables, and run a text over them."""
        async with self._backends.use(bound.state.analysis, bound.state.printing) as backend:
            try:
                await backend.ask(query_message(b"BEGIN"), 0, to_ready=True)
                await self._fill(backend, fillings)
                await self._bind(backend, bound, text)
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

    async def _fill(self, backend: TwinBackend, fillings: AsyncGenerator[Filling, None]) -> None:
        async for filling in fillings:
            frames = query_message(filling.sql.encode())
            if filling.rows is None:
                await backend.ask(frames, 0, to_ready=True)
            else:
                await backend.bring(frames, 0, filling.rows, to_ready=True)

    async def fillings(self, bound: Bound) -> AsyncGenerator[Filling, None]:
        """Yield what makes a temporary table for each table that is read, and brings its rows; in their order."""
        async for filling in self._fillings(bound, await self._brought(bound)):
            yield filling

    async def _fillings(self, bound: Bound, tables: Sequence[Brought]) -> AsyncGenerator[Filling, None]:
        budget = Budget(self._max_bytes)
        for definition in (
            *definitions([brought.item for brought in tables]),
            *view_definitions(bound.statement, self._planner),
        ):
            yield Filling(definition)
        for brought in tables:
            item, scan = brought.item, brought.scan
            name = f"pg_temp.{quoted(item.name)}"
            if not item.table.view.columns:
                count = self._planner.counted(item.table.oid, bound.pins)
                yield Filling(f"INSERT INTO {name} SELECT FROM generate_series(1, {count})")
            elif scan is not None:
                layout = layout_for(scan, bound.state)
                request = await self._request(brought, bound)
                yield Filling(copy_into(name, item.columns, layout), self._rows_of(request, bound, budget, layout))

    async def _brought(self, bound: Bound) -> list[Brought]:
        """Compile what fills each temporary table."""
        statement, state, chosen = bound.statement, bound.state, bound.conditions
        readings = () if chosen is Conditions.NONE else await self._planner.readings(statement, state)
        found = []
        for item in temporary_tables(statement, self._planner):
            if not item.table.view.columns or item.table.view.kind != "r":
                found.append(Brought(item))
                continue
            whole = await self._planner.compile_scan(query_of(item), state)
            sure = chosen is Conditions.SURE
            scan = self._planner.narrowed(whole, item.table.oid, statement, readings, state, sure=sure)
            found.append(Brought(item, scan, whole))
        return found

    async def _request(self, brought: Brought, bound: Bound) -> RunRequest:
        """Write what the engine runs: conditions mean what they mean in the session, values are written plainly."""
        assert brought.scan is not None
        assert brought.whole is not None
        formats = (int(layout_for(brought.scan, bound.state).format == "binary"),) * len(brought.scan.fields)
        plain = replace(bound.state.plain, time_zone=bound.state.time_zone)
        unread = bound.state.converts and bool(bound.parameters)  # in an encoding that we do not convert
        if brought.scan is not brought.whole and not unread:
            with contextlib.suppress(NoRule):
                return await self._planner.request(brought.scan, bound.parameters, formats, plain, bound.pins)
        return await self._planner.request(brought.whole, (), formats, bound.state.plain, bound.pins)

    async def _rows_of(
        self, request: RunRequest, bound: Bound, budget: Budget, layout: CopyLayout
    ) -> AsyncGenerator[RowChunk, None]:
        """Return rows of the engine as CopyData.

        Raises: ProgramLimitExceeded (54000) above the budget; what the engine says.
        """
        binary = layout.format == "binary"
        async with aclosing(await self._engines.run(replace(request, layout=layout))) as result:
            if binary:
                yield no_rows(SIGNATURE)
            async for chunk in result:
                metrics.bridge_rows.inc(len(chunk))
                metrics.bridge_bytes.inc(len(chunk.data))
                budget.left -= len(chunk.data)
                if budget.left < 0:
                    raise ProgramLimitExceeded(
                        f"the statement needs more than {self._max_bytes} bytes of rows in PostgreSQL",
                        detail=f"The engine has no rule for {bound.reason}.",
                        hint="Add a condition on the tables, avoid that construct, or raise BEMIDB_BRIDGE_MAX_BYTES.",
                    )
                yield chunk
            if binary:
                yield no_rows(TRAILER)

    async def _text(self, bound: Bound) -> str:
        """Return the statement over the temporary tables."""
        text = bound.statement.text.decode()
        rewriting = partial(use_temporary_tables, text, lake_names(bound.statement, self._planner))
        return rewriting() if len(text) < LONG_TEXT else await asyncio.to_thread(rewriting)

    async def _bind(self, backend: TwinBackend, bound: Bound, text: str) -> None:
        """Have the text parsed and bound, and make sure that no lake table is left in it: the twin's are empty."""
        statement = bound.statement
        values = [parameter.value for parameter in bound.parameters]
        formats = [parameter.format for parameter in bound.parameters]
        frames = parse_message(text.encode(), statement.parameters) + bind_message(values, formats, list(bound.formats))
        messages = await backend.ask(frames + FLUSH, 2)
        trees = [tree for tag, frame in messages if tag == NOTICE and (tree := read_tree(frame))]
        # Its backends can take any role: that is the session's choice alone. `compiler` sends these statements there.
        if own := next(filter(None, map(self._planner.own_function, trees)), ""):
            raise FeatureNotSupported(f"{own} in a statement that reads the lake is not supported")
        ours = {*statement.relids, *statement.views}
        left = {int(relid) for tree in trees for relid in RELATION.findall(tree)} & ours
        if left or not trees:
            raise FeatureNotSupported(f"{bound.reason} is not supported with this spelling of a table's name")


def query_of(item: TemporaryTable) -> str:
    """Return the query for a table's rows."""
    return f"SELECT {item.columns} FROM ONLY {item.source}"  # noqa: S608  # quoted names


def copy_into(name: str, columns: str, layout: CopyLayout) -> str:
    """Return the COPY of rows into a temporary table."""
    options = "FORMAT binary" if layout.format == "binary" else "ENCODING 'UTF8'"
    return f"COPY {name} ({columns}) FROM STDIN ({options})"


def layout_for(scan: LakeStatement, state: SessionState) -> CopyLayout:
    """Choose the binary format where it can be: Postgres reads it in half the time."""
    plain = all(field.type_oid in BINARY_TYPES for field in scan.fields)
    return CopyLayout("binary") if plain and state.client_encoding == "UTF8" else CopyLayout()


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
