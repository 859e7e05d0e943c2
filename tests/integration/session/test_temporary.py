"""Temporary tables of a session beside the lake: they hide its tables, and no lake table is ever silently empty."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.programs import Program


@pytest.fixture
def connection(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def count(connection: psycopg.Connection, source: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("made", ["CREATE TEMP TABLE nation AS SELECT 1 AS a", "SELECT 1 AS a INTO TEMPORARY nation"])
def test_a_temporary_table_hides_a_lake_table_of_its_name(connection: psycopg.Connection, made: str) -> None:
    assert count(connection, "nation") == 25
    connection.execute(made)
    assert count(connection, "nation") == 1
    assert count(connection, "public.nation") == 25
    assert count(connection, "region") == 5
    connection.execute("DROP TABLE nation")
    assert count(connection, "nation") == 25
    assert connection.execute("SHOW client_min_messages").fetchone() == ("notice",)


MIXTURES = {
    "SELECT count(*) FROM mine, nation": [(50,)],
    "SELECT id, rtrim(n_name) FROM mine JOIN nation ON n_nationkey = id ORDER BY 1": [
        (1, "ARGENTINA"),
        (2, "BRAZIL"),
    ],
    "SELECT id FROM mine WHERE id > (SELECT min(r_regionkey) + 1 FROM public.region)": [(2,)],
    "WITH n AS (SELECT n_regionkey AS r FROM nation) SELECT id, count(r) FROM mine LEFT JOIN n ON r = id GROUP BY 1"
    " ORDER BY 1": [(1, 5), (2, 5)],
    "SELECT to_char(o_orderdate, 'Q TMDay') > '', id FROM orders, mine WHERE o_orderkey = 1 ORDER BY id": [
        (True, 1),
        (True, 2),
    ],
}


@pytest.fixture
def mine(connection: psycopg.Connection) -> psycopg.Connection:
    connection.execute("CREATE TEMP TABLE mine (id int, name text)")
    connection.execute("INSERT INTO mine VALUES (1), (2)")
    return connection


@pytest.mark.parametrize("query", MIXTURES)
def test_a_mixture_has_the_rows_of_both(mine: psycopg.Connection, query: str) -> None:
    assert mine.execute(query.encode()).fetchall() == MIXTURES[query]
    assert mine.execute(query.encode(), prepare=True, binary=True).fetchall() == MIXTURES[query]
    assert count(mine, "nation") == 25
    assert count(mine, "pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'") == 1


def test_a_mixture_may_write_to_what_is_mine(mine: psycopg.Connection) -> None:
    done = mine.execute("UPDATE mine SET name = n_name FROM nation WHERE n_nationkey = id")
    assert done.statusmessage == "UPDATE 2"
    done = mine.execute(
        "DELETE FROM mine USING nation WHERE n_nationkey = id AND n_name = %s RETURNING mine.*", ["BRAZIL"]
    )
    assert done.fetchall() == [(2, "BRAZIL")]
    done = mine.execute("WITH n AS (SELECT n_nationkey FROM nation) INSERT INTO mine SELECT n_nationkey FROM n")
    assert done.statusmessage == "INSERT 0 25"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        mine.execute("INSERT INTO nation SELECT id, name FROM mine")
    assert count(mine, "mine") == 26


def test_a_mixture_in_a_transaction(mine: psycopg.Connection) -> None:
    with mine.transaction():
        assert count(mine, "mine, nation") == 50
        with pytest.raises(psycopg.errors.DivisionByZero), mine.transaction():
            mine.execute("SELECT 1 / (id - id) FROM mine, nation")
        assert count(mine, "mine, nation") == 50
        assert mine.execute("SELECT rtrim(max(n_name)) FROM nation").fetchone() == ("VIETNAM",)
    with pytest.raises(psycopg.errors.FeatureNotSupported), mine.cursor() as cursor:
        cursor.copy("COPY (SELECT * FROM mine, nation) TO STDOUT").__enter__()


def test_errors_are_those_of_postgres(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE mine (id int)")
    with connection.transaction(), pytest.raises(psycopg.errors.UndefinedColumn) as failed, connection.transaction():
        connection.execute("SELECT nope FROM mine")
    assert failed.value.diag.statement_position == "8"
    assert count(connection, "nation") == 25


def test_a_search_path_set_in_the_same_query_counts(connection: psycopg.Connection) -> None:
    cursor = connection.execute(b"SET search_path = nasty; SELECT count(*) > 0 FROM people")
    assert cursor.nextset()
    assert cursor.fetchone() == (True,)
    connection.execute("RESET search_path")
    with connection.pipeline():
        connection.execute("SET search_path = nasty")
        found = connection.execute("SELECT count(*) > 0 FROM people")
        assert found.fetchone() == (True,)
