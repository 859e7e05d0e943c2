"""psycopg 3: text, binary, pipeline, server-side parameters of every type, cursors that stream."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg.types.string import TextLoader

Connection = psycopg.Connection[Any]
UTC = timezone.utc  # noqa: UP017

# A column of the lake, and values to look for in it.
PARAMETERS: tuple[tuple[str, object], ...] = (
    ("numbers.i2 = %s", 7),
    ("numbers.i4 = %s", 2147483647),
    ("numbers.i8 = %s", -9223372036854775808),
    ("numbers.i8 > %s", 0),
    ("numbers.f8 = %s", 0.1),
    ("numbers.f8 = %s", float("nan")),
    ("numbers.f8 < %s", float("-inf")),
    ("numbers.f4 = %s", 2.5),
    ("numbers.n2 = %s", Decimal("123.45")),
    ("numbers.n2 > %s", Decimal("1e3")),
    ("numbers.n10 = %s", Decimal("0.0000000001")),
    ("numbers.n0 = %s", Decimal("99999999999999999999999999999999999999")),
    ("numbers.b = %s", True),
    ("numbers.b IS NOT DISTINCT FROM %s", None),
    ("numbers.i4 IS NOT DISTINCT FROM %s::int", None),
    ("numbers.id = ANY (%s)", [1, 3, 99]),
    ("texts.t = %s", "Zoë ☃ 𝄞 ß İ"),
    ("texts.t = %s", ""),
    ("texts.t = %s", 'quote\'s "double"'),
    ("texts.t = %s", "back\\slash"),
    ("texts.v LIKE %s", "50\\%%"),
    ("texts.c = %s", "abc"),
    ("texts.c = %s::char(10)", "abc"),
    ("texts.t = ANY (%s)", ["abc", "a,b;c|d", "NULL"]),
    ("times.d = %s", date(2024, 2, 29)),
    ("times.d < %s", date(1, 1, 1)),
    ("times.d = %s", "infinity"),
    ("times.d = %s::date", "0044-03-15 BC"),
    ("times.ts = %s", datetime(1999, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    ("times.ts > %s", "2024-01-01"),
    ("times.tz = %s", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
    ("times.tz = %s", datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=2)))),
    ("times.t = %s", time(12, 34, 56, 789000)),
    ("times.t >= %s", "24:00"),
    ("times.ts > timestamp '2024-01-01' - %s", timedelta(days=3, hours=2)),
    ("things.u = %s", UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
    ("things.by = %s", b"\xde\xad\xbe\xef"),
    ("things.by = %s", b""),
    ("things.jb = %s", Jsonb({"a": 1, "b": [1, 2, {"c": None}]})),
    ("things.m = %s", "Ünhappy"),
    ("things.m::text = %s", "ok"),
    ("arrays.ints = %s", [1, 2, 3]),
    ("arrays.ints @> %s", [2]),
    ("arrays.texts = %s", ["", None, "NULL", "a,b", 'q"q', "b\\s", " pad "]),
    ("arrays.nums = %s", [Decimal("1.00"), Decimal("2.50")]),
    ("arrays.dates[1] = %s", date(1999, 12, 31)),
)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("table", ["numbers", "texts", "times", "things", "arrays"])
def test_reads_every_native_type(table: str, binary: bool, theirs: Connection, ours: Connection) -> None:
    for connection in (theirs, ours):
        for name in ("date", "time", "timestamp", "timestamptz"):  # Python has no infinity, BC or 24:00
            connection.adapters.register_loader(name, TextLoader)
    where = "WHERE id NOT IN (5, 6, 8, 9, 11)" if table == "times" and binary else ""
    columns = "id, ints, bigs, texts, nums, floats, bools, uuids, blobs" if table == "arrays" and binary else "*"
    query = f"SELECT {columns} FROM {table} {where} ORDER BY id".encode()
    expected = theirs.execute(query, binary=binary)
    found = ours.execute(query, binary=binary)
    assert repr(found.fetchall()) == repr(expected.fetchall())  # repr: NaN equals itself
    assert [(c.name, c.type_code < 16384 and c.type_code) for c in found.description or ()] == [
        (c.name, c.type_code < 16384 and c.type_code) for c in expected.description or ()
    ]


@pytest.mark.parametrize("binary", ["%t", "%b"], ids=["text", "binary"])
@pytest.mark.parametrize(("condition", "value"), PARAMETERS)
def test_binds_every_native_type(
    condition: str, value: object, binary: str, theirs: Connection, ours: Connection
) -> None:
    table = condition.split(".")[0]
    query = f"SELECT id FROM {table} WHERE {condition.replace('%s', binary)} ORDER BY id".encode()
    assert outcome(ours, query, value) == outcome(theirs, query, value)


def outcome(connection: Connection, query: bytes, value: object) -> object:
    try:
        return connection.execute(query, [value]).fetchall()
    except psycopg.Error as error:
        return error.sqlstate


def test_prepares(theirs: Connection, ours: Connection) -> None:
    query = "SELECT id, name FROM people WHERE id < %s ORDER BY id"
    for number in range(8):
        expected = theirs.execute(query, [number], prepare=True).fetchall()
        assert ours.execute(query, [number], prepare=True).fetchall() == expected


def test_pipelines(ours: Connection) -> None:
    with ours.pipeline():
        cursors = [ours.execute("SELECT name FROM people WHERE id = %s", [number]) for number in range(1, 6)]
        total = ours.execute("SELECT count(*) FROM lineitem")
    assert [cursor.fetchone() for cursor in cursors] == [("Ada",), ("Brian",), ("Cem",), ("Dörte",), ("Émile",)]
    assert total.fetchone() == (60175,)


def test_pipeline_with_an_error_goes_on_after_it(ours: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), ours.pipeline():
        ours.execute("SELECT 1 / (id - 1) FROM people")
    assert ours.execute("SELECT count(*) FROM people").fetchone() == (10,)


def test_streams_row_by_row(ours: Connection) -> None:
    with ours.cursor() as cursor:
        rows = cursor.stream("SELECT l_orderkey, l_comment FROM lineitem")
        assert sum(1 for _ in rows) == 60175
    with ours.cursor() as cursor:
        for _ in cursor.stream("SELECT l_orderkey FROM lineitem"):
            break
    assert ours.execute("SELECT count(*) FROM region").fetchone() == (5,)


def test_transactions_and_savepoints(ours: Connection) -> None:
    with ours.transaction():
        assert ours.execute("SELECT count(*) FROM people").fetchone() == (10,)
        with pytest.raises(psycopg.errors.UndefinedColumn), ours.transaction():
            ours.execute("SELECT nope FROM people")
        assert ours.execute("SELECT max(id) FROM people").fetchone() == (10,)


def test_cancels(ours: Connection) -> None:
    query = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment"
    ours.execute("SET statement_timeout = '300ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        ours.execute(query)
    ours.execute("RESET statement_timeout")
    assert ours.execute("SELECT count(*) FROM region").fetchone() == (5,)


def test_copies_out(theirs: Connection, ours: Connection) -> None:
    for statement in (
        b"COPY (SELECT * FROM people ORDER BY id) TO STDOUT",
        b"COPY region TO STDOUT (FORMAT csv, HEADER)",
    ):
        copied = []
        for connection in (theirs, ours):
            with connection.cursor().copy(statement) as copy:
                copied.append(b"".join(bytes(part) for part in copy))
        assert copied[1] == copied[0]


def test_server_side_cursor(theirs: Connection, ours: Connection) -> None:
    found = []
    for connection in (theirs, ours):
        with connection.transaction(), connection.cursor("c") as cursor:
            cursor.execute("SELECT id, name FROM people ORDER BY id")
            found.append([cursor.fetchmany(3), cursor.fetchone(), cursor.fetchall()])
    assert found[1] == found[0]
