"""Answering again: dashboards repeat themselves, and what a snapshot answers never changes.

The engine's SQL names the pinned files, the parameters and the session's values, and what is volatile says so: so the
text is, with the wire format, the whole key. Nothing has to be invalidated; what is old falls out.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import replace

from pgserver.encode.rows import RowChunk
from pgserver.engine.pool import EnginePool, EngineResult, RunRequest

LARGEST_SHARE = 16  # a result may take this part of the memory
ENTRY_BYTES = 1024  # of a key and its bookkeeping, roughly


class ResultCache:
    """Encoded results by request, the least recently used thrown out first."""

    def __init__(self, max_bytes: int) -> None:
        """Args: memory for all results; 0 keeps none."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._results: OrderedDict[RunRequest, tuple[RowChunk, ...]] = OrderedDict()

    @property
    def largest(self) -> int:
        """How many bytes a result may have to be kept."""
        return self._max_bytes // LARGEST_SHARE

    def get(self, request: RunRequest) -> tuple[RowChunk, ...] | None:
        """Return a result's chunks."""
        key = _key(request)
        if key in self._results:
            self._results.move_to_end(key)
        return self._results.get(key)

    def put(self, request: RunRequest, chunks: tuple[RowChunk, ...]) -> None:
        """Keep a whole result."""
        key = _key(request)
        size = _size(key, chunks)
        if size > self.largest or key in self._results:
            return
        self._results[key] = chunks
        self._bytes += size
        while self._bytes > self._max_bytes:
            old, dropped = self._results.popitem(last=False)
            self._bytes -= _size(old, dropped)


class CachedEngines:
    """The engine behind a cache of its results."""

    def __init__(self, engines: EnginePool, cache: ResultCache) -> None:
        """Args: the engine's child processes, started; the cache."""
        self._engines = engines
        self._cache = cache

    async def run(self, request: RunRequest) -> AsyncGenerator[RowChunk, None]:
        """Run a statement, or answer again; the first rows are there when this returns.

        Raises: EngineError, QueryCanceled, CrashShutdown.
        """
        if request.volatile:
            return _passed(await self._engines.run(request))
        known = self._cache.get(request)
        if known is not None:
            return _again(known)
        return _kept(await self._engines.run(request), request, self._cache)

    async def explain(self, sql: str) -> str:
        """Return DuckDB's plan of a statement."""
        return await self._engines.explain(sql)


async def _again(chunks: tuple[RowChunk, ...]) -> AsyncGenerator[RowChunk, None]:
    for chunk in chunks:
        yield chunk


async def _passed(result: EngineResult) -> AsyncGenerator[RowChunk, None]:
    try:
        async for chunk in result:
            yield chunk
    finally:
        await result.aclose()


async def _kept(result: EngineResult, request: RunRequest, cache: ResultCache) -> AsyncGenerator[RowChunk, None]:
    """Pass rows on, and keep them when the result ends before it is too large."""
    kept: list[RowChunk] = []
    left = cache.largest
    try:
        async for chunk in result:
            left -= len(chunk.data)
            if left > 0:
                kept.append(chunk)
            else:
                kept.clear()
            yield chunk
        if left > 0:
            cache.put(request, tuple(kept))
    finally:
        await result.aclose()


def _key(request: RunRequest) -> RunRequest:
    return replace(request, deadline_ms=None)


def _size(key: RunRequest, chunks: tuple[RowChunk, ...]) -> int:
    return ENTRY_BYTES + len(key.sql) + sum(len(chunk.data) + chunk.offsets.nbytes for chunk in chunks)
