"""The tables of a run become visible together: a reader sees one moment of the source, whatever is under way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from catalog.commits import Commit
from catalog.storage import local_path
from syncer import turns
from tests.conftest import free_port
from tests.support import programs
from tests.support.sync_lab import Lab

PARTS = """
CREATE TABLE m (id int, part int NOT NULL) PARTITION BY LIST (part);
CREATE TABLE m0 PARTITION OF m FOR VALUES IN (0);
CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1);
CREATE TABLE rest PARTITION OF m DEFAULT;
CREATE TABLE other (total bigint);
INSERT INTO m SELECT i, i % 4 FROM generate_series(1, 3000) i;
INSERT INTO other SELECT sum(part) FROM m;
"""
STATE = "SELECT count(*), count(DISTINCT id), sum(part), (SELECT min(total) FROM other) FROM m"
# Rows move between partitions, and partitions come and go.
CHANGES = (
    "UPDATE m SET part = (part + 1) % 4",
    "ALTER TABLE m DETACH PARTITION rest; CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2);"
    "CREATE TABLE rest2 PARTITION OF m DEFAULT; INSERT INTO m SELECT * FROM rest",
    "CREATE TEMP TABLE kept AS SELECT id, 7 FROM m1; DROP TABLE m1; INSERT INTO m SELECT * FROM kept",
    "UPDATE m SET part = 3 WHERE id % 2 = 0",
)


@contextmanager
def repeating(act: Callable[[], object]) -> Iterator[list[object]]:
    """Do something again and again in another thread. Yields: what it returned, and the error that ended it."""
    stopped = threading.Event()
    seen: list[object] = []

    def loop() -> None:
        try:
            while not stopped.is_set():
                seen.append(act())
        except Exception as error:  # noqa: BLE001 - the test compares it with what it expects
            seen.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join()


def test_a_server_shows_one_moment_of_the_source(lab: Lab, tmp_path: Path) -> None:
    lab.execute(PARTS)
    assert lab.sync()[0]
    expected = set(lab.ask(STATE))
    variables = lab.environment | {"BEMIDB_CATALOG_STALENESS": "0"}
    with (
        programs.server(variables, free_port(), tmp_path / "server.log") as server,
        psycopg.connect(server.url(), autocommit=True) as reader,
        repeating(lambda: reader.execute(STATE.encode()).fetchone()) as seen,
    ):
        for change in CHANGES:
            lab.execute(f"BEGIN; {change}; UPDATE other SET total = (SELECT sum(part) FROM m); COMMIT")
            expected |= set(lab.ask(STATE))
            assert lab.sync(BEMIDB_SYNC_JOBS="2")[0]
            count = len(seen)
            programs_wait(lambda count=count: len(seen) > count + 1)
    assert set(seen) == expected


def programs_wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_money_is_the_same_at_every_moment(lab: Lab) -> None:
    """What the catalog says in one answer is one moment of two tables that money moves between."""
    for name in "ab":
        lab.execute(f"CREATE TABLE {name} AS SELECT i, 10::bigint AS money FROM generate_series(1, 2000) i")
    assert lab.sync()[0]
    with lab.lake() as reading:

        def money() -> tuple[int, int]:
            files = [file for row in reading.read_tables() for file in reading.plan(row).files]
            paths = [str(local_path(file.path)) for file in files]
            with duckdb.connect() as engine:
                found = engine.execute(f"SELECT count(*), sum(money)::BIGINT FROM read_parquet({paths})").fetchone()
            assert found is not None
            return found[0], found[1]

        with repeating(money) as seen:
            for amount in range(1, 6):
                lab.execute(
                    f"BEGIN; UPDATE a SET money = money - {amount}; UPDATE b SET money = money + {amount}; COMMIT"
                )
                assert lab.sync()[0]
    assert set(seen) == {(4000, 40_000)}
    assert len(seen) > 5


def test_a_partition_that_fails_leaves_its_table_as_it_was(lab: Lab, postgres: Any) -> None:
    role = "reader_of_some"
    lab.execute(PARTS)
    assert lab.sync()[0]
    before = {name: view.origin.lsn for name, view in lab.views().items()}
    lab.execute("UPDATE m SET part = (part + 1) % 4; UPDATE other SET total = 0")
    lab.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT SELECT ON m, m0, rest, other TO {role}")
    database = lab.source_url.rsplit("/", 1)[1]
    done, printed = lab.sync(SOURCE_POSTGRES_DATABASE_URL=postgres.url(database, role))
    lab.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert not done
    assert "public.m1 -> public.m1: failed: permission denied" in printed
    assert printed.count("failed: kept as it was: public.m1 failed") == 2
    after = {name: view.origin.lsn for name, view in lab.views().items()}
    assert {name for name in after if after[name] != before[name]} == {"public.other"}
    assert lab.read("public", "other") == [(0,)]
    warehouse = lab.folder / "warehouse"
    assert len(list(warehouse.rglob("*.parquet"))) == 5, "what was written for nothing is deleted"
    assert lab.sync()[0]
    assert len({lab.views()[name].origin.lsn for name in after}) == 1


def test_a_table_that_another_program_changes_meanwhile_lands_with_the_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 1 AS i")
    assert lab.sync()[0]
    lab.execute("UPDATE t SET i = 2; UPDATE u SET i = 2")
    land = Commit.land

    def late(self: Commit) -> Any:
        monkeypatch.setattr(Commit, "land", land)
        with lab.lake() as lake:
            lake.iceberg.load_table("public.t").transaction().set_properties(note="theirs").commit_transaction()
        return land(self)

    monkeypatch.setattr(Commit, "land", late)
    assert lab.sync()[0]
    assert (lab.read("public", "t"), lab.read("public", "u")) == ([(2,)], [(2,)])
    with lab.lake() as lake:
        assert lake.iceberg.load_table("public.t").properties["note"] == "theirs"


def test_a_table_whose_columns_another_program_changes_fails_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 1 AS i")
    assert lab.sync()[0]
    lab.execute("ALTER TABLE t ADD j int; UPDATE t SET i = 2; UPDATE u SET i = 2")
    land = Commit.land

    def late(self: Commit) -> Any:
        from pyiceberg.types import StringType

        monkeypatch.setattr(Commit, "land", land)
        with lab.lake() as lake, lake.iceberg.load_table("public.t").update_schema() as update:
            update.add_column("theirs", StringType())
        return land(self)

    monkeypatch.setattr(Commit, "land", late)
    done, printed = lab.sync()
    assert not done
    assert "public.t -> public.t: failed: another writer changed the columns of public.t" in printed
    assert (lab.read("public", "t", "i"), lab.read("public", "u")) == ([(1,)], [(2,)])


def test_more_tables_than_locks_come_in_several_turns(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute(PARTS)
    lab.execute("CREATE VIEW v AS SELECT count(*) FROM m, other")
    monkeypatch.setattr(turns, "MAX_LOCKS", 1)
    assert lab.sync()[0]
    assert set(lab.views()) == {f"public.{name}" for name in ("m", "m0", "m1", "rest", "other", "v")}
    assert len(lab.views()["public.m"].children) == 3
