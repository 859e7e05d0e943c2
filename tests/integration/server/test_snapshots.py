"""Which snapshot a statement reads while syncs go on: a new one each, or the transaction's."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from tests.conftest import PostgresServer, free_port
from tests.support import programs, servers

ROWS = 1000


class Shop:
    """A source of one table, all of whose rows are equal, its lake, and a server that asks the catalog each time."""

    def __init__(self, source_url: str, environment: dict[str, str]) -> None:
        self.source_url = source_url
        self.environment = environment
        self.url = ""

    def change(self) -> None:
        """Change each row, and sync."""
        with psycopg.connect(self.source_url) as connection:
            connection.execute("UPDATE a SET n = n + 1")
        self.sync()

    def sync(self) -> None:
        done = programs.run("syncer", self.environment | {"SOURCE_POSTGRES_DATABASE_URL": self.source_url})
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(postgres.new_database("shop"), {"BEMIDB_DATA_DIR": str(folder / "data")})
    with psycopg.connect(shop.source_url, autocommit=True) as connection:
        rows = f"SELECT i, 0 AS n FROM generate_series(1, {ROWS}) i"
        connection.execute(f"CREATE TABLE a AS {rows}".encode())
    shop.sync()
    settings = shop.environment | {"BEMIDB_CATALOG_STALENESS": "0"}
    with servers.running(settings, free_port(), folder / "server.log") as server:
        shop.url = server.url()
        yield shop


def total(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT sum(n) FROM a").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_transaction_reads_the_snapshots_that_it_has_read(shop: Shop, level: str) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        before = total(connection)
        shop.change()
        assert total(connection) == before
        connection.execute("SAVEPOINT s")
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / (n - n) FROM a")
        connection.execute("ROLLBACK TO s")
        assert total(connection) == before
        connection.execute("COMMIT")
        assert total(connection) == before + ROWS


@pytest.mark.parametrize("at_once", [False, True], ids=["by_itself", "among_others"])
@pytest.mark.parametrize("prepared", [False, True], ids=["simple", "prepared"])
def test_a_transaction_with_the_snapshot_of_another_reads_what_that_reads(
    shop: Shop, prepared: bool, at_once: bool
) -> None:
    """So that parallel readers, as those of pg_dump and of DuckDB's postgres extension, are of one mind."""
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(psycopg.connect(shop.url, autocommit=True)) for _ in range(3))
        first.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = first.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        before = total(first)
        begin, take = "BEGIN ISOLATION LEVEL REPEATABLE READ", f"SET TRANSACTION SNAPSHOT '{row[0]}'"
        shop.change()
        for text in [f"{begin}; {take}"] if at_once else [begin, take]:
            second.execute(text.encode(), prepare=prepared and not at_once)
        assert total(second) == before
        third.execute(begin.encode())
        assert total(third) == before + ROWS
        first.execute("COMMIT")
        shop.change()
        assert total(second) == before
        second.execute("COMMIT")
        assert total(second) == before + 2 * ROWS
        assert total(third) == before + ROWS


@pytest.mark.parametrize(
    "begin",
    ["BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"],
)
def test_a_transaction_may_begin_in_the_query_that_reads(shop: Shop, begin: str) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:  # a new one: its settings have not been asked for
        cursor = connection.execute(f"{begin}; SELECT sum(n) FROM a".encode())
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        assert row is not None
        shop.change()
        assert total(connection) == row[0]
        connection.execute("COMMIT")
        assert total(connection) == row[0] + ROWS


def test_read_committed_sees_each_sync(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        before = total(connection)
        shop.change()
        assert total(connection) == before + ROWS
        connection.execute("ROLLBACK")


def test_a_cursor_reads_the_snapshot_of_its_declaration(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        before = total(connection) // ROWS
        connection.execute("DECLARE c CURSOR FOR SELECT n FROM a")
        shop.change()
        assert set(connection.execute("FETCH ALL FROM c").fetchall()) == {(before,)}
        connection.execute("COMMIT")


def test_a_reader_in_a_loop_sees_whole_tables_only(shop: Shop) -> None:
    """Within one statement each table is of one snapshot; no statement fails."""
    stopped = threading.Event()
    seen: list[tuple[int, int, int]] = []
    failures: list[BaseException] = []

    def read() -> None:
        try:
            with psycopg.connect(shop.url, autocommit=True) as connection:
                while not stopped.is_set():
                    row = connection.execute("SELECT count(*), min(n), max(n) FROM a").fetchone()
                    assert row is not None
                    seen.append(row)
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        shop.change()
    stopped.set()
    for reader in readers:
        reader.join()
    assert not failures, failures
    assert all(count == ROWS and low == high for count, low, high in seen)
    assert len({low for _, low, _ in seen}) > 1
