"""Statements in the engine: rows, settings, errors, cancel, deadlines."""

import asyncio
import time

import pytest

from pgserver.encode.rows import WireColumn
from pgserver.engine.errors import EngineError
from pgserver.engine.pool import EngineResult
from pgserver.protocol.errors import QueryCanceled

ENDLESS = "SELECT count(*) FROM range(100000000000) AS a(i), range(1000) AS b(i) WHERE a.i % 7 = b.i"


def test_rows_come_as_data_row_messages(go, engine, ask, fetch, lake) -> None:
    async def work() -> None:
        request = ask(f"SELECT i, t FROM {lake.numbers} WHERE i < 3", WireColumn(20, -1, 0), WireColumn(25, -1, 0))
        assert await fetch(engine, request) == [("0", "row 0"), ("1", "row 1"), ("2", "row 2")]
        assert await fetch(engine, ask(f"SELECT t FROM {lake.numbers} WHERE i < 0")) == []
        assert await fetch(engine, ask("SELECT NULL")) == [(None,)]
        assert "PROJECTION" in await engine.explain("SELECT 1 AS one")

    go(work())


def test_all_rows_of_a_large_result_in_order_and_the_first_chunk_small(go, engine, ask, lake) -> None:
    async def work() -> None:
        chunks = [chunk async for chunk in await engine.run(ask(f"SELECT i FROM {lake.numbers}"))]
        assert len(chunks[0]) <= 2048
        assert all(len(chunk.data) < 3 << 20 for chunk in chunks)
        data = b"".join(bytes(chunk.data) for chunk in chunks)
        assert data == b"".join(
            b"D" + (10 + len(text)).to_bytes(4) + b"\0\1" + len(text).to_bytes(4) + text
            for text in (b"%d" % number for number in range(1_000_000))
        )

    go(work())


def test_statements_at_the_same_time_have_their_own_time_zone(go, engine, ask, fetch) -> None:
    async def work() -> None:
        sql = "SELECT date_trunc('day', TIMESTAMPTZ '2024-07-01 03:00:00+00') FROM range(3000)"
        zones = {
            "UTC": "2024-07-01 00:00:00+00",
            "America/New_York": "2024-06-30 00:00:00-04",
            "Asia/Kolkata": "2024-07-01 00:00:00+05:30",
            "<+03>-03": "2024-07-01 00:00:00+03",
        }
        for _ in range(3):
            answers = await asyncio.gather(
                *(fetch(engine, ask(sql, WireColumn(1184, -1, 0), time_zone=zone)) for zone in zones)
            )
            assert [set(answer) for answer in answers] == [{(text,)} for text in zones.values()]

    go(work())


@pytest.mark.parametrize(
    ("sql", "sqlstate", "bridge"),
    [
        ("SELECT error('bridge')", "22023", True),
        ("SELECT error('22012')", "22012", True),
        ("SELECT CAST('x' AS INTEGER)", "22P02", True),
        ("SELECT CAST(3000000000 AS INTEGER)", "22003", True),
        ("SELECT 9223372036854775807 + 1::BIGINT", "22003", True),
        ("SELEC 1", "42601", True),
        ("SELECT nope", "42703", True),
        ("SELECT nope(1)", "42883", True),
        ("SELECT * FROM nope", "42P01", True),
        ("SELECT (SELECT i FROM range(2) AS r(i))", "21000", True),
        ("SELECT " + "(" * 100_000 + "1" + ")" * 100_000, "54001", True),
        ("SELECT " + "1 + " * 50_000 + "1", "54001", True),
        ("SELECT DATE '2024-02-30'", "22008", True),
    ],
)
def test_errors_have_postgres_sqlstates(go, engine, ask, fetch, sql: str, sqlstate: str, bridge: bool) -> None:
    async def work() -> None:
        with pytest.raises(EngineError) as caught:
            await engine.run(ask(sql))
        assert (caught.value.sqlstate, caught.value.retryable_on_bridge) == (sqlstate, bridge)
        assert await fetch(engine, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_an_error_after_the_first_rows_comes_after_them(go, engine, ask) -> None:
    async def work() -> None:
        sql = "SELECT CASE WHEN i > 500000 THEN error('22012') ELSE i END FROM range(600000) AS r(i)"
        result = await engine.run(ask(sql))
        seen: list[int] = []
        with pytest.raises(EngineError, match="division by zero"):
            await read_into(seen, result)
        assert 2048 <= sum(seen) <= 500_001

    go(work())


@pytest.mark.slow  # the same with a cursor of its own making: tests/unit/engine/test_worker.py
def test_the_error_of_one_thread_is_not_taken_for_a_cancel(go, engine, ask) -> None:
    """DuckDB interrupts its other threads where one fails; in one run of 200 the reader hears of that instead."""

    async def work() -> None:
        sql = "SELECT CASE WHEN i > 500000 THEN error('22012') ELSE i END FROM range(600000) AS r(i)"
        with pytest.raises(EngineError, match="division by zero"):
            await read_into([], await engine.run(ask(sql)))

    for _ in range(1000):
        go(work())


async def read_into(seen: list[int], result: EngineResult) -> None:
    async for chunk in result:
        seen.append(len(chunk))  # noqa: PERF401  # what was seen before the error counts


def test_a_deadline_interrupts(go, engine, ask, fetch) -> None:
    async def work() -> None:
        with pytest.raises(QueryCanceled, match="statement timeout"):
            await engine.run(ask(ENDLESS, deadline_ms=200))
        assert await fetch(engine, ask("SELECT 'alive'", deadline_ms=5000)) == [("alive",)]

    go(work())


def test_a_deadline_ends_a_stream_that_nobody_reads(go, engine, ask, lake) -> None:
    async def work() -> None:
        result = await engine.run(ask(f"SELECT i FROM {lake.numbers}", deadline_ms=300))
        await asyncio.sleep(0.6)
        with pytest.raises(QueryCanceled, match="statement timeout"):
            async for _ in result:
                pass

    go(work())


def test_closing_a_result_ends_its_statement(go, engine, ask, fetch, lake) -> None:
    async def work() -> None:
        result = await engine.run(ask(f"SELECT a.i FROM {lake.numbers} AS a, range(1000000) AS b"))
        await anext(result)
        await result.aclose()
        await idle(engine)
        assert await fetch(engine, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_a_canceled_caller_ends_its_statement(go, engine, ask) -> None:
    async def work() -> None:
        task = asyncio.create_task(engine.run(ask(ENDLESS)))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await idle(engine)

    go(work())


async def idle(engine) -> None:
    """Wait until the child has nothing to do; a cancel that it ignores would kill it."""
    child = engine.active
    started = time.monotonic()
    await asyncio.wait_for(child.idle.wait(), 60)
    assert engine.active is child, time.monotonic() - started


def test_many_statements_at_once(go, engine, ask, fetch, lake) -> None:
    async def work() -> None:
        requests = [ask(f"SELECT count(*) FROM {lake.numbers} WHERE i < {limit}") for limit in range(50)]
        assert await asyncio.gather(*(fetch(engine, request) for request in requests)) == [
            [(str(limit),)] for limit in range(50)
        ]

    go(work())


def test_interrupting_what_is_done_does_no_harm_to_the_next(go, engine, ask, fetch) -> None:
    async def work() -> None:
        for _ in range(100):
            result = await engine.run(ask("SELECT i FROM range(5000) AS r(i)"))
            await result.aclose()
            assert await fetch(engine, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_a_statement_waits_for_a_place_and_its_deadline_counts(go, new_pool, ask, fetch) -> None:
    async def work() -> None:
        async with new_pool(max_active=1) as pool:
            busy = asyncio.create_task(pool.run(ask(ENDLESS)))
            await asyncio.sleep(0.1)
            with pytest.raises(QueryCanceled, match="statement timeout"):
                await pool.run(ask("SELECT 'late'", deadline_ms=200))
            waiting = asyncio.create_task(fetch(pool, ask("SELECT 'in time'", deadline_ms=20_000)))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            busy.cancel()
            assert await waiting == [("in time",)]

    go(work())


def test_a_result_that_nobody_reads_holds_no_place(go, new_pool, ask, fetch, lake) -> None:
    async def work() -> None:
        async with new_pool(max_active=1) as pool:
            results = [await pool.run(ask(f"SELECT i FROM {lake.numbers}")) for _ in range(3)]
            assert await fetch(pool, ask("SELECT 'alive'", deadline_ms=10_000)) == [("alive",)]
            for result in results:
                assert sum([len(chunk) async for chunk in result]) == 1_000_000

    go(work())
