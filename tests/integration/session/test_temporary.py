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


def test_a_mixture_is_refused_and_not_half_empty(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE mine (id int)")
    connection.execute("INSERT INTO mine VALUES (1), (2)")
    assert count(connection, "mine") == 2
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="temporary"):
        count(connection, "mine, nation")
    assert count(connection, "mine") == 2


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
