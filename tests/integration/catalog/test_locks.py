"""Locks on tables: one holder, freed when it dies, kept over a broken connection, and the record of runs."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog.locks import Locks, number
from catalog.runs import RunResult, begin_run, end_run, read_runs
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog

HOLD = """
import sys, time
from pathlib import Path
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog
settings = CatalogSettings(catalog_database_url=sys.argv[1], data_dir=Path(sys.argv[2]))
locks = LakeCatalog.open(settings, Warehouse.open(settings)).locks()
locks.take([("table", "public", "t")])
print("held", flush=True)
time.sleep(60)
"""
T, U, V = (("table", "public", name) for name in "tuv")


@pytest.fixture
def lake(postgres: Any, tmp_path: Path) -> Iterator[LakeCatalog]:
    settings = CatalogSettings(catalog_database_url=postgres.new_database("catalog"), data_dir=tmp_path)
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    lake.ensure_schema()
    yield lake
    lake.close()


@pytest.fixture
def ours(lake: LakeCatalog) -> Iterator[Locks]:
    locks = lake.locks()
    yield locks
    locks.close()


@pytest.fixture
def theirs(lake: LakeCatalog) -> Iterator[Locks]:
    locks = lake.locks()
    yield locks
    locks.close()


def end_connections(lake: LakeCatalog) -> None:
    with psycopg.connect(lake.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )


def test_a_lock_has_one_holder(ours: Locks, theirs: Locks) -> None:
    assert ours.take([T, U]) == {T, U}
    assert theirs.take([T, V]) == {V}
    ours.release([T])
    assert theirs.take([T, U]) == {T}
    assert ours.lost([U]) == set()


def test_a_lock_is_freed_when_its_holder_is_killed(lake: LakeCatalog, theirs: Locks, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lake.url, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert theirs.take([T]) == set()
        process.kill()
    deadline = time.monotonic() + 20
    while not theirs.take([T]):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_lock_survives_a_broken_connection(lake: LakeCatalog, ours: Locks, theirs: Locks) -> None:
    ours.take([T])
    end_connections(lake)
    assert ours.lost([T]) == set()
    assert theirs.take([T]) == set()


def test_a_lock_that_another_has_meanwhile_is_lost(
    lake: LakeCatalog, ours: Locks, theirs: Locks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.locks.REGAIN_SECONDS", 0.5)
    ours.take([T, U])
    end_connections(lake)
    assert theirs.take([T]) == {T}
    assert ours.lost([T, U]) == {T}
    assert ours.lost([T, U]) == {T}
    theirs.release([T])
    assert ours.lost([T, U]) == set()


def test_nothing_is_locked_after_close(lake: LakeCatalog, ours: Locks) -> None:
    ours.take([T])
    ours.close()
    with psycopg.connect(lake.url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone() == (0,)


def test_names_do_not_share_a_number() -> None:
    assert number(("table", "a", "b")) != number(("table", "a.b", "")) != number(("run", "a", "b"))


def test_a_run_is_recorded(lake: LakeCatalog, ours: Locks) -> None:
    run_id = begin_run(lake.run, ours)
    [row] = read_runs(lake.run, 5)
    assert (row.run_id, row.ended_at, row.result.outcome) == (run_id, None, "running")
    result = RunResult("failed", "7", "db", "0/1", 3, 1, 1, 10, 2**40, "x" * 5000)
    end_run(lake.run, run_id, result)
    [row] = read_runs(lake.run, 5)
    assert row.ended_at is not None
    assert (row.result.bytes, row.result.tables_failed, row.result.error) == (2**40, 1, "x" * 2000)


def test_a_run_that_died_is_told_by_the_next(lake: LakeCatalog, ours: Locks, theirs: Locks) -> None:
    dead = begin_run(lake.run, ours)
    alive = begin_run(lake.run, theirs)
    assert {row.result.outcome for row in read_runs(lake.run, 5)} == {"running"}
    ours.close()
    time.sleep(0.1)
    begin_run(lake.run, ours)
    outcomes = {row.run_id: row.result.outcome for row in read_runs(lake.run, 5)}
    assert (outcomes[dead], outcomes[alive]) == ("lost", "running")
