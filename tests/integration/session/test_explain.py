"""EXPLAIN of lake statements: the way, the files, DuckDB's plan, in the shape that tools read."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.programs import Program


@pytest.fixture(scope="module")
def connection(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def explained(connection: psycopg.Connection, statement: str, parameters: tuple[object, ...] = ()) -> Any:
    cursor = connection.execute(statement.encode(), parameters or None)
    assert cursor.description is not None
    assert [column.name for column in cursor.description] == ["QUERY PLAN"]
    assert cursor.statusmessage == "EXPLAIN"
    return [row[0] for row in cursor.fetchall()]


def test_text_names_the_way_the_table_and_its_files(connection: psycopg.Connection) -> None:
    lines = explained(connection, "EXPLAIN SELECT count(*) FROM nasty.people WHERE id > 3")
    assert lines[0].startswith("Lake Query  (cost=")
    assert lines[1].startswith("  ->  Lake Scan on people  (cost=")
    assert "        Files Read: 1" in lines
    assert "        Rows in Files: 10" in lines
    assert "DuckDB Plan:" in lines
    assert not [line for line in lines if "Time:" in line]


def test_analyze_runs_it(connection: psycopg.Connection) -> None:
    statement = "EXPLAIN (ANALYZE, FORMAT json) SELECT id, 1/id FROM nasty.people WHERE id < 4"
    ((found,),) = (explained(connection, statement)[0],)
    plan = found["Plan"]
    assert plan["Node Type"] == "Lake Query"
    assert plan["Actual Rows"] == 3
    assert plan["Actual Total Time"] >= plan["Actual Startup Time"] > 0
    assert found["Execution Time"] > 0
    (scan,) = plan["Plans"]
    assert (scan["Node Type"], scan["Schema"], scan["Relation Name"]) == ("Lake Scan", "nasty", "people")
    assert scan["Snapshot"] > 0
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("EXPLAIN ANALYZE SELECT 1/(id - 4) FROM nasty.people")


def test_the_bridge_says_why(connection: psycopg.Connection) -> None:
    lines = explained(connection, "EXPLAIN SELECT to_char(born, 'Q TMDay') FROM nasty.people")
    assert lines[0].startswith("Bridge Query")
    assert lines[1].startswith("  Reason: the engine has no rule for a pattern of to_char")
    assert lines[2].startswith("  ->  Lake Scan on people")


@pytest.mark.parametrize(("form", "kind"), [("text", 25), ("json", 114), ("xml", 142), ("yaml", 25)])
def test_the_column_has_the_formats_type(connection: psycopg.Connection, form: str, kind: int) -> None:
    cursor = connection.execute(f"EXPLAIN (FORMAT {form}) SELECT * FROM nasty.people")
    assert cursor.description is not None
    assert cursor.description[0].type_code == kind


def test_parameters_and_prepared_statements(connection: psycopg.Connection) -> None:
    lines = explained(connection, "EXPLAIN (COSTS off) SELECT name FROM nasty.people WHERE id = %s", (3,))
    assert lines[0] == "Lake Query"
    connection.execute("PREPARE q (int) AS SELECT name FROM nasty.people WHERE id = $1")
    assert explained(connection, "EXPLAIN (COSTS off) EXECUTE q(3)")[0] == "Lake Query"
    generic = explained(connection, "EXPLAIN (GENERIC_PLAN, COSTS off) SELECT name FROM nasty.people WHERE id = $1")
    assert generic[0] == "Lake Query"
    connection.execute("DEALLOCATE q")


def test_others_are_the_twins(connection: psycopg.Connection) -> None:
    lines = explained(connection, "EXPLAIN (FORMAT json) SELECT 1")
    assert json.loads(json.dumps(lines[0]))[0]["Plan"]["Node Type"] == "Result"
