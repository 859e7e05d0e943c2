"""Rows of the lake in temporary tables: CREATE TABLE AS, SELECT INTO, INSERT ... SELECT."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.programs import Program


@pytest.fixture
def connection(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


MADE = {
    "as": ("CREATE TEMP TABLE mine AS SELECT n_name, n_regionkey FROM nation", "SELECT 25"),
    "with data": ("CREATE TEMPORARY TABLE mine (a, b) AS (TABLE nation) WITH DATA;", "SELECT 25"),
    "with no data": ("CREATE TEMP TABLE mine AS TABLE nation WITH NO DATA", "CREATE TABLE AS"),
    "an alias": ("CREATE TEMP TABLE mine AS SELECT data.n_name FROM nation data", "SELECT 25"),
    "into": ("SELECT n_name, 1.50 AS x INTO TEMP mine FROM nation WHERE n_name < 'C'", "SELECT 3"),
    "into, set": ("SELECT n_name INTO TEMPORARY TABLE pg_temp.mine FROM nation UNION SELECT 'x'", "SELECT 26"),
    "aggregate": ("CREATE TEMP TABLE mine AS SELECT count(*), avg(l_quantity) FROM lineitem", "SELECT 1"),
    "bridge": ("CREATE TEMP TABLE mine AS SELECT n_name, random() < 2 AS yes FROM nation", "SELECT 25"),
    "same name": ("CREATE TEMP TABLE nation AS SELECT * FROM public.nation WHERE n_nationkey > 20", "SELECT 4"),
    "types": ("CREATE TEMP TABLE mine ON COMMIT PRESERVE ROWS AS SELECT * FROM nasty.people", None),
}


@pytest.mark.parametrize("how", MADE)
def test_a_table_holds_what_the_query_gives(connection: psycopg.Connection, how: str) -> None:
    text, tag = MADE[how]
    query = {
        "as": "SELECT n_name, n_regionkey FROM nation",
        "with data": "TABLE nation",
        "with no data": "SELECT * FROM nation WHERE false",
        "an alias": "SELECT n_name FROM nation",
        "into": "SELECT n_name, 1.50 FROM nation WHERE n_name < 'C'",
        "into, set": "SELECT n_name FROM nation UNION SELECT 'x'",
        "aggregate": "SELECT count(*), avg(l_quantity) FROM lineitem",
        "bridge": "SELECT n_name, true FROM nation",
        "same name": "SELECT * FROM public.nation WHERE n_nationkey > 20",
        "types": "SELECT * FROM nasty.people",
    }[how]
    expected = rows(connection, query)
    cursor = connection.execute(text.encode())
    assert tag in (cursor.statusmessage, None)
    made = rows(connection, f"TABLE pg_temp.{'nation' if how == 'same name' else 'mine'}")
    assert sorted(made, key=repr) == sorted(expected, key=repr)


def test_insert(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE mine (id int PRIMARY KEY, name varchar(30) DEFAULT 'none', n serial)")
    done = connection.execute(
        "INSERT INTO mine (id, name) SELECT n_nationkey, n_name FROM nation WHERE n_nationkey < 3"
    )
    assert done.statusmessage == "INSERT 0 3"
    done = connection.execute(
        "INSERT INTO mine AS m (id, name) (SELECT n_nationkey, lower(n_name) FROM nation WHERE n_nationkey < %s)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name || '!' RETURNING id, name",
        [4],
    )
    assert sorted(done.fetchall()) == [(0, "algeria!"), (1, "argentina!"), (2, "brazil!"), (3, "canada")]
    assert done.statusmessage == "INSERT 0 4"
    connection.execute("INSERT INTO mine SELECT 100 + count(*) FROM nation")
    assert rows(connection, "SELECT id, name FROM mine WHERE id > 3") == [(125, "none")]


def test_insert_returns_binary_values(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE mine (id int, at date)")
    text = "INSERT INTO mine SELECT o_orderkey, o_orderdate FROM orders WHERE o_orderkey < %s RETURNING id, at"
    returned = connection.execute(text.encode(), [10], binary=True).fetchall()
    assert sorted(returned) == sorted(rows(connection, "TABLE mine"))
    assert len(returned) > 3


def test_errors_are_those_of_postgres_and_the_session_goes_on(connection: psycopg.Connection) -> None:
    for text, error in (
        ("CREATE TEMP TABLE mine AS SELECT 1 / (n_nationkey - n_nationkey) FROM nation", psycopg.errors.DivisionByZero),
        ("CREATE TEMP TABLE mine AS SELECT nope FROM nation", psycopg.errors.UndefinedColumn),
        ("INSERT INTO nowhere SELECT n_name FROM nation", psycopg.errors.UndefinedTable),
        ("INSERT INTO region SELECT * FROM region", psycopg.errors.ReadOnlySqlTransaction),
        ("CREATE TABLE mine AS SELECT * FROM nation", psycopg.errors.DatabaseError),
    ):
        with pytest.raises(error):
            connection.execute(text.encode())
        assert rows(connection, "SELECT count(*) FROM nation") == [(25,)]
    connection.execute("CREATE TEMP TABLE mine AS SELECT n_name FROM nation")
    with pytest.raises(psycopg.errors.DuplicateTable):
        connection.execute("CREATE TEMP TABLE mine AS SELECT n_name FROM nation")
    done = connection.execute("CREATE TEMP TABLE IF NOT EXISTS mine AS SELECT n_name FROM nation")
    assert done.statusmessage == "CREATE TABLE AS"
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        connection.execute("CREATE TEMP TABLE short (a varchar(2)); INSERT INTO short SELECT n_name FROM nation")


def test_within_a_transaction(connection: psycopg.Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMP TABLE mine ON COMMIT DROP AS SELECT n_name FROM nation")
        connection.execute("INSERT INTO mine SELECT r_name FROM region")
        connection.execute("INSERT INTO mine SELECT r_name FROM region")
        assert rows(connection, "SELECT count(*) FROM mine") == [(35,)]
        with pytest.raises(psycopg.errors.UndefinedColumn), connection.transaction():
            connection.execute("INSERT INTO mine SELECT nope FROM region")
        assert rows(connection, "SELECT count(*) FROM mine") == [(35,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("TABLE mine")


def test_several_statements_of_one_query(connection: psycopg.Connection) -> None:
    connection.execute(
        b"CREATE TEMP TABLE mine AS SELECT n_name FROM nation; INSERT INTO mine SELECT r_name FROM region; ANALYZE mine"
    )
    assert rows(connection, "SELECT count(*) FROM mine") == [(30,)]
