"""What is told of a database that cannot be connected to."""

import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from catalog.database import connect, transaction
from catalog.errors import NotReachable, OperatorError
from catalog.postgres import PrivatePostgres

VARIABLE = "CATALOG_DATABASE_URL"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a server that asks for passwords."""
    hba = "local all all trust\nhost postgres known 127.0.0.1/32 scram-sha-256\n"
    folder = tmp_path_factory.mktemp("strict")
    with PrivatePostgres(folder, port=free_port(), settings={"fsync": "off"}, hba=hba) as cluster:
        with psycopg.connect(
            f"host={cluster.socket_folder} port={cluster.port} user=postgres", autocommit=True
        ) as admin:
            admin.execute("CREATE ROLE known LOGIN PASSWORD 'right-secret'")
        yield f"127.0.0.1:{cluster.port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("known:wrong-secret", "password is wrong"),
        ("known", "password is needed"),
        ("stranger:wrong-secret", "does not accept this user"),
    ],
)
def test_a_refused_login_is_for_the_operator(strict: str, who: str, words: str) -> None:
    with pytest.raises(OperatorError, match=words) as raised:
        connect(VARIABLE, f"postgresql://{who}@{strict}/postgres")
    assert "secret" not in str(raised.value)
    assert raised.value.variable == VARIABLE


def test_the_right_password_is_let_in(strict: str) -> None:
    with connect(VARIABLE, f"postgresql://known:right-secret@{strict}/postgres") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("known",)


def test_a_missing_database_and_a_missing_role_are_for_the_operator(postgres: Any) -> None:
    with pytest.raises(OperatorError, match="database does not exist"):
        connect(VARIABLE, postgres.url("nope"))
    with pytest.raises(OperatorError, match="user does not exist"):
        connect(VARIABLE, postgres.url(user="nobody_here"))


def test_tls_that_the_server_does_not_speak_is_for_the_operator(postgres: Any) -> None:
    with pytest.raises(OperatorError, match="does not speak TLS"):
        connect(VARIABLE, postgres.url() + "?sslmode=require")


@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1:1e9/d", "postgresql://127.0.0.1/d?nope=1", "postgresql://127.0.0.1/d?sslmode=x"]
)
def test_a_malformed_url_is_for_the_operator(url: str) -> None:
    with pytest.raises(OperatorError):
        connect(VARIABLE, url)


def test_a_closed_port_and_an_unknown_host_are_waited_for() -> None:
    port = free_port()
    with pytest.raises(NotReachable, match="connection refused") as raised:
        connect(VARIABLE, f"postgresql://u:my-secret@127.0.0.1:{port}/d")
    assert "my-secret" not in str(raised.value)
    with pytest.raises(NotReachable, match="does not resolve"):
        connect(VARIABLE, "postgresql://u:my-secret@no-such-host.invalid/d")


def test_a_server_that_is_full_is_waited_for(postgres: Any) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS crowded")
        admin.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    with pytest.raises(NotReachable, match="no free connection"):
        connect(VARIABLE, postgres.url(user="crowded"))


def test_timeouts_are_set_inside_the_transaction_only(postgres: Any) -> None:
    with connect(VARIABLE, postgres.url()) as connection:
        with transaction(connection):
            assert connection.execute("SHOW statement_timeout").fetchone() == ("15s",)
            assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_an_error_rolls_back_and_leaves_the_connection_usable(postgres: Any) -> None:
    with connect(VARIABLE, postgres.url()) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero), transaction(connection):
            connection.execute("CREATE TABLE half_done (x int); SELECT 1/0")
        assert connection.execute("SELECT to_regclass('half_done')").fetchone() == (None,)
