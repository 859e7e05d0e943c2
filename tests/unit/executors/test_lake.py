"""The first rows of a statement whose groups are looked at before they are given."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from pgserver.encode.rows import RowChunk
from pgserver.engine.errors import EngineError, Failure
from pgserver.executors.lake import AHEAD_BYTES, read_ahead


def chunk(size: int) -> RowChunk:
    return RowChunk(b"x" * size, np.array([0, size]))


async def chunks(sizes: list[int]) -> AsyncGenerator[RowChunk, None]:
    """Give chunks of these sizes, then fail."""
    for size in sizes:
        yield chunk(size)
    raise EngineError(Failure("22023", "bridge", retryable_on_bridge=True))


def test_an_error_behind_rows_that_may_be_held_comes_before_the_first() -> None:
    with pytest.raises(EngineError):
        asyncio.run(read_ahead(chunks([10, 10])))


def test_rows_beyond_what_may_be_held_are_given_before_the_end_is_known() -> None:
    sizes: list[int] = []

    async def read() -> None:
        async for item in await read_ahead(chunks([10, AHEAD_BYTES, 20])):
            sizes.append(len(item.data))  # noqa: PERF401  # until the error

    with pytest.raises(EngineError):
        asyncio.run(read())
    assert sizes == [10, AHEAD_BYTES, 20]
