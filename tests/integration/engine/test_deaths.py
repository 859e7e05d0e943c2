"""A child that dies, hangs or eats memory: what its statements and those of others see."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pgserver.engine.errors import EngineError
from pgserver.protocol.errors import CrashShutdown, QueryCanceled

SLOW = "SELECT count(*) FROM range(100000000000) AS r(i) WHERE i % 7 = 3"


def test_a_statement_that_has_sent_nothing_is_run_again(go, new_pool, ask, fetch, lake) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            first = pool.active
            os.kill(first.pid, signal.SIGSTOP)  # so that it cannot answer before it dies
            task = asyncio.create_task(fetch(pool, ask(f"SELECT count(*) FROM {lake.numbers}")))
            await asyncio.sleep(0.1)
            os.kill(first.pid, signal.SIGKILL)
            assert await task == [("1000000",)]
            assert pool.active is not first
            assert await fetch(pool, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_a_statement_in_mid_stream_gets_57p02_and_the_next_one_an_answer(go, new_pool, ask, fetch, lake) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            result = await pool.run(ask(f"SELECT a.i FROM {lake.numbers} a, range(100) b"))
            await anext(result)
            os.kill(pool.active.pid, signal.SIGKILL)
            with pytest.raises(CrashShutdown):
                await read_all(result)
            assert await fetch(pool, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_one_that_kills_every_engine_gets_57p02_and_takes_nobody_along(go, new_pool, ask, fetch) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            os.kill(pool.active.pid, signal.SIGSTOP)
            killer = asyncio.create_task(pool.run(ask(SLOW)))
            innocent = asyncio.create_task(fetch(pool, ask("SELECT count(*) FROM range(300000) AS r(i)")))
            await asyncio.sleep(0.1)
            os.kill(pool.active.pid, signal.SIGKILL)
            alone = await second_engine(pool)
            os.kill(alone, signal.SIGKILL)
            with pytest.raises(CrashShutdown):
                await killer
            assert await innocent == [("300000",)]

    go(work())


async def second_engine(pool) -> int:
    """Wait for the engine that the first statement is tried again in."""
    while True:
        for child in tuple(pool.children):
            if child is not pool.active and not child.idle.is_set() and child.ready.done():
                return child.pid
        await asyncio.sleep(0.01)


def test_the_spare_takes_over_at_once(go, new_pool, ask, fetch) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            for _ in range(3):
                await both_ready(pool)
                before = {child.pid for child in pool.children}
                dead = pool.active
                os.kill(dead.pid, signal.SIGKILL)
                await dead.gone
                assert pool.active.pid in before - {dead.pid}
                assert await fetch(pool, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


async def both_ready(pool) -> None:
    while len(pool.children) < 2:  # noqa: ASYNC110  # the pool has no event for it
        await asyncio.sleep(0.01)
    for child in tuple(pool.children):
        await child.ready


def test_a_deaf_statement_is_killed_at_its_deadline(go, new_pool, ask, fetch) -> None:
    async def work() -> None:
        async with new_pool(memory_limit_bytes=3_000_000_000) as pool:
            child = pool.active
            os.kill(child.pid, signal.SIGSTOP)  # as deaf as can be
            started = time.monotonic()
            with pytest.raises(QueryCanceled, match="statement timeout"):
                await pool.run(ask("SELECT 1", deadline_ms=200))
            assert time.monotonic() - started >= 2.2
            assert child.gone.done() or await asyncio.wait_for(child.gone, 60)
            assert await fetch(pool, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT repeat('x', 2000000000)",
        "SELECT length(repeat('x', 2000000000) || repeat('y', 2000000000))",
        "SELECT len(range(300000000))",
        pytest.param("SELECT list_transform(range(100000000), lambda x: x + 1)", marks=pytest.mark.slow),
        pytest.param("SELECT string_agg(repeat('x', 1000000), '') FROM range(3000)", marks=pytest.mark.slow),
        pytest.param("SELECT array_agg(i) FROM range(500000000) AS r(i)", marks=pytest.mark.slow),
    ],
)
def test_a_memory_bomb_gets_53200_and_others_go_on(go, new_pool, ask, fetch, lake, bomb: str) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            child = pool.active
            others = asyncio.create_task(stream_all(pool, ask, fetch, lake))
            with pytest.raises(EngineError) as caught:
                await fetch(pool, ask(bomb))
            assert caught.value.sqlstate == "53200"
            await others
            assert pool.active is child
            assert peak_bytes(child.pid) < 3_000_000_000

    go(work())


async def stream_all(pool, ask, fetch, lake) -> None:
    for _ in range(3):
        assert len(await fetch(pool, ask(f"SELECT i FROM {lake.numbers} WHERE i < 20000"))) == 20_000


def peak_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def test_a_slow_reader_of_a_large_result_costs_little_memory(go, new_pool, ask, lake) -> None:
    async def work() -> None:
        async with new_pool() as pool:
            sql = f"SELECT a.i, a.t, b.range, a.t || b.range FROM {lake.numbers} a, range(6) b"
            columns = [type(ask("").columns[0])(25, -1, 0)] * 4
            before = psutil.Process().memory_info().rss
            result = await pool.run(ask(sql, *columns))
            seen = 0
            async for chunk in result:
                seen += len(chunk)
                if seen < 1_000_000:
                    await asyncio.sleep(0.02)
            assert seen == 6_000_000
            assert peak_bytes(pool.active.pid) < 600_000_000
            assert psutil.Process().memory_info().rss - before < 100_000_000

    go(work())


def test_spilling_statements_are_right_and_leave_no_files(go, new_pool, ask, fetch, tmp_path) -> None:
    async def work() -> None:
        sql = "SELECT count(*), sum(i) FROM (SELECT i, md5(i::VARCHAR) AS m FROM range(1500000) AS r(i) ORDER BY m)"
        column = type(ask("").columns[0])(25, -1, 0)
        async with new_pool(memory_limit_bytes=120_000_000) as pool:
            answers = await asyncio.gather(fetch(pool, ask(sql, column, column)), fetch(pool, ask(sql, column, column)))
            assert answers == [[("1500000", "1124999250000")]] * 2
            os.kill(pool.active.pid, signal.SIGKILL)
            await fetch(pool, ask("SELECT 1"))
        assert not (tmp_path / "spill").exists()

    go(work())


def test_what_an_earlier_server_spilled_is_wiped(go, new_pool, tmp_path) -> None:
    old = tmp_path / "spill" / "old"
    old.mkdir(parents=True)
    (old / "duckdb_temp_storage.tmp").write_bytes(b"x")

    async def work() -> None:
        async with new_pool():
            assert not old.exists()
            assert (tmp_path / "spill").stat().st_mode & 0o777 == 0o700

    go(work())


SERVER = """
import asyncio, sys
from pathlib import Path
from pgserver.engine.pool import EnginePool, EngineSettings

async def main():
    pool = EnginePool(EngineSettings(200_000_000, 1, 4, Path(sys.argv[1]), ("file://" + sys.argv[1],), None))
    await pool.start()
    print(pool.active.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_no_child_outlives_a_killed_server(tmp_path) -> None:
    command = [sys.executable, "-c", SERVER, str(tmp_path / "spill")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        while not (line := server.stdout.readline()).strip().isdigit():
            assert line, "the server ended"
        children = psutil.Process(server.pid).children(recursive=True)
        assert int(line) in [child.pid for child in children]
        server.kill()
        server.wait(10)
        _gone, alive = psutil.wait_procs(children, timeout=60)
        assert not alive


async def read_all(result) -> None:
    async for _ in result:
        pass
