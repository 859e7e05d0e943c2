"""Which way a lake statement goes: the engine where every part of it has a rule, else the bridge.

An error of the engine before the first row is never an answer: Postgres gives its own, over the bridge.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import structlog

from pgserver.emit.errors import NoRule
from pgserver.encode.copy import CopyLayout, copy_chunk
from pgserver.encode.rows import RowChunk
from pgserver.engine.errors import EngineError
from pgserver.executors.base import BRIDGE, Explained, Result
from pgserver.executors.bridge import Bound, BridgeExecutor
from pgserver.executors.lake import LakeExecutor
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.protocol.errors import FeatureNotSupported

log = structlog.get_logger()


class Dispatcher:
    """Runs a statement by the first way that answers it exactly."""

    def __init__(self, lake: LakeExecutor, bridge: BridgeExecutor) -> None:
        """Args: the two ways."""
        self._lake = lake
        self._bridge = bridge

    @property
    def bridge(self) -> BridgeExecutor:
        """What brings rows into PostgreSQL."""
        return self._bridge

    async def run(
        self,
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        formats: Sequence[int],
        state: SessionState,
        pins: dict[int, str],
        layout: CopyLayout | None = None,
    ) -> Result:
        """Start a statement; its first rows are there when this returns, the others come as they are asked for.

        Args: the statement; its bound values; the format code of each result column; the session; the snapshots that
        its transaction reads, which this adds to; for rows that are to be CopyData, how they are laid out.
        Raises: PostgresError.
        """
        reason = statement.reason
        if state.converts and (layout is None or layout.format == "binary"):  # COPY converts its lines itself
            reason = f"client_encoding {state.client_encoding}"
        elif statement.emitted is not None:
            try:
                return await self._lake.run(statement, parameters, formats, state, pins, layout)
            except NoRule as error:
                reason = error.construct
            except EngineError as error:
                if not error.retryable_on_bridge or (layout is not None and layout.is_file):
                    raise
                reason = f"an error of the engine ({error.sqlstate})"
        if layout is not None and layout.is_file:
            raise FeatureNotSupported(
                f"COPY (FORMAT {layout.format}) of what DuckDB cannot compute is not supported",
                detail=f"The engine has no rule for {reason}.",
                hint="Leave that out, or copy in another format.",
            )
        log.info("bridge_taken", reason=reason)
        if layout is not None and layout.format != "binary":
            state = replace(state, client_encoding="UTF8")  # its lines are converted behind it
        result = await self._bridge.run(Bound(statement, parameters, formats, state, pins, reason))
        return result if layout is None else replace(result, chunks=_copied(result, layout))

    async def explain(
        self,
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        state: SessionState,
        pins: dict[int, str],
    ) -> Explained:
        """Say which way a statement would go, and what it would read.

        Raises: PostgresError.
        """
        reason = statement.reason
        if state.converts:
            reason = f"client_encoding {state.client_encoding}"
        elif statement.emitted is not None:
            try:
                return await self._lake.explain(statement, parameters, state, pins)
            except NoRule as error:
                reason = error.construct
            except EngineError as error:
                if not error.retryable_on_bridge:
                    raise
                reason = f"an error of the engine ({error.sqlstate})"
        bound = Bound(statement, parameters, (), state, pins, reason)
        return Explained(BRIDGE, reason, await self._bridge.scans(bound), "")


async def _copied(result: Result, layout: CopyLayout) -> AsyncGenerator[RowChunk, None]:
    try:
        async for chunk in result.chunks:
            yield copy_chunk(chunk, len(result.columns), layout)
    finally:
        await result.chunks.aclose()
