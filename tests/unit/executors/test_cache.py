"""The result cache: what is kept, what falls out, what is asked again."""

import numpy as np

from pgserver.encode.rows import RowChunk, WireColumn, WireSettings
from pgserver.engine.pool import RunRequest
from pgserver.executors.cache import CachedEngines, ResultCache


def request(sql: str, **more: object) -> RunRequest:
    columns = (WireColumn(23, -1, 0),)
    return RunRequest(sql=sql, columns=columns, settings=WireSettings(), **more)  # type: ignore[arg-type]


def chunk(size: int) -> RowChunk:
    return RowChunk(b"x" * size, np.array([0, size], np.int64))


class Engines:
    """Counts how often it is asked."""

    def __init__(self, *sizes: int, fails: bool = False) -> None:
        self.sizes = sizes
        self.fails = fails
        self.asked = 0
        self.closed = 0

    async def run(self, _request: RunRequest) -> "Rows":
        self.asked += 1
        return Rows(self)


class Rows:
    """One result of them."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.left = list(engines.sizes)

    def __aiter__(self) -> "Rows":
        return self

    async def __anext__(self) -> RowChunk:
        if not self.left:
            if self.engines.fails:
                raise ValueError("lost")
            raise StopAsyncIteration
        return chunk(self.left.pop(0))

    async def aclose(self) -> None:
        self.engines.closed += 1


async def read(cached: CachedEngines, what: RunRequest, most: int = 99) -> list[int]:
    rows = await cached.run(what)
    found = []
    async for piece in rows:
        found.append(len(piece.data))
        if len(found) == most:
            break
    await rows.aclose()
    return found


async def test_second_time_is_answered_without_the_engine() -> None:
    engines = Engines(10, 20)
    cached = CachedEngines(engines, ResultCache(1 << 20))  # type: ignore[arg-type]
    assert await read(cached, request("a")) == [10, 20]
    assert await read(cached, request("a", deadline_ms=5)) == [10, 20]
    assert (engines.asked, engines.closed) == (1, 1)
    await read(cached, request("b"))
    assert engines.asked == 2


async def test_what_was_not_read_to_its_end_or_is_large_is_not_kept() -> None:
    for engines, most in ((Engines(10, 20), 1), (Engines(1 << 17), 99)):
        cached = CachedEngines(engines, ResultCache(1 << 20))  # type: ignore[arg-type]
        await read(cached, request("a"), most)
        await read(cached, request("a"), most)
        assert (engines.asked, engines.closed) == (2, 2)


async def test_memory_is_bounded_and_the_oldest_go() -> None:
    engines = Engines(1000)
    cached = CachedEngines(engines, ResultCache(1 << 16))  # type: ignore[arg-type]
    for number in range(100):
        await read(cached, request(str(number)))
    await read(cached, request("99"))
    assert engines.asked == 100
    await read(cached, request("0"))
    assert engines.asked == 101


async def test_no_memory_keeps_nothing() -> None:
    engines = Engines()
    cached = CachedEngines(engines, ResultCache(0))  # type: ignore[arg-type]
    await read(cached, request("a"))
    await read(cached, request("a"))
    assert engines.asked == 2
