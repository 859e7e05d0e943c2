"""Many runs over one lake: locks, owners, tables that are gone, and what is recorded."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog.errors import OperatorError
from catalog.locks import Locks
from catalog.runs import RunRow, read_runs
from syncer import full
from syncer.source import Source
from syncer.stream import write_rows
from tests.support.sync_lab import Lab


@contextmanager
def held(lab: Lab, name: str) -> Iterator[Locks]:
    with lab.lake() as lake:
        locks = lake.locks()
        assert locks.take([("table", "public", name)])
        yield locks
        locks.close()


def runs(lab: Lab) -> list[RunRow]:
    with lab.lake() as lake:
        return read_runs(lake.run, 10)


def end_source_connections(lab: Lab, condition: str) -> int:
    with psycopg.connect(lab.source_url, autocommit=True) as connection:
        cursor = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND pid <> pg_backend_pid() AND {condition}".encode()
        )
        return cursor.rowcount


def test_a_table_that_another_run_copies_is_left_alone(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 2 AS i")
    lab.sync()
    lab.execute("UPDATE t SET i = 3; UPDATE u SET i = 4")
    with held(lab, "t"):
        done, printed = lab.sync(BEMIDB_SYNC_LOCK_WAIT="0.3")
    assert not done
    assert "public.t -> public.t: failed: another sync is copying it" in printed
    assert (lab.read("public", "t"), lab.read("public", "u")) == ([(1,)], [(4,)])


def test_a_run_waits_for_the_other(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    lab.sync()
    lab.execute("UPDATE t SET i = 2")
    with held(lab, "t") as locks:
        timer = threading.Timer(1, lambda: locks.release([("table", "public", "t")]))
        timer.start()
        assert lab.sync()[0]
        timer.join()
    assert lab.read("public", "t") == [(2,)]


def test_two_runs_at_once_copy_each_table_whole(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT i, 0 AS v FROM generate_series(1, 50000) i")
    processes = [lab.start() for _ in range(2)]
    for process in processes:
        assert process.communicate(timeout=90)[0] is not None
        assert process.returncode == 0
    assert lab.read("public", "t", "count(*), count(DISTINCT i)") == [(50_000, 50_000)]


def test_a_run_that_waited_does_not_put_back_older_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    lab.sync()
    take = Locks.take

    def late(self: Locks, keys: Any) -> Any:
        if ("table", "public", "t") in keys:
            monkeypatch.setattr(Locks, "take", take)
            lab.execute("UPDATE t SET i = 2")
            assert lab.sync()[0]  # the other run, with a later snapshot
        return take(self, keys)

    monkeypatch.setattr(Locks, "take", late)
    done, printed = lab.sync()
    assert done
    assert "superseded" in printed
    assert lab.read("public", "t") == [(2,)]


@pytest.fixture
def stranger(lab: Lab, postgres: Any) -> Lab:
    """Another source for the same lake."""
    return replace(lab, source_url=postgres.new_database("stranger"))


def test_a_table_of_another_source_is_not_replaced(lab: Lab, stranger: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    lab.sync()
    stranger.execute("CREATE TABLE t AS SELECT 2 AS i; CREATE TABLE a AS SELECT 3 AS i")
    databases = [one.source_url.rsplit("/", 1)[1] for one in (lab, stranger)]
    with pytest.raises(OperatorError) as refused:
        stranger.sync()
    assert refused.value.variable == "DESTINATION_SCHEMA_NAME"
    assert all(f"of database {database} " in refused.value.problem for database in databases)
    assert set(lab.views()) == {"public.t"}

    assert stranger.sync(DESTINATION_SCHEMA_NAME="other")[0]
    assert lab.read("public", "t") == [(1,)]
    assert stranger.sync(BEMIDB_SYNC_TAKE_OVER="true")[0]
    assert lab.read("public", "t") == [(2,)]
    assert [run.result.outcome for run in runs(lab)] == ["ok", "ok", "failed", "ok"]


def test_a_table_of_another_schema_is_not_replaced(lab: Lab) -> None:
    lab.execute("CREATE SCHEMA a; CREATE TABLE a.b_c AS SELECT 1 AS i; CREATE SCHEMA a_b; CREATE TABLE a_b.c (i int)")
    only = {"DESTINATION_SCHEMA_NAME": "x", "SOURCE_POSTGRES_INCLUDE_TABLES": "a.b_c"}
    assert lab.sync(**only)[0]
    with pytest.raises(OperatorError, match=r"x\.a_b_c in the lake is a\.b_c of database .*, not a_b\.c of"):
        lab.sync(**only | {"SOURCE_POSTGRES_INCLUDE_TABLES": "a_b.c"})


def test_a_table_gone_at_the_source_is_kept_and_marked(lab: Lab, stranger: Lab) -> None:
    lab.execute("CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 2 AS i; CREATE SCHEMA s;"
                "CREATE TABLE s.c AS SELECT 3 AS i")  # fmt: skip
    lab.sync()
    stranger.execute("CREATE TABLE d AS SELECT 4 AS i")
    stranger.sync()
    lab.execute("DROP TABLE a; DROP TABLE s.c")
    assert lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="public.a,public.b")[0]
    views = lab.views()
    assert {name for name, view in views.items() if view.origin.gone_since is not None} == {"public.a"}
    first = views["public.a"].origin.gone_since
    assert lab.sync()[0]
    views = lab.views()
    assert {name for name, view in views.items() if view.origin.gone_since is not None} == {"public.a", "s.c"}
    assert views["public.a"].origin.gone_since == first
    assert lab.read("public", "a") == [(1,)]

    lab.execute("CREATE TABLE a AS SELECT 5 AS i")
    assert lab.sync()[0]
    assert lab.views()["public.a"].origin.gone_since is None
    assert lab.read("public", "a") == [(5,)]


def test_drop_missing_drops_what_this_source_and_pattern_own(lab: Lab, stranger: Lab) -> None:
    lab.execute("CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 2 AS i; CREATE SCHEMA s;"
                "CREATE TABLE s.c AS SELECT 3 AS i")  # fmt: skip
    lab.sync()
    stranger.execute("CREATE TABLE d AS SELECT 4 AS i")
    stranger.sync()
    lab.execute("DROP TABLE a; DROP TABLE s.c")
    done = lab.program("--drop-missing", "--include", "public.*")
    assert done.returncode == 0, done.stderr
    assert set(lab.views()) == {"public.b", "s.c", "public.d"}


def test_what_a_run_did_is_recorded(lab: Lab, tmp_path: Path) -> None:
    lab.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    summary_file = tmp_path / "summary.json"
    done = lab.program("--summary-json", str(summary_file))
    assert done.returncode == 0, done.stderr
    [run] = runs(lab)
    view = lab.views()["public.t"]
    assert (run.result.outcome, run.result.tables, run.result.rows, run.result.bytes) == ("ok", 1, 10, view.byte_count)
    assert (run.result.source_lsn, run.result.source_system) == (view.origin.lsn, view.origin.system_identifier)
    assert run.ended_at is not None
    assert (view.file_count, view.snapshot_id is not None) == (1, True)
    summary = json.loads(summary_file.read_text())
    assert (summary["run_id"], summary["outcome"], summary["tables_failed"]) == (run.run_id, "ok", 0)
    assert [(table["label"], table["mode"], table["rows"]) for table in summary["tables"]] == [("public.t", "full", 10)]


def test_how_a_run_failed_is_recorded(lab: Lab) -> None:
    with pytest.raises(OperatorError):
        lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="no.table")
    assert runs(lab)[0].result.outcome == "failed"
    assert "no table of the source matches" in str(runs(lab)[0].result.error)
    lab.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    process = lab.start()
    with psycopg.connect(lab.source_url) as connection:
        connection.execute("LOCK TABLE t")
        while len(runs(lab)) < 2:
            time.sleep(0.1)
        process.kill()
        process.communicate()
    assert runs(lab)[0].result.outcome == "running"
    assert lab.sync()[0]
    assert [run.result.outcome for run in runs(lab)] == ["ok", "lost", "failed"]


def test_a_reader_whose_connection_breaks_begins_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT i, repeat(md5(i::text), 8) AS s FROM generate_series(1, 300000) i")
    ended = []

    def break_once(connection: Any, table: Any, target: Any, writer: Any, each: Any, where: Any) -> None:
        def count(rows: Any) -> None:
            if not ended:
                ended.append(end_source_connections(lab, "query LIKE 'COPY%'"))
            each(rows)

        write_rows(connection, table, target, writer, count, where)

    monkeypatch.setattr(full, "write_rows", break_once)
    assert lab.sync()[0]
    assert ended == [1]
    assert lab.read("public", "t", "count(*), count(DISTINCT i)") == [(300_000, 300_000)]
    assert len(list((lab.folder / "warehouse").rglob("*.parquet"))) == 1


def test_without_the_snapshot_no_table_is_copied_any_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 1 AS i")
    lab.sync()
    lab.execute("UPDATE t SET i = 2; UPDATE u SET i = 2")
    reader = Source.reader

    def without_snapshot(self: Source) -> Any:
        end_source_connections(lab, "application_name = 'bemidb'")
        return reader(self)

    monkeypatch.setattr(Source, "reader", without_snapshot)
    done, printed = lab.sync()
    assert not done
    assert printed.count("the source ended the connection that holds the run's snapshot") == 2
    assert (lab.read("public", "t"), lab.read("public", "u")) == ([(1,)], [(1,)])


def test_a_snapshot_that_is_lost_once_is_taken_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 1 AS i")
    lab.sync()
    lab.execute("UPDATE t SET i = 2; UPDATE u SET i = 2")
    reader = Source.reader

    def without_snapshot(self: Source) -> Any:
        monkeypatch.setattr(Source, "reader", reader)
        end_source_connections(lab, "application_name = 'bemidb'")
        return reader(self)

    monkeypatch.setattr(Source, "reader", without_snapshot)
    done, printed = lab.sync(BEMIDB_SYNC_JOBS="1")
    assert done, printed
    assert (lab.read("public", "t"), lab.read("public", "u")) == ([(2,)], [(2,)])
    assert len(list((lab.folder / "warehouse").rglob("*.parquet"))) == 4
