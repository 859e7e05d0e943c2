"""COPY of a source, off the socket and by libpq: the same rows, the same errors, and the connection serves again."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import sql

from syncer import copy_messages, copy_out

MANY = (
    "SELECT i, CASE i % 5 WHEN 0 THEN E'\\nd' WHEN 1 THEN NULL ELSE repeat('x\ny', i % 300) END"
    " FROM (SELECT generate_series(1, {}) AS i) rows"
)
SOME_LARGE = "SELECT i, repeat('z', i * 1000000) FROM generate_series(1, 9) i"


@pytest.fixture(params=["socket", "libpq"])
def connection(request: pytest.FixtureRequest, postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if request.param == "libpq":
        monkeypatch.setattr(copy_out, "can_be_read", lambda _: False)
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("BEGIN")
        yield connection


def statement(query: str) -> sql.Composed:
    return sql.Composed([sql.SQL("COPY ("), sql.SQL(query), sql.SQL(") TO STDOUT (FORMAT csv)")])  # type: ignore[arg-type]


def copied(connection: psycopg.Connection, query: str) -> tuple[bytes, list[tuple[int, bool]]]:
    """Return the rows, and the sizes of blocks and whether each is one row; heads have been taken away."""
    text, sizes = b"", []
    for block in copy_out.copy_out(connection, statement(query)):
        data = bytes(block.data)
        if block.has_heads:
            assert data.startswith(b"0000,")
            data = data[5:].replace(b"\n0000,", b"\n")
        text += data
        sizes.append((len(block.data), block.is_one_row))
    return text, sizes


def expected(connection: psycopg.Connection, query: str) -> bytes:
    with connection.cursor().copy(statement(query)) as copy:
        return b"".join(bytes(part) for part in copy)


@pytest.mark.parametrize("query", ["SELECT 1 WHERE false", "SELECT NULL", MANY.format(40_000), SOME_LARGE])
def test_rows(connection: psycopg.Connection, query: str) -> None:
    text, _ = copied(connection, query)
    assert text == expected(connection, query)
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_rows_larger_than_a_block_and_huge_ones(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (copy_messages, copy_out):
        monkeypatch.setattr(module, "HUGE_BYTES", 6 << 20)
    text, sizes = copied(connection, SOME_LARGE)
    assert text == expected(connection, SOME_LARGE)
    assert [size > 6 << 20 for size, is_one_row in sizes if is_one_row] == [True] * 3


def test_notices_between_rows(connection: psycopg.Connection) -> None:
    connection.execute("SET LOCAL client_min_messages = notice")
    connection.execute(
        "CREATE FUNCTION pg_temp.said(i int) RETURNS int LANGUAGE plpgsql AS $$"
        "BEGIN IF i % 1000 = 0 THEN RAISE NOTICE E'\\nd %', i; END IF; RETURN i; END $$"
    )
    query = "SELECT pg_temp.said(i) FROM generate_series(1, 10000) i"
    assert copied(connection, query)[0] == b"".join(b"%d\n" % i for i in range(1, 10_001))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT * FROM nowhere", psycopg.errors.UndefinedTable),
        ("SELECT 1 / (i - 100000) FROM generate_series(1, 200000) i", psycopg.errors.DivisionByZero),
    ],
)
def test_errors_before_and_behind_rows(connection: psycopg.Connection, query: str, error: type[psycopg.Error]) -> None:
    with pytest.raises(error) as caught:
        copied(connection, query)
    assert caught.value.diag.message_primary
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_who_stops_early_has_cancelled(connection: psycopg.Connection) -> None:
    with closing(copy_out.copy_out(connection, statement(MANY.format(100_000_000)))) as blocks:
        next(blocks)
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_backend_that_is_ended(connection: psycopg.Connection, postgres: Any) -> None:
    with closing(copy_out.copy_out(connection, statement(MANY.format(100_000_000)))) as blocks:
        next(blocks)
        with psycopg.connect(postgres.url(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            list(blocks)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
