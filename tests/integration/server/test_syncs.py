"""What the syncs did, and how fresh the tables are, asked in SQL."""

import psycopg
import pytest

from tests.conftest import Source
from tests.support.programs import Program


def ask(server: Program, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_runs(server: Program) -> None:
    [run] = ask(
        server,
        "SELECT outcome, source_database, ended_at >= started_at, tables_failed, error, rows > 1000, bytes > 1000,"
        " source_lsn > '0/0', tables, run_id IS NOT NULL FROM bemidb.sync_runs",
    )
    assert run[:8] == ("ok", "bemidb", True, 0, None, True, True, True)
    assert run[8:] == (ask(server, "SELECT count(*) FROM bemidb.tables")[0][0], True)


def test_freshness(server: Program, source: Source) -> None:
    with psycopg.connect(source.url) as connection:
        rows = connection.execute("SELECT count(*) FROM family_parts.january").fetchone()
    assert ask(
        server,
        "SELECT rows, bytes > 0, files, snapshot_id > 0, source_database, source_lsn > '0/0', gone_since,"
        " synced_at <= now(), lag = now() - synced_at FROM bemidb.tables"
        " WHERE (table_schema, table_name) = ('family_parts', 'january')",
    ) == [(rows and rows[0], True, 1, True, "bemidb", True, None, True, True)]
    assert ask(server, "SELECT table_name FROM bemidb.tables WHERE table_name IN ('measured', 'paid')") == []


def test_together_with_tables_of_the_lake(server: Program) -> None:
    query = "SELECT t.rows, count(*) FROM bemidb.tables t, region WHERE t.table_name = 'region' GROUP BY 1"
    assert ask(server, query) == [(5, 5)]


@pytest.mark.parametrize(
    "statement", ["DROP VIEW bemidb.tables", "DROP SCHEMA bemidb CASCADE", "DELETE FROM bemidb.tables"]
)
def test_nobody_changes_them(server: Program, statement: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())
    assert ask(server, "SELECT count(*) > 0 FROM bemidb.tables") == [(True,)]
