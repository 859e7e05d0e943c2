"""Run a lake statement in the engine."""

from pgserver.engine.pool import EnginePool, RunRequest
from pgserver.executors.base import Result


class LakeExecutor:
    """The straight way: DuckDB reads the Parquet files, its rows go to the client."""

    def __init__(self, pool: EnginePool) -> None:
        """Args: the engine's child processes, started."""
        self._pool = pool

    async def run(self, request: RunRequest) -> Result:
        """Start a statement; rows come as they are asked for.

        Raises: PostgresError with the SQLSTATE of what failed before the first row.
        """
        result = await self._pool.run(request)
        return Result(columns=request.columns, chunks=aiter(result), tag="SELECT")
