"""Run a lake statement in the engine."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from pgserver.encode.copy import CopyLayout
from pgserver.encode.rows import RowChunk
from pgserver.engine.pool import EnginePool, EngineResult
from pgserver.executors.base import LAKE, Explained, Result
from pgserver.plan.planner import LakeStatement, Parameter, Planner
from pgserver.plan.session_state import SessionState


class LakeExecutor:
    """The straight way: DuckDB reads the Parquet files, its rows go to the client."""

    def __init__(self, pool: EnginePool, planner: Planner) -> None:
        """Args: the engine's child processes, started; the planner, which pins and writes SQL."""
        self._pool = pool
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
        result = await self._pool.run(request)
        return Result(columns=request.columns, chunks=_chunks(result), tag="SELECT")

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
        sql = await self._planner.render(statement.emitted, statement, parameters, state, pins)
        scans = await self._planner.scans(statement.emitted, pins)
        return Explained(LAKE, "", scans, await self._pool.explain(sql))


async def _chunks(result: EngineResult) -> AsyncGenerator[RowChunk, None]:
    try:
        async for chunk in result:
            yield chunk
    finally:
        await result.aclose()
