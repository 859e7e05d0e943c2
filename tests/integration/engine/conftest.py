"""A folder of Parquet files as the lake, and pools that read it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pgserver.encode.rows import WireColumn, WireSettings
from pgserver.engine.pool import EnginePool, EngineSettings, RunRequest

LIMIT_S = 60
ROWS = 1_000_000


class Lake:
    """A warehouse folder with one table, `numbers(i bigint, t text)`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.location = f"file://{folder}"
        self.numbers = f"read_parquet(['{folder}/numbers.parquet'])"


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("engine") / "warehouse")
    lake.folder.mkdir()
    with duckdb.connect() as duck:
        numbers = f"SELECT i, 'row ' || i AS t FROM range({ROWS}) AS r(i)"
        duck.execute(f"COPY ({numbers}) TO '{lake.folder}/numbers.parquet' (FORMAT parquet)")
    return lake


@pytest.fixture(scope="session")
def settings(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> EngineSettings:
    return EngineSettings(
        memory_limit_bytes=400_000_000,
        threads=2,
        max_active=4,
        spill_folder=tmp_path_factory.mktemp("spill") / "shared",
        lake_prefixes=(lake.location,),
        s3=None,
    )


class Runner:
    """One event loop for all tests, so that they can share a pool; a limit of time for each."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(asyncio.wait_for(work, LIMIT_S))


@pytest.fixture(scope="session")
def go() -> Iterator[Runner]:
    with asyncio.Runner() as runner:
        yield Runner(runner)


@pytest.fixture(scope="session")
def engine(go: Runner, settings: EngineSettings) -> Iterator[EnginePool]:
    """A pool for tests that do it no harm."""
    pool = EnginePool(settings)
    go(pool.start())
    yield pool
    go(pool.stop())


@pytest.fixture
def new_pool(settings: EngineSettings, tmp_path: Path) -> Callable[..., EnginePool]:
    """Make a pool of a test's own: `async with new_pool() as pool`."""

    def make(**changes: Any) -> EnginePool:
        return EnginePool(replace(settings, spill_folder=tmp_path / "spill", **changes))

    return make


def request_for(sql: str, *columns: WireColumn, deadline_ms: int | None = None, **settings: Any) -> RunRequest:
    """Ask for text columns, one if none is given."""
    return RunRequest(sql, columns or (WireColumn(25, -1, 0),), WireSettings(**settings), deadline_ms)


@pytest.fixture
def ask() -> Callable[..., RunRequest]:
    return request_for


async def rows(pool: EnginePool, request: RunRequest) -> list[tuple[str | None, ...]]:
    """Run a statement and read its DataRow messages."""
    found: list[tuple[str | None, ...]] = []
    async for chunk in await pool.run(request):
        data = bytes(chunk.data)
        for start, stop in zip(chunk.offsets[:-1], chunk.offsets[1:], strict=True):
            found.append(read_row(data[start:stop]))
    return found


def read_row(message: bytes) -> tuple[str | None, ...]:
    assert message[:1] == b"D"
    assert int.from_bytes(message[1:5]) == len(message) - 1
    values: list[str | None] = []
    at = 7
    for _ in range(int.from_bytes(message[5:7])):
        length = int.from_bytes(message[at : at + 4], signed=True)
        at += 4
        values.append(None if length < 0 else message[at : at + length].decode())
        at += max(length, 0)
    assert at == len(message)
    return tuple(values)


@pytest.fixture
def fetch() -> Callable[[EnginePool, RunRequest], Coroutine[Any, Any, list[tuple[str | None, ...]]]]:
    return rows
