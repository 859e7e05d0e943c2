"""The end of a server: what runs may finish, nobody waits longer than said, and everybody is told."""

import signal
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from tests.integration.server.test_cancel import QUICK, SLOW, wait_until_it_works
from tests.support.raw import Wire, fields, frame, query, sqlstates
from tests.support.servers import Server

DRAIN_S = 4


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(BEMIDB_DRAIN_SECONDS=str(DRAIN_S))


def told(wire: Wire) -> tuple[str, str]:
    """Read to the end; return severity and SQLSTATE of what was said at last."""
    error = fields(wire.to_end()[-1][1])
    return error["S"], error["C"]


def test_a_drain_loses_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server(BEMIDB_DRAIN_SECONDS="60")
    with (
        Wire(server.port) as idle,
        Wire(server.port) as running,
        Wire(server.port) as twin,
        Wire(server.port) as transaction,
        Wire(server.port) as pipeline,
    ):
        for wire in (idle, running, twin, transaction, pipeline):
            wire.log_in()
            wire.send(query(QUICK))
            wire.until()
        running.send(query("SELECT count(*) FROM lineitem a, customer b WHERE a.l_comment < b.c_comment"))
        twin.send(query("SELECT pg_sleep(1.5)"))
        transaction.send(query("BEGIN"))
        transaction.until()
        pipeline.send(frame("P", b"\0" + QUICK.encode() + b"\0\0\0") + frame("H"))
        pipeline.until("1")
        server.signal()
        server.wait_for_log("draining")
        assert told(idle) == ("FATAL", "57P01")  # at once
        with Wire(server.port) as late:
            assert sqlstates(late.log_in()) == ["57P03"]
        assert server.process.poll() is None
        pipeline.send(frame("B", b"\0\0\0\0\0\0\0\0") + frame("E", b"\0\0\0\0\0") + frame("S"))
        assert [tag for tag, _ in pipeline.until()] == ["2", "D", "C", "Z"]
        assert told(pipeline) == ("FATAL", "57P01")
        transaction.send(query(QUICK))
        assert sqlstates(transaction.until()) == []
        transaction.send(query("COMMIT"))
        assert transaction.until()[-1] == ("Z", b"I")
        assert told(transaction) == ("FATAL", "57P01")
        for wire in (running, twin):
            messages = wire.until()
            assert [tag for tag, _ in messages][-2:] == ["C", "Z"]
            assert told(wire) == ("FATAL", "57P01")
    assert server.exit_code(40) == 0


def test_a_drain_ends_at_its_limit(server: Server) -> None:
    with Wire(server.port) as running, Wire(server.port) as transaction:
        for wire in (running, transaction):
            wire.log_in()
        running.send(query(SLOW))
        wait_until_it_works(server)
        transaction.send(query("BEGIN"))
        transaction.until()
        began = time.monotonic()
        server.signal()
        assert told(running) == ("FATAL", "57P01")
        assert told(transaction) == ("FATAL", "57P01")
        assert time.monotonic() - began > DRAIN_S - 0.5
    assert server.exit_code() == 0


@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,)])
def test_who_asks_twice_or_by_ctrl_c_is_not_kept_waiting(
    make_server: Callable[..., Server], signals: tuple[int, ...]
) -> None:
    server = make_server(BEMIDB_DRAIN_SECONDS="600")
    with Wire(server.port) as running, Wire(server.port) as twin, Wire(server.port) as idle:
        for wire in (running, twin, idle):
            wire.log_in()
        running.send(query(SLOW))
        twin.send(query("SELECT pg_sleep(60)"))
        wait_until_it_works(server)
        for number in signals:
            server.signal(number)
            server.wait_for_log("draining")
        assert [told(wire) for wire in (running, twin, idle)] == [("FATAL", "57P01")] * 3
    assert server.exit_code() == 0


def test_a_cancel_is_heard_while_draining(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        errors: list[BaseException] = []

        def run() -> None:
            try:
                connection.execute(SLOW.encode())
            except psycopg.Error as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        wait_until_it_works(server)
        server.signal()
        server.wait_for_log("draining")
        connection.cancel_safe()
        thread.join(DRAIN_S - 1)
        assert isinstance(errors[0], psycopg.errors.QueryCanceled)
    assert server.exit_code() == 0
