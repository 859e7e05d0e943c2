"""What sockets and sessions that do nothing cost the server's own process (their twin backends are Postgres' own)."""

from collections.abc import Callable
from contextlib import ExitStack

import psutil
import psycopg
import pytest

from tests.support.raw import Wire
from tests.support.servers import Server, wait_until

KIB, MB = 1024, 1_000_000
SOCKETS, SESSIONS = 500, 200
STARTUP_PREFIX = (10_000).to_bytes(4) + (196_608).to_bytes(
    4
)  # the largest message that is waited for, never sent whole


def resident(server: Server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    server = make_server(BEMIDB_MAX_CONNECTIONS=str(SESSIONS + 10))
    with psycopg.connect(server.url()) as connection:  # what every server has after its first statements
        connection.execute("SELECT count(*) FROM nation")
    return server


def test_a_socket_before_its_login(server: Server) -> None:
    before = resident(server)
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.port)) for _ in range(SOCKETS)]
        for wire in wires:
            wire.send(STARTUP_PREFIX + b"user\0" + b"x" * 5000)
        with psycopg.connect(server.url()) as connection:  # it has read what came before
            connection.execute("SELECT 1")
        assert resident(server) - before <= SOCKETS * 64 * KIB


@pytest.mark.slow
def test_idle_sessions(server: Server) -> None:
    before = resident(server)
    with ExitStack() as stack:
        for _ in range(SESSIONS):
            session = stack.enter_context(psycopg.connect(server.url(), autocommit=True))
            session.execute("SELECT count(*) FROM nation")
        assert resident(server) - before < 100 * MB
    wait_until(lambda: len(psutil.Process(server.process.pid).net_connections("tcp")) < SESSIONS, what="their end")
