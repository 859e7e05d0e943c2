"""Clocks that end statements and sessions hold for lake statements, too; and who takes no rows is not waited for."""

import time
from collections.abc import Callable

import psycopg
import pytest

from tests.integration.server.test_cancel import QUICK, SLOW, extended, wait_until_it_rests
from tests.support.raw import Wire, fields, frame, query, sqlstates
from tests.support.servers import Server, wait_until

WRITE_S = 2


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    server = make_server(BEMIDB_WRITE_TIMEOUT=str(WRITE_S))
    with Wire(server.port) as wire:
        wire.log_in()
        run(wire, QUICK)  # waits for the engine
    return server


def run(wire: Wire, *texts: str) -> None:
    for text in texts:
        wire.send(query(text))
        assert sqlstates(wire.until()) == [], text


@pytest.mark.parametrize("how", ["first", "alone", "transaction", "extended", "bridge"])
def test_statement_timeout(server: Server, how: str) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        if how == "alone":
            run(wire, QUICK)
        run(wire, "SET statement_timeout = 500")
        if how == "transaction":
            run(wire, "BEGIN")
        began = time.monotonic()
        text = SLOW.replace("count(*)", "count(*), count(a.ctid)") if how == "bridge" else SLOW
        wire.send(extended(text) if how == "extended" else query(text))
        messages = wire.until()
        assert sqlstates(messages) == ["57014"]
        error = fields(next(body for tag, body in messages if tag == "E"))
        assert error["M"] == "canceling statement due to statement timeout"
        assert time.monotonic() - began > 0.4
        if how == "transaction":
            run(wire, "ROLLBACK")
        run(wire, "RESET statement_timeout", QUICK)
    wait_until_it_rests(server)


def test_statement_timeout_counts_each_execute_of_a_portal(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        run(wire, "SET statement_timeout = 1500", "BEGIN")
        wire.send(
            frame("P", b"s\0SELECT l_orderkey FROM lineitem\0\0\0") + frame("B", b"p\0s\0\0\0\0\0\0\0") + frame("H")
        )
        for _ in range(4):
            wire.send(frame("E", b"p\0\0\0\0\5") + frame("H"))
            assert wire.until("s")[-1][0] == "s"
            time.sleep(0.4)
        wire.send(frame("S"))
        assert wire.until()[-1] == ("Z", b"T")


def test_transaction_timeout(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        run(wire, QUICK, "SET transaction_timeout = 500")
        wire.send(query(SLOW))
        assert sqlstates(wire.to_end()) == ["25P04"]
    wait_until_it_rests(server)


def test_idle_in_transaction_session_timeout_does_not_count_a_lake_statement(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        run(wire, "SET idle_in_transaction_session_timeout = 1000", "SET statement_timeout = 1500", "BEGIN")
        wire.send(query(SLOW))
        assert sqlstates(wire.until()) == ["57014"]
        run(wire, "ROLLBACK", "BEGIN", QUICK)
        assert sqlstates(wire.to_end()) == ["25P03"]


def test_idle_session_timeout_does_not_count_a_lake_statement(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        run(wire, "SET idle_session_timeout = 1000", "SET statement_timeout = 1500", QUICK)
        wire.send(query(SLOW))
        assert sqlstates(wire.until()) == ["57014"]
        for _ in range(4):
            time.sleep(0.3)
            run(wire, QUICK)
        assert sqlstates(wire.to_end()) == ["57P05"]


@pytest.mark.parametrize(
    "text", ["SELECT * FROM lineitem a, nation", "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"]
)
def test_a_client_that_reads_nothing_is_disconnected(server: Server, text: str) -> None:
    with Wire(server.port) as wire, psycopg.connect(server.url(), autocommit=True) as other:
        wire.log_in()
        before = server.log.read_text().count("client_stuck")
        wire.send(query(text))
        wait_until(lambda: server.log.read_text().count("client_stuck") > before, what="client_stuck")
        wait_until_it_rests(server)
        assert other.execute(QUICK.encode()).fetchone() == (25,)
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'analyst'"
        wait_until(lambda: other.execute(sessions.encode()).fetchone() == (1,), what="its backend has ended")


def test_a_slow_reader_is_served(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        wire.send(query("SELECT l_orderkey, l_comment FROM lineitem"))
        began = time.monotonic()
        seen = b""
        while time.monotonic() - began < 2.5 * WRITE_S:
            seen += wire.read(40_000)
            time.sleep(0.1)
        rest = seen
        while not rest.endswith(b"Z\0\0\0\5I"):
            part = wire.socket.recv(1 << 20)
            assert part
            rest += part
        assert b"SELECT 60175\0" in rest
