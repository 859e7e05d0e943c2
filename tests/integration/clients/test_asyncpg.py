"""asyncpg: everything binary, everything prepared."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.conftest import Source
from tests.support.programs import Program

SETTINGS = {"TimeZone": "UTC", "search_path": "nasty, public"}


@pytest.fixture
async def both(source: Source, server: Program) -> AsyncIterator[tuple[Any, Any]]:
    theirs = await asyncpg.connect(source.url, server_settings=SETTINGS)
    ours = await asyncpg.connect(server.url(), server_settings=SETTINGS)
    yield theirs, ours
    await theirs.close()
    await ours.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM numbers ORDER BY id",
        "SELECT * FROM texts ORDER BY id",
        "SELECT id, d, ts, tz, t FROM times WHERE id NOT IN (5, 8, 9, 10, 11) ORDER BY id",
        "SELECT * FROM things ORDER BY id",
        "SELECT id, ints, bigs, texts, nums, bools, uuids, blobs, moods, docs FROM arrays ORDER BY id",
        "SELECT dept, count(*), avg(salary), array_agg(name ORDER BY id) FROM people GROUP BY dept ORDER BY dept",
        "SELECT * FROM lineitem ORDER BY l_orderkey, l_linenumber LIMIT 1000",
    ],
)
async def test_fetches(query: str, both: tuple[Any, Any]) -> None:
    theirs, ours = both
    expected = [tuple(row.items()) for row in await theirs.fetch(query)]
    assert repr([tuple(row.items()) for row in await ours.fetch(query)]) == repr(expected)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("SELECT id FROM people WHERE salary > $1 AND dept = $2 ORDER BY id", (Decimal(4000), "it")),
        ("SELECT id FROM people WHERE born < $1 ORDER BY id", (date(1980, 1, 1),)),
        ("SELECT id FROM people WHERE id = ANY ($1) ORDER BY id", ([1, 5, 7],)),
        ("SELECT id + $1 FROM people ORDER BY id", (10,)),
        ("SELECT $1::text || name FROM people ORDER BY id", ("x",)),
        ("SELECT id FROM events WHERE payload ->> 'kind' = $1 ORDER BY id LIMIT $2", ("buy", 3)),
        ("SELECT id FROM things WHERE m = $1 ORDER BY id", ("ok",)),
    ],
)
async def test_binds(query: str, arguments: tuple[object, ...], both: tuple[Any, Any]) -> None:
    theirs, ours = both
    expected = [tuple(row) for row in await theirs.fetch(query, *arguments)]
    assert expected
    assert [tuple(row) for row in await ours.fetch(query, *arguments)] == expected


async def test_describes_a_prepared_statement(both: tuple[Any, Any]) -> None:
    described = []
    for connection in both:
        statement = await connection.prepare("SELECT id, name, salary, born FROM people WHERE id = $1 OR name = $2")
        described.append((statement.get_parameters(), [(a.name, a.type.name) for a in statement.get_attributes()]))
    assert described[1] == described[0]


async def test_cursor_reads_in_pieces(both: tuple[Any, Any]) -> None:
    _, ours = both
    async with ours.transaction():
        keys = [row[0] async for row in ours.cursor("SELECT l_orderkey FROM lineitem", prefetch=1000)]
    assert len(keys) == 60175


async def test_errors_have_their_class(both: tuple[Any, Any]) -> None:
    _, ours = both
    with pytest.raises(asyncpg.UndefinedTableError):
        await ours.fetch("SELECT * FROM nope")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await ours.fetch("SELECT 1 / (id - $1::int) FROM people", 1)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await ours.execute("DELETE FROM people")
    assert await ours.fetchval("SELECT count(*) FROM people") == 10
