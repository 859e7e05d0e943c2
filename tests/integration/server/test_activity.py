"""pg_stat_activity: what the clients run, in the lake or not."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.support.programs import Program

Connection = psycopg.Connection[Any]
SLOW = "SELECT count(*) FROM lineitem a, lineitem b, lineitem c WHERE a.l_comment < b.l_comment || c.l_comment"
LOOK = """SELECT state, query, wait_event, xact_start IS NOT NULL, now() - query_start < '1 min',
client_addr IS NOT NULL FROM pg_stat_activity WHERE pid = %s"""
PATIENCE_SECONDS = 30


@pytest.fixture
def other(server: Program) -> Iterator[Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def observer(server: Program) -> Iterator[Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def wait_for(found: Callable[[], object]) -> object:
    until = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()) and time.monotonic() < until:
        time.sleep(0.05)
    return value


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("statement", [SLOW, "SELECT pg_sleep(60)"], ids=["lake", "twin"])
def test_a_statement_is_active_and_can_be_canceled_by_its_text(
    statement: str, prepare: bool, other: Connection, observer: Connection
) -> None:
    def run() -> None:
        with pytest.raises(psycopg.errors.QueryCanceled):
            other.execute(statement.encode())

    runner = threading.Thread(target=run)
    runner.start()
    looking = "SELECT pid FROM pg_stat_activity WHERE query = %s AND state = 'active'"
    found = wait_for(lambda: observer.execute(looking, [statement], prepare=prepare).fetchall())
    assert found == [(other.info.backend_pid,)]
    waits_for = None if statement == SLOW else "PgSleep"
    expected = ("active", statement, waits_for, True, True, True)
    look = partial(observer.execute, LOOK, [other.info.backend_pid], prepare=prepare)
    seen = wait_for(lambda: look().fetchone() == expected)  # it is compiled before it runs
    shown = look().fetchone()
    observer.execute("SELECT pg_cancel_backend(%s)", [other.info.backend_pid])  # else nothing ends it
    runner.join(PATIENCE_SECONDS)
    assert seen, shown
    assert not runner.is_alive()


def test_an_idle_session_shows_its_last_statement(other: Connection, observer: Connection) -> None:
    pid = other.info.backend_pid
    other.execute("SELECT count(*) FROM region")
    assert wait_for(lambda: (observer.execute(LOOK, [pid]).fetchone() or ["active"])[0] == "idle")
    shown = observer.execute(LOOK, [pid]).fetchone()
    assert shown is not None
    assert (shown[0], shown[1], shown[3]) == ("idle", "SELECT count(*) FROM region", False)
    with other.transaction():
        other.execute("SELECT count(*) FROM nation")
        assert wait_for(lambda: (observer.execute(LOOK, [pid]).fetchone() or ["active"])[0] == "idle in transaction")


def test_what_it_was_told_is_gone_with_the_statement(observer: Connection) -> None:
    observer.execute("SELECT * FROM pg_stat_activity")
    assert observer.execute("SELECT current_setting('bemidb.activity', true)").fetchone() in (("",), (None,))
    with pytest.raises(psycopg.errors.UndefinedColumn), observer.transaction():
        observer.execute("SELECT nope FROM pg_stat_activity")
    assert observer.execute("SELECT count(*) FROM region").fetchone() == (5,)
