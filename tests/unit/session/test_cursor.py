"""Positions of a cursor. That they are Postgres' is checked by `compat/wire/cursors*.wire`, against a model here."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import cast

import pytest

from pgserver.encode.rows import RowChunk
from pgserver.executors.base import Result
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.utility import HOLD, NO_SCROLL, SCROLL
from pgserver.protocol.errors import DivisionByZero, ObjectNotInPrerequisiteState
from pgserver.session import cursor as module
from pgserver.session.cursor import LakePortal, Rows
from tests.unit.session.test_spool import chunk_of, rows_of

NO_STATEMENT = cast(LakeStatement, None)


class Stream:
    """Chunks of numbered rows; may fail in the middle; knows how many were taken and whether it was closed."""

    def __init__(self, sizes: Sequence[int], fails_after: int | None = None) -> None:
        self.sizes, self.fails_after = sizes, fails_after
        self.taken = 0
        self.closed = False

    async def chunks(self) -> AsyncGenerator[RowChunk, None]:
        at = 0
        try:
            for size in self.sizes:
                if self.taken == self.fails_after:
                    raise DivisionByZero("division by zero")
                self.taken += 1
                yield chunk_of([str(number).encode() for number in range(at, at + size)])
                at += size
        finally:
            self.closed = True


def opened(stream: Stream, options: int, folder: Path) -> LakePortal:
    portal = LakePortal(NO_STATEMENT, (), (), options, "c", folder=folder)
    portal.start(Result((), stream.chunks(), "SELECT"))
    return portal


async def taken(rows: Rows) -> list[int]:
    return [int(row) for chunk in [chunk async for chunk in rows] for row in rows_of(chunk)]


class Model:
    """The same over a list: `at` is 0 in front of the first row, n + 1 behind the last."""

    def __init__(self, rows: int) -> None:
        self.rows, self.at = rows, 0

    def forward(self, count: int | None) -> list[int]:
        goal = self.rows + 1 if count is None else min(self.at + count, self.rows + 1)
        passed = list(range(self.at, min(goal, self.rows)))
        self.at = goal
        return passed

    def backward(self, count: int | None) -> list[int]:
        goal = 0 if count is None else max(self.at - count, 0)
        passed = [number - 1 for number in range(self.at - 1, max(goal, 1) - 1, -1)]
        self.at = goal
        return passed


@pytest.mark.parametrize("options", [SCROLL, HOLD | SCROLL, 0])
@pytest.mark.parametrize("sizes", [[], [1], [3, 1, 9], [10] * 4])
def test_moves_like_the_model(options: int, sizes: list[int], tmp_path: Path) -> None:
    async def run() -> None:
        generator = random.Random(sum(sizes) + options)
        portal, model = opened(Stream(sizes), options, tmp_path), Model(sum(sizes))
        for _ in range(100):
            count = generator.choice([None, 0, 1, 2, 5, 30])
            forward = generator.random() < 0.6
            rows = portal.forward(count) if forward else portal.backward(count)
            assert await taken(rows) == (model.forward(count) if forward else model.backward(count))
        await portal.close()

    asyncio.run(run())


def test_forward_only_takes_no_more_than_it_needs(tmp_path: Path) -> None:
    async def run() -> None:
        stream = Stream([4, 4, 4])
        portal = opened(stream, NO_SCROLL, tmp_path)
        assert await taken(portal.forward(3)) == [0, 1, 2]
        assert stream.taken == 1
        assert await taken(portal.forward(2)) == [3, 4]
        assert stream.taken == 2
        with pytest.raises(ObjectNotInPrerequisiteState, match="can only scan forward"):
            await taken(portal.backward(1))
        with pytest.raises(ObjectNotInPrerequisiteState, match='portal "c" cannot be run'):
            await taken(portal.forward(1))
        await portal.close()
        assert stream.closed

    asyncio.run(run())


def test_an_error_ends_a_cursor(tmp_path: Path) -> None:
    async def run() -> None:
        portal = opened(Stream([2, 2], fails_after=1), SCROLL, tmp_path)
        assert await taken(portal.forward(2)) == [0, 1]
        with pytest.raises(DivisionByZero):
            await taken(portal.forward(1))
        with pytest.raises(ObjectNotInPrerequisiteState, match="cannot be run"):
            await taken(portal.backward(1))
        await portal.close()

    asyncio.run(run())


@pytest.mark.parametrize(("options", "seen"), [(HOLD, list(range(12))), (HOLD | NO_SCROLL, list(range(5, 12)))])
def test_persisting_needs_the_stream_no_more(options: int, seen: list[int], tmp_path: Path) -> None:
    async def run() -> None:
        stream = Stream([4, 4, 4])
        portal = opened(stream, options, tmp_path)
        await taken(portal.forward(5))
        await portal.persist()
        assert stream.closed
        if portal.scrollable:
            portal.rewind()
        assert await taken(portal.forward(None)) == seen
        await portal.close()

    asyncio.run(run())


def test_past_a_limit_it_only_goes_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(module, "SPOOL_LIMIT_BYTES", 100)
        portal = opened(Stream([5, 5, 5, 5]), 0, tmp_path)
        assert await taken(portal.forward(5)) == [0, 1, 2, 3, 4]
        assert await taken(portal.backward(2)) == [3, 2]
        assert await taken(portal.forward(12)) == list(range(3, 15))
        assert not portal.scrollable
        assert await taken(portal.forward(None)) == list(range(15, 20))

    asyncio.run(run())
