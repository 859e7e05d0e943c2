"""Run a lake statement in the engine."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import structlog

from pgserver import metrics
from pgserver.encode.copy import CopyLayout
from pgserver.encode.rows import RowChunk
from pgserver.engine.errors import EngineError
from pgserver.executors.base import LAKE, Explained, Result
from pgserver.executors.cache import CachedEngines
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter, Planner
from pgserver.plan.session_state import SessionState

log = structlog.get_logger()

AHEAD_BYTES = 8 * 1024 * 1024

QUOTED = re.compile(r"'(?!\w+\([A-Z0-9_, ()]*\)')[^']*'")  # but for a call's name and types: it may be a user's value


class LakeExecutor:
    """The straight way: DuckDB reads the Parquet files, its rows go to the client."""

    def __init__(self, engines: CachedEngines, planner: Planner) -> None:
        """Args: the engine's child processes, started; the planner, which pins and writes SQL."""
        self._engines = engines
        self._planner = planner

    async def run(
        self,
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        formats: Sequence[int],
        state: SessionState,
        pins: dict[int, str],
        layout: CopyLayout | None = None,
    ) -> Result:
        """Start a statement; its first rows are there when this returns.

        Raises: NoRule; EngineError.
        """
        request = await self._planner.request(statement, parameters, formats, state, pins)
        if layout is not None:
            request = replace(request, layout=layout)
        try:
            chunks = await self._engines.run(request)
            if statement.emitted is not None and statement.emitted.late:
                chunks = await read_ahead(chunks)
        except EngineError as error:
            if error.blames_rule:
                await self._report(error, statement, state)
            raise
        return Result(columns=request.columns, chunks=chunks, tag="SELECT", read_bytes=request.read_bytes)

    async def explain(
        self,
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        state: SessionState,
        pins: dict[int, str],
    ) -> Explained:
        """Have DuckDB plan a statement.

        Raises: NoRule; EngineError.
        """
        assert statement.emitted is not None
        scans = await self._planner.scans(statement.emitted, pins)
        sql = await self._planner.render(statement.emitted, scans, statement, parameters, state)
        return Explained(LAKE, "", scans, await self._engines.explain(sql))

    async def _report(self, error: EngineError, statement: LakeStatement, state: SessionState) -> None:
        """Log a bug of a rule: what DuckDB says, and all that the statement calls."""
        metrics.rule_failures.inc()
        calls = await self._planner.signatures(statement, state)
        problem = QUOTED.sub("'...'", error.message)
        log.error("rule_failed", sqlstate=error.sqlstate, problem=problem, signatures=calls)


async def read_ahead(chunks: AsyncGenerator[RowChunk, None]) -> AsyncGenerator[RowChunk, None]:
    """Wait for all of a result, or for as much of it as may be held: an error in there still takes the bridge.

    Raises: what reading the rows does.
    """
    held: list[RowChunk] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk.data)
        if size > AHEAD_BYTES:
            break
    return _continued(held, chunks)


async def _continued(held: list[RowChunk], chunks: AsyncGenerator[RowChunk, None]) -> AsyncGenerator[RowChunk, None]:
    try:
        for chunk in held:
            yield chunk
        held.clear()
        async for chunk in chunks:
            yield chunk
    finally:
        await chunks.aclose()
