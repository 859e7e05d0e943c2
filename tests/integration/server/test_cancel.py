"""A running lake statement stops when somebody who may says so, and no other one does."""

import threading
import time
from collections.abc import Callable

import psutil
import psycopg
import pytest

from tests.support.raw import Wire, backend_key, cancel_request, fields, frame, query, sqlstates
from tests.support.servers import Server, wait_until

# Minutes of work for the engine.
SLOW = "SELECT count(*) FROM lineitem a, lineitem b WHERE a.l_comment < b.l_comment AND a.l_shipmode <> b.l_shipmode"
QUICK = "SELECT count(*) FROM nation"


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()


def engine_works(server: Server) -> bool:
    """Whether an engine process uses the CPU."""
    children = psutil.Process(server.process.pid).children()
    engines = [child for child in children if "-m pgserver.engine " in " ".join(child.cmdline())]

    def used() -> float:
        return sum(sum(engine.cpu_times()[:2]) for engine in engines)

    before = used()
    time.sleep(0.25)
    return used() - before > 0.03  # a little on a busy machine, nothing at rest


def wait_until_it_works(server: Server) -> None:
    wait_until(lambda: engine_works(server), what="the engine works")


def wait_until_it_rests(server: Server) -> None:
    wait_until(lambda: not engine_works(server), what="the engine has stopped")


def extended(text: str) -> bytes:
    return (
        frame("P", b"\0" + text.encode() + b"\0\0\0")
        + frame("B", b"\0\0\0\0\0\0\0\0")
        + frame("E", b"\0\0\0\0\0")
        + frame("S")
    )


@pytest.mark.parametrize("version", [3 << 16, 3 << 16 | 2])
@pytest.mark.parametrize("how", ["first", "alone", "transaction", "extended"])
def test_the_right_key_stops_the_statement(server: Server, version: int, how: str) -> None:
    with Wire(server.port) as wire:
        process_id, key = backend_key(wire.log_in(version))
        if how in ("alone", "transaction"):
            wire.send(query(QUICK))
            wire.until()
        if how == "transaction":
            wire.send(query("BEGIN"))
            wire.until()
        wire.send(extended(SLOW) if how == "extended" else query(SLOW))
        wait_until_it_works(server)
        with Wire(server.port) as other:
            other.send(cancel_request(process_id, key))
            assert other.closed()
        messages = wire.until()
        assert sqlstates(messages) == ["57014"]
        assert fields(next(body for tag, body in messages if tag == "E"))["M"] == (
            "canceling statement due to user request"
        )
        assert messages[-1] == ("Z", b"E" if how == "transaction" else b"I")
        if how == "transaction":
            wire.send(query("ROLLBACK"))
            wire.until()
        wire.send(query(QUICK))
        assert sqlstates(wire.until()) == []
    wait_until_it_rests(server)


def test_a_wrong_key_stops_nothing(server: Server) -> None:
    with Wire(server.port) as wire:
        process_id, key = backend_key(wire.log_in(3 << 16 | 2))
        wire.send(query("SELECT pg_sleep(1), 1"))
        wrong = bytes(byte ^ 1 for byte in key)
        for pid, guess in ((process_id, wrong), (process_id, key[:4]), (process_id + 1, key), (-1, key)):
            with Wire(server.port) as other:
                other.send(cancel_request(pid, guess))
                assert other.closed()
        assert sqlstates(wire.until()) == []


@pytest.mark.parametrize("text", [QUICK, "SELECT 1"])
def test_a_cancel_while_idle_does_not_hit_the_next_statement(server: Server, text: str) -> None:
    with Wire(server.port) as wire:
        process_id, key = backend_key(wire.log_in())
        for _ in range(20):
            with Wire(server.port) as other:
                other.send(cancel_request(process_id, key))
                assert other.closed()
            wire.send(query(text))
            assert sqlstates(wire.until()) == []


@pytest.mark.parametrize("text", ["SELECT pg_sleep(60)", f"SELECT pg_sleep(60); {QUICK}"])
def test_a_cancel_stops_what_the_twin_runs(server: Server, text: str) -> None:
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    with (
        psycopg.connect(server.url(), autocommit=True) as connection,
        psycopg.connect(server.url(), autocommit=True) as other,
    ):

        def cancel() -> None:
            pid = connection.info.backend_pid
            wait_until(lambda: other.execute(sleeping.encode(), [pid]).fetchone() == (1,), what="it sleeps")
            connection.cancel_safe()

        canceler = threading.Thread(target=cancel)
        canceler.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(text.encode())
        canceler.join()


@pytest.mark.parametrize("first", [QUICK, "SELECT 1"])
def test_another_session_may_cancel_by_sql(server: Server, first: str) -> None:
    with Wire(server.port) as wire, psycopg.connect(server.url(), autocommit=True) as other:
        process_id, _ = backend_key(wire.log_in())
        wire.send(query(first))
        wire.until()
        wire.send(query(SLOW))
        wait_until_it_works(server)
        other.execute("SET client_min_messages = error")
        assert other.execute("SELECT pg_cancel_backend(%s)", [process_id]).fetchone() == (True,)
        assert sqlstates(wire.until()) == ["57014"]
        for _ in range(10):  # idle: nothing to cancel, and nothing that comes is
            assert other.execute("SELECT pg_cancel_backend(%s)", [process_id]).fetchone() == (True,)
            wire.send(query(QUICK))
            assert sqlstates(wire.until()) == []


def test_who_may_not_cancel_does_not(server: Server) -> None:
    with Wire(server.port) as wire, psycopg.connect(server.url("stranger"), autocommit=True) as other:
        process_id, _ = backend_key(wire.log_in())
        wire.send(query(SLOW))
        wait_until_it_works(server)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT pg_cancel_backend(%s)", [process_id])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT pg_terminate_backend(%s)", [process_id])
        wait_until_it_works(server)
    wait_until_it_rests(server)


@pytest.mark.parametrize("text", [SLOW, "SELECT pg_sleep(30)", None])
def test_another_session_may_terminate_by_sql(server: Server, text: str | None) -> None:
    with Wire(server.port) as wire, psycopg.connect(server.url(), autocommit=True) as other:
        process_id, _ = backend_key(wire.log_in())
        if text is not None:
            wire.send(query(text))
        if text == SLOW:
            wait_until_it_works(server)
        assert other.execute("SELECT pg_terminate_backend(%s)", [process_id]).fetchone() == (True,)
        messages = wire.to_end()
        assert sqlstates(messages) == ["57P01"]
        assert fields(messages[-1][1])["S"] == "FATAL"
    wait_until_it_rests(server)


@pytest.mark.parametrize("first", [QUICK, "SELECT 1"])
def test_a_client_that_goes_away_stops_its_statement(server: Server, first: str) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        wire.send(query(first))
        wire.until()
        wire.send(query(SLOW))
        wait_until_it_works(server)
    wait_until_it_rests(server)


def test_a_client_that_goes_away_stops_what_the_twin_runs(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as other:
        with Wire(server.port) as wire:
            process_id, _ = backend_key(wire.log_in())
            wire.send(query("SELECT pg_sleep(60)"))
            active = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
            wait_until(lambda: other.execute(active + " AND state = 'active'", [process_id]).fetchone() == (1,))
        wait_until(lambda: other.execute(active, [process_id]).fetchone() == (0,), what="the backend has ended")


def test_many_cancel_requests_are_not_all_looked_at(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for _ in range(300):
            with Wire(server.port, address="127.0.0.20") as wire:
                wire.send(cancel_request(1, b"none"))
        assert connection.execute(QUICK.encode()).fetchone() == (25,)
