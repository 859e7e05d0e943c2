"""Syncs that are killed, stores that fail, writers that never stop: what must hold after each."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import psycopg
import pytest

from catalog.storage import Warehouse, local_path
from catalog.tables import LakeCatalog
from sample.tpch import extension_path
from tests.conftest import S3Server
from tests.support import forked, programs
from tests.support.faulty_store import Faults
from tests.support.sync_lab import Lab

MONEY = 10
PEOPLE = 20_000


@contextmanager
def writer(lab: Lab) -> Iterator[list[int]]:
    """Move money between two tables, a transaction after the other. Yields: a list with a number for each."""
    stopped = threading.Event()
    moves: list[int] = []

    def write() -> None:
        generator = random.Random(7)
        with psycopg.connect(lab.source_url, autocommit=True) as connection:
            while not stopped.is_set():
                one, other, amount = (generator.randrange(1, PEOPLE) for _ in range(3))
                connection.execute(
                    "WITH a AS (UPDATE a SET money = money - %(amount)s WHERE i = %(one)s)"
                    "UPDATE b SET money = money + %(amount)s WHERE i = %(other)s",
                    {"one": one, "other": other, "amount": amount},
                )
                moves.append(amount)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield moves
    finally:
        stopped.set()
        thread.join()


@pytest.fixture
def bank(lab: Lab) -> Lab:
    for name in ("a", "b"):
        lab.execute(
            f"CREATE TABLE {name} AS SELECT i, {MONEY}::bigint AS money, repeat(md5(i::text), 5) AS pad"
            f" FROM generate_series(1, {PEOPLE}) i; ALTER TABLE {name} ADD PRIMARY KEY (i)"
        )
    return lab


def check_whole(lab: Lab) -> dict[str, int]:
    """See that every table of the lake is whole and all its files are there. Returns: the money in each."""
    money = {}
    for name, view in lab.views().items():
        table = name.split(".")[1]
        assert all(path.exists() for path in lab.files("public", table))
        [(count, distinct, total)] = lab.read("public", table, "count(*), count(DISTINCT i), sum(money)::BIGINT")
        assert (count, distinct, view.row_count) == (PEOPLE, PEOPLE, PEOPLE)
        money[table] = total
    return money


def kill_runs(lab: Lab, times: int, seed: int) -> None:
    generator = random.Random(seed)
    environment = programs.environment(lab.environment)
    assert programs.run("syncer", lab.environment).returncode == 0
    began = time.monotonic()
    assert programs.run("syncer", lab.environment).returncode == 0
    whole_s = time.monotonic() - began
    killed = 0
    with writer(lab) as moves:
        while killed < times:
            process = forked.start("syncer", environment, lab.folder)
            process.join(timeout=generator.uniform(0, 1.1) * whole_s)
            if process.is_alive():
                process.kill()
                killed += 1
            process.join()
            check_whole(lab)
            if killed % 6 == 0:
                done = lab.program()
                assert done.returncode == 0, done.stdout + done.stderr
                assert sum(check_whole(lab).values()) == 2 * MONEY * PEOPLE
        assert moves
    done = lab.program()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.program("verify").returncode == 0


def test_twenty_kills(bank: Lab) -> None:
    kill_runs(bank, 20, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills(bank: Lab) -> None:
    kill_runs(bank, 200, seed=2)


def test_money_is_neither_lost_nor_made(bank: Lab) -> None:
    with writer(bank) as moves:
        for _ in range(3):
            assert bank.sync(BEMIDB_SYNC_JOBS="2")[0]
            assert sum(check_whole(bank).values()) == 2 * MONEY * PEOPLE
    assert len(moves) > 10


@pytest.mark.parametrize(
    "kind", ["503", pytest.param("reset", marks=pytest.mark.slow), pytest.param("slow", marks=pytest.mark.slow)]
)
def test_a_store_that_fails_now_and_then(lab: Lab, faulty: tuple[S3Server, Faults], kind: str) -> None:
    s3, faults = faulty
    lab.execute("CREATE TABLE t AS SELECT i, md5(i::text) AS s FROM generate_series(1, 20000) i;"
                "CREATE TABLE u AS SELECT 1 AS i")  # fmt: skip
    variables = s3.environment(s3.new_bucket(f"fails-{kind}"))
    faults.kind = kind
    for number in range(2):
        lab.execute(f"UPDATE u SET i = {number}")
        done = lab.program(**variables)
        assert done.returncode == 0, done.stdout + done.stderr
    assert faults.count > 1
    faults.kind = ""
    assert lab.program("verify", **variables).returncode == 0


@pytest.mark.slow
def test_a_store_that_is_gone_in_the_middle(lab: Lab, faulty: tuple[S3Server, Faults]) -> None:
    s3, faults = faulty
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    variables = s3.environment(s3.new_bucket("gone"))
    assert lab.sync(**variables)[0]
    lab.execute("UPDATE t SET i = 2")
    faults.kind, faults.one_in = "reset", 1
    done = lab.program(**variables)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("AWS_S3_ENDPOINT: ")
    faults.kind = ""
    assert lab.program("verify", **variables).returncode == 1
    assert lab.sync(**variables)[0]
    assert lab.program("verify", **variables).returncode == 0


def test_two_syncers_and_a_writer(bank: Lab) -> None:
    with writer(bank):
        for _ in range(2):
            processes = [bank.start() for _ in range(2)]
            for process in processes:
                out, err = process.communicate(timeout=90)
                assert process.returncode == 0, out + err
            check_whole(bank)
    assert bank.sync()[0]
    assert sum(check_whole(bank).values()) == 2 * MONEY * PEOPLE


def test_others_read_the_tables_after_evolution_and_incremental_copies(lab: Lab) -> None:
    """PyIceberg's SqlCatalog and DuckDB's iceberg_scan."""
    lab.execute(
        "CREATE TABLE t (i int PRIMARY KEY, s text, at timestamptz NOT NULL DEFAULT now(), u uuid, n numeric(9,2));"
        "INSERT INTO t SELECT i, 's' || i, now(), md5(i::text)::uuid, i / 8.0 FROM generate_series(1, 1000) i"
    )
    steps = (
        "UPDATE t SET s = 'new', at = now() WHERE i % 100 = 0",
        "INSERT INTO t (i, s) SELECT i, NULL FROM generate_series(1001, 1100) i",
        "ALTER TABLE t ADD added bigint; ALTER TABLE t RENAME s TO renamed; UPDATE t SET added = i WHERE i < 10",
        "UPDATE t SET at = now(), renamed = 'again' WHERE i = 5; ALTER TABLE t DROP n",
        "ALTER TABLE t ALTER i TYPE bigint",
        "INSERT INTO t (i, renamed) VALUES (5000, 'last')",
    )
    for step in ("SELECT 1", *steps):
        for statement in step.split(";"):
            lab.execute(statement)
        assert lab.sync(SOURCE_POSTGRES_CURSOR_COLUMNS="public.t:at")[0]
        columns = [column.name for column in lab.views()["public.t"].columns if column.name != "at"]
        expected = sorted(lab.ask(f"SELECT {', '.join(columns)} FROM t"))
        assert sorted(by_pyiceberg(lab, columns)) == expected
        assert sorted(by_duckdb(lab, columns)) == expected


def by_pyiceberg(lab: Lab, columns: list[str]) -> list[tuple[Any, ...]]:
    settings = lab.settings()
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    try:
        rows = lake.iceberg.load_table("public.t").scan(selected_fields=tuple(columns)).to_arrow().to_pylist()
    finally:
        lake.close()
    return [tuple(row[name] for name in columns) for row in rows]


def by_duckdb(lab: Lab, columns: list[str]) -> list[tuple[Any, ...]]:
    settings = lab.settings()
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    try:
        row = lake.read_table("public", "t")
    finally:
        lake.close()
    assert row is not None
    with duckdb.connect() as connection:
        for name in ("avro", "iceberg"):
            connection.load_extension(str(extension_path(name)))
        path = local_path(row.metadata_location)
        return connection.execute(f"SELECT {', '.join(columns)} FROM iceberg_scan('{path}')").fetchall()
