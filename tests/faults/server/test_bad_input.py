"""Statements that are too large, and bytes that are no values: Postgres answers so, too, and the session lives on."""

import struct
import threading
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests.conftest import Source
from tests.support.asking import Asker
from tests.support.comparing import difference
from tests.support.programs import Program
from tests.support.raw import Wire, frame, query, sqlstates

SECONDS = 60
MAX_BYTES = 1_500_000_000  # of the server and of each process below it
NATION = "SELECT count(*) FROM nation WHERE "
DEEP = "SELECT n_nationkey FROM nation WHERE n_nationkey IN ("
JOINS = "".join(f" JOIN nation t{n} ON t{n}.n_nationkey = t{n - 1}.n_nationkey" for n in range(1, 100))

LARGE = {
    "50,000 terms of AND": NATION + " AND ".join(f"n_nationkey <> {n + 100}" for n in range(50_000)),
    "3,000 terms of OR": NATION + " OR ".join(f"n_nationkey = {n} AND n_regionkey < {n}" for n in range(3000)),
    "500 nested subqueries": "SELECT count(*) FROM " + "(SELECT * FROM " * 500 + "nation" + ") s" * 500,
    "500 nested IN": DEEP * 500 + "1" + ")" * 500,
    "20,000 arms": " UNION ALL ".join(["SELECT n_nationkey FROM nation"] * 20_000),
    "1,500 arms": " UNION ALL ".join(["SELECT n_nationkey FROM nation"] * 1500),
    "2 MB of SQL": NATION + "n_name <> '" + "x" * 2_000_000 + "'",
    "2 MB of comment": "SELECT count(*) /*" + "x" * 2_000_000 + "*/ FROM nation",
    "100 tables joined": f"SELECT count(*) FROM nation t0{JOINS}",
    "10,000 terms of +": "SELECT " + " + ".join(["n_nationkey"] * 10_000) + " FROM nation",
    "10,000 parentheses": "SELECT " + "(" * 10_000 + "n_nationkey" + ")" * 10_000 + " FROM nation",
    "40 nested forms that double": "SELECT " + "nullif(" * 40 + "n_name" + ", 'x')" * 40 + " FROM nation",
    "1,665 columns": "SELECT " + ", ".join(["n_nationkey"] * 1665) + " FROM nation",
}


@pytest.fixture(scope="module")
def reference(source: Source) -> Iterator[Asker]:
    asker = Asker(source.url, timeout_s=SECONDS)
    yield asker
    asker.close()


@pytest.fixture
def ours(server: Program) -> Iterator[Asker]:
    asker = Asker(server.url(), timeout_s=SECONDS)
    yield asker
    assert not asker.ask("SELECT count(*) FROM region")[0].sqlstate
    asker.close()


@pytest.mark.parametrize("name", LARGE)
def test_a_large_statement_is_answered_as_by_postgres(
    name: str, server: Program, reference: Asker, ours: Asker
) -> None:
    check(reference, ours, LARGE[name])
    process = psutil.Process(server.process.pid)
    assert max(one.memory_info().rss for one in (process, *process.children(recursive=True))) < MAX_BYTES


def test_many_parameters(reference: Asker, ours: Asker) -> None:
    numbers = [str(n) for n in range(30_000)]
    text = f"{NATION}n_nationkey IN ({', '.join(f'${n + 1}' for n in range(30_000))})"
    check(reference, ours, text, numbers)


def check(reference: Asker, ours: Asker, text: str, parameters: list[str | None] | None = None) -> None:
    expected = reference.ask(text, "text", parameters)
    actual = ours.ask(text, "text", parameters)
    found = difference(expected, actual, (reference.type_names, ours.type_names), ordered=False)
    assert found is None or actual[0].sqlstate == "54001", found


def test_others_are_answered_while_a_large_tree_is_read(server: Program, ours: Asker) -> None:
    text = f"{NATION}n_nationkey IN ({', '.join(map(str, range(20_000)))})"
    with psycopg.connect(server.url(), autocommit=True) as other:
        ours.pg.send_query(text.encode())
        answered = 0
        while ours.pg.is_busy():
            assert other.execute("SELECT count(*) FROM region").fetchone() == (5,)
            answered += 1
            ours.pg.consume_input()
        assert ours.pg.get_result().get_value(0, 0) == b"25"  # type: ignore[union-attr]
        assert ours.pg.get_result() is None
    assert answered > 3


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_statement_ends_while_it_is_read(how: str, server: Program) -> None:
    text = f"{NATION}n_nationkey NOT IN ({', '.join(map(str, range(30_000, 120_000)))}) -- {how}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"SET statement_timeout = {500 if how == 'timeout' else 0}")
        timer = threading.Timer(0.5, connection.cancel_safe)
        if how == "cancel":
            timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(text.encode())
        timer.cancel()
        connection.execute("SET statement_timeout = 0")
        assert connection.execute("SELECT count(*) FROM region").fetchone() == (5,)


TEXT, INT4, INT8, NUMERIC, DATE, TIMESTAMP, TIME, JSONB, UUID, BOOL, FLOAT8 = (
    *(25, 23, 20, 1700, 1082, 1114, 1083, 3802, 2950, 16, 701),
)
TEXT_FORMAT, BINARY = 0, 1
VALUES = {
    "invalid UTF-8 as text": (TEXT, TEXT_FORMAT, b"\xff\xfe"),
    "invalid UTF-8 as binary": (TEXT, BINARY, b"a\xc3"),
    "an overlong sequence": (TEXT, BINARY, b"\xc0\x80"),
    "a surrogate": (TEXT, TEXT_FORMAT, b"\xed\xa0\x80"),
    "NUL as text": (TEXT, TEXT_FORMAT, b"a\0b"),
    "NUL as binary": (TEXT, BINARY, b"a\0b"),
    "no number": (INT4, TEXT_FORMAT, b"abc"),
    "a number that is too large": (INT4, TEXT_FORMAT, b"2147483648"),
    "three bytes of int4": (INT4, BINARY, b"\0\0\1"),
    "five bytes of int4": (INT4, BINARY, b"\0\0\0\0\1"),
    "an empty int8": (INT8, BINARY, b""),
    "numeric with an unknown sign": (NUMERIC, BINARY, struct.pack(">hhHhh", 1, 0, 0x1234, 0, 1)),
    "numeric with a digit above 9999": (NUMERIC, BINARY, struct.pack(">hhHhh", 1, 0, 0, 0, 10_000)),
    "numeric with a scale above its limit": (NUMERIC, BINARY, struct.pack(">hhHHh", 1, 0, 0, 0xFFFF, 1)),
    "numeric without its digits": (NUMERIC, BINARY, struct.pack(">hhHh", 5, 0, 0, 0)),
    "a date before all dates": (DATE, BINARY, struct.pack(">i", -2_500_000)),
    "a timestamp after all": (TIMESTAMP, BINARY, struct.pack(">q", 9_223_371_331_200_000_000)),
    "a time after midnight": (TIME, BINARY, struct.pack(">q", 86_400_000_001)),
    "jsonb of another version": (JSONB, BINARY, b'\x02{"a": 1}'),
    "jsonb that is none": (JSONB, BINARY, b"\x01{"),
    "a short uuid": (UUID, BINARY, b"\1" * 15),
    "a long boolean": (BOOL, BINARY, b"\1\1"),
    "a float of four bytes": (FLOAT8, BINARY, b"\0\0\0\0"),
    "format 7": (INT4, 7, b"\0\0\0\1"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_bad_value_fails_as_at_postgres(name: str, server: Program, source: Source) -> None:
    port = int(psycopg.conninfo.conninfo_to_dict(source.url)["port"])
    with Wire(port) as theirs, Wire(server.port) as ours:
        for wire in (theirs, ours):
            wire.log_in()
        for text in (b"SELECT count(*) FROM nation WHERE $1 IS NULL", b"SELECT $1, n_name FROM nation"):
            expected = bound(theirs, text, *VALUES[name])
            assert expected, "Postgres takes it"
            assert bound(ours, text, *VALUES[name]) == expected
        ours.send(frame("Q", b"SELECT count(*) FROM nation\0"))
        assert not sqlstates(ours.until())


def test_a_portal_from_before_a_failure_does_not_crash_the_twin(server: Program) -> None:
    with Wire(server.port) as wire, Wire(server.port) as other:
        wire.log_in()
        other.log_in()
        execute = frame("E", b"\0\0\0\0\1")
        begin = frame("P", b"\0begin\0\0\0") + frame("B", b"\0\0\0\0\0\0\0\0") + execute + frame("S")
        again = [frame("S"), query("rollback to a"), query("create temp table t as select n_nationkey from nation")]
        for data, expected in ((begin, []), *zip(again, ([], ["3B001"], ["25P02"]), strict=True)):
            wire.send(data)
            assert sqlstates(wire.until()) == expected
        wire.send(execute, frame("S"))
        assert sqlstates(wire.until()) == ["25P02"]
        wire.send(frame("E", b"none\0\0\0\0\1"), frame("S"))
        assert sqlstates(wire.until()) == ["34000"]
        wire.send(frame("P", b"\0rollback\0\0\0"), frame("B", b"\0\0\0\0\0\0\0\0"), execute, frame("S"))
        assert wire.until()[-1] == ("Z", b"I")
        other.send(query("SELECT count(*) FROM nation"))
        assert not sqlstates(other.until())


@pytest.mark.parametrize("text", [b"SELECT '\xff' FROM nation", b"SELECT n_name FROM nation WHERE n_name = '\xc3'"])
def test_a_text_that_is_not_utf8_fails_as_at_postgres(text: bytes, server: Program, source: Source) -> None:
    port = int(psycopg.conninfo.conninfo_to_dict(source.url)["port"])
    with Wire(port) as theirs, Wire(server.port) as ours:
        for wire in (theirs, ours):
            wire.log_in()
        for message in (frame("Q", text + b"\0"), frame("P", b"\0" + text + b"\0\0\0") + frame("S")):
            theirs.send(message)
            ours.send(message)
            assert sqlstates(theirs.until()) == sqlstates(ours.until()) == ["22021"]


def bound(wire: Wire, text: bytes, type_oid: int, code: int, value: bytes) -> list[str]:
    """Run a statement with one value; return the SQLSTATEs."""
    wire.send(
        frame("P", b"\0" + text + b"\0" + struct.pack(">HI", 1, type_oid)),
        frame("B", b"\0\0" + struct.pack(">HhHi", 1, code, 1, len(value)) + value + b"\0\0"),
        frame("E", b"\0\0\0\0\0"),
        frame("S"),
    )
    return sqlstates(wire.until())
