"""Other drivers of Python: psycopg2 (cursors by name, COPY, its own literals), pg8000 (a protocol of its own), ADBC.

ADBC reads every result by COPY in binary.
"""

import datetime
import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlparse

import pg8000.native
import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest
from adbc_driver_postgresql import dbapi as adbc

from tests.conftest import Source
from tests.support.programs import Program

SLOW = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment"


@pytest.fixture
def urls(source: Source, server: Program) -> tuple[str, str]:
    return source.url, server.url()


@pytest.fixture
def both_psycopg2(urls: tuple[str, str]) -> Iterator[list[Any]]:
    made = [psycopg2.connect(url) for url in urls]
    yield made
    for connection in made:
        connection.close()


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("SELECT * FROM region ORDER BY 1", None),
        ("SELECT o_orderkey, o_totalprice, o_orderdate FROM orders WHERE o_orderkey = %s", (1,)),
        ("SELECT n_name FROM nation WHERE n_name IN %s ORDER BY 1", (("FRANCE", "CHINA"),)),
        ("SELECT * FROM nasty.numbers ORDER BY id", None),
        ("SELECT id, ints, texts, nums, bools FROM nasty.arrays ORDER BY id", None),
        ("SELECT id, payload FROM nasty.events ORDER BY id LIMIT %s", (20,)),
        ("SELECT id FROM nasty.people WHERE born > %s ORDER BY id", (datetime.date(1980, 1, 1),)),
        ("SELECT 1; SELECT count(*) FROM lineitem", None),
    ],
)
def test_psycopg2_fetches(query: str, parameters: tuple[object, ...] | None, both_psycopg2: list[Any]) -> None:
    found = []
    for connection in both_psycopg2:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            found.append((repr(cursor.fetchall()), [column.name for column in cursor.description]))
    assert found[1] == found[0]


def test_psycopg2_reads_a_cursor_by_name(both_psycopg2: list[Any]) -> None:
    found = []
    for connection in both_psycopg2:
        with connection.cursor("c", scrollable=True) as cursor:
            cursor.itersize = 10
            cursor.execute("SELECT n_nationkey, n_name FROM nation ORDER BY 1")
            first = cursor.fetchmany(3)
            cursor.scroll(-2)
            second = cursor.fetchone()
            cursor.scroll(20, mode="absolute")
            found.append((first, second, list(cursor)))
    assert found[1] == found[0]


def test_psycopg2_copies_out(both_psycopg2: list[Any]) -> None:
    found = []
    for connection in both_psycopg2:
        target = io.StringIO()
        with connection.cursor() as cursor:
            cursor.copy_expert("COPY (SELECT * FROM nasty.texts ORDER BY id) TO STDOUT CSV HEADER", target)
            cursor.copy_to(target, "region", sep="|")
        found.append(target.getvalue())
    assert found[1] == found[0]


def test_psycopg2_joins_values_of_its_own(both_psycopg2: list[Any]) -> None:
    query = "SELECT * FROM (VALUES %s) v(a, b) JOIN region ON a = r_regionkey ORDER BY 1"
    found = []
    for connection in both_psycopg2:
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            found.append(psycopg2.extras.execute_values(cursor, query, [(1, "x"), (2, "ü")], fetch=True))
    assert found[1] == found[0]


def test_psycopg2_cancels_and_goes_on(server: Program) -> None:
    with closing(psycopg2.connect(server.url())) as connection, connection.cursor() as cursor:
        timer = threading.Timer(0.5, connection.cancel)
        timer.start()
        with pytest.raises(psycopg2.extensions.QueryCanceledError):
            cursor.execute(SLOW)
        connection.rollback()
        cursor.execute("SELECT count(*) FROM region")
        assert cursor.fetchone() == (5,)


def test_psycopg2_hears_a_notification_while_idle(server: Program) -> None:
    with closing(psycopg2.connect(server.url())) as listener, closing(psycopg2.connect(server.url())) as speaker:
        listener.autocommit = speaker.autocommit = True
        with listener.cursor() as hears, speaker.cursor() as says:
            hears.execute("LISTEN news; SELECT count(*) FROM region")
            says.execute("SELECT count(*) FROM region")
            says.execute("SELECT pg_notify('news', 'of the lake')")
        until = time.monotonic() + 30
        while not listener.notifies and time.monotonic() < until:
            listener.poll()  # sends nothing: the server has to begin
            time.sleep(0.02)
        assert [(said.channel, said.payload, said.pid) for said in listener.notifies] == [
            ("news", "of the lake", speaker.info.backend_pid)
        ]


def pg8000_connection(url: str) -> pg8000.native.Connection:
    parts = urlparse(url)
    return pg8000.native.Connection(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=parts.port or 5432,
        database=parts.path[1:],
    )


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("SELECT * FROM nasty.numbers ORDER BY id", {}),
        ("SELECT * FROM nasty.texts ORDER BY id", {}),
        ("SELECT id, d, ts, tz, t FROM nasty.times WHERE id NOT IN (5, 6, 8, 9, 10, 11) ORDER BY id", {}),
        ("SELECT id, ints, texts, bools, uuids FROM nasty.arrays ORDER BY id", {}),
        ("SELECT n_name FROM nation WHERE n_nationkey = ANY (CAST(:keys AS int[])) ORDER BY 1", {"keys": [1, 2, 3]}),
        ("SELECT o_orderkey FROM orders WHERE o_orderkey < :k AND o_orderdate > :d ORDER BY 1 LIMIT 9",
         {"k": 1000, "d": datetime.date(1995, 1, 1)}),
    ],
)  # fmt: skip
def test_pg8000_runs(query: str, parameters: dict[str, object], urls: tuple[str, str]) -> None:
    found = []
    for url in urls:
        with closing(pg8000_connection(url)) as connection:
            rows = connection.run(query, **parameters)
            found.append((repr(rows), [(column["name"], column["type_oid"]) for column in connection.columns]))
    assert found[1] == found[0]


def test_pg8000_prepares_and_fails_and_copies(urls: tuple[str, str]) -> None:
    found = []
    for url in urls:
        target = io.BytesIO()
        with closing(pg8000_connection(url)) as connection:
            prepared = connection.prepare("SELECT count(*), sum(l_quantity) FROM lineitem WHERE l_orderkey < :k")
            sums = [prepared.run(k=key) for key in (10, 20, 30)]
            with pytest.raises(pg8000.native.DatabaseError) as error:
                connection.run("SELECT nope FROM region")
            connection.run("COPY region TO STDOUT", stream=target)
            found.append((sums, error.value.args[0]["C"], error.value.args[0]["P"], target.getvalue()))
    assert found[1] == found[0]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM lineitem ORDER BY l_orderkey, l_linenumber LIMIT 1000",
        "SELECT * FROM nasty.numbers ORDER BY id",
        "SELECT * FROM nasty.texts ORDER BY id",
        "SELECT id, ts, tz, t FROM nasty.times WHERE id NOT IN (5, 6, 8, 9, 10, 11) ORDER BY id",
        "SELECT id, ints, bigs, texts, bools FROM nasty.arrays ORDER BY id",
        "SELECT dept, count(*), avg(salary), array_agg(name ORDER BY id) FROM nasty.people GROUP BY 1 ORDER BY 1",
    ],
)
def test_adbc_reads_arrow(query: str, urls: tuple[str, str]) -> None:
    found = []
    for url in urls:
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            table = cursor.fetch_arrow_table()
            found.append((str(table.schema), repr(table.to_pylist())))
    assert found[1] == found[0]


def test_adbc_binds_and_describes(urls: tuple[str, str]) -> None:
    found = []
    for url in urls:
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT o_orderkey, o_totalprice FROM orders WHERE o_orderkey = $1", (1,))
            bound = cursor.fetchall()
            with pytest.raises(adbc.ProgrammingError):
                cursor.execute("SELECT nope FROM region")
            connection.rollback()
            found.append((bound, str(connection.adbc_get_table_schema("nation"))))
    assert found[1] == found[0]
