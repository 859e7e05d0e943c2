"""The catalog goes away: what was known is read on for a while, then 08006, and it is found again by itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.postgres import PrivatePostgres
from tests.conftest import FAST, Source, free_port, sync
from tests.support import servers
from tests.support.servers import wait_until

QUICK = b"SELECT count(*) FROM nation"
MAX_STALENESS_S = 8


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[PrivatePostgres]:
    with PrivatePostgres(Path(tmp_path_factory.mktemp("catalog")), port=port, settings=FAST) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def variables(source: Source, catalog: PrivatePostgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = str(tmp_path_factory.mktemp("lake"))
    variables = {"BEMIDB_DATA_DIR": folder, "CATALOG_DATABASE_URL": catalog.url()}
    sync(source, variables | {"SOURCE_POSTGRES_INCLUDE_TABLES": "public.nation"})
    return variables | {
        "BEMIDB_CATALOG_STALENESS": "0.1",
        "BEMIDB_CATALOG_MAX_STALENESS": str(MAX_STALENESS_S),
    }


@pytest.fixture
def server(variables: dict[str, str], tmp_path: Path) -> Iterator[servers.Server]:
    with servers.running(variables, free_port(), tmp_path / "server.log") as running:
        with psycopg.connect(running.url(), autocommit=True) as connection:
            connection.execute(QUICK)  # waits for the engine: what is known of the catalog grows old meanwhile
        yield running


def test_reads_go_on_for_a_while_and_the_catalog_is_found_again(
    server: servers.Server, catalog: PrivatePostgres
) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        assert connection.execute(QUICK).fetchone() == (25,)
        catalog.stop()
        read_until_it_is_missed(server, connection)
        assert connection.execute(QUICK).fetchone() == (25,)

        wait_until(lambda: is_refused(connection), MAX_STALENESS_S + 20, what="08006")
        assert connection.execute("SELECT count(*) > 8 FROM pg_class").fetchone() == (True,)
        catalog.start()
        wait_until(lambda: not is_refused(connection), 40, what="the catalog is back")
        server.wait_for_log("catalog_back")


@pytest.mark.slow  # it waits for real clocks: 30 s
def test_a_catalog_that_hangs_holds_nobody(server: servers.Server, catalog: PrivatePostgres) -> None:
    """Its kernel goes on answering for it: only our own clock ends the wait."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        assert connection.execute(QUICK).fetchone() == (25,)
        with psycopg.connect(catalog.url(), autocommit=True) as own:
            rows = own.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchall()
        stopped = [catalog.pid, *(pid for (pid,) in rows)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            read_until_it_is_missed(server, connection)
            for _ in range(MAX_STALENESS_S):  # it is known to hang: were it waited for, what is known would be too old
                assert connection.execute(QUICK).fetchone() == (25,)
            wait_until(lambda: is_refused(connection), MAX_STALENESS_S + 20, what="08006")
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not is_refused(connection), 40, what="the catalog is back")


def read_until_it_is_missed(server: servers.Server, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Read what is known until a statement has asked the catalog in vain."""
    while "catalog_unreachable" not in server.log.read_text():
        assert connection.execute(QUICK).fetchone() == (25,)


def is_refused(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    try:
        connection.execute(QUICK)
    except psycopg.errors.ConnectionFailure as error:
        return error.diag.message_primary == "the catalog is not reachable"
    return False
