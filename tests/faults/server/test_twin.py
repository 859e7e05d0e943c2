"""The private PostgreSQL dies: its sessions end and are told, new ones work soon, the engine goes on."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.integration.server.test_cancel import QUICK, SLOW, engine_works, wait_until_it_rests, wait_until_it_works
from tests.support.raw import Wire, backend_key, fields, query
from tests.support.servers import Server, wait_until


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    server = make_server()
    assert answers(server)  # waits for the engine
    return server


def postmaster(lake: dict[str, str]) -> int:
    return int(Path(lake["BEMIDB_DATA_DIR"], "twin/cluster/data/postmaster.pid").read_text().split()[0])


def answers(server: Server) -> bool:
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            return connection.execute(QUICK.encode()).fetchone() == (25,)
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize("victim", ["postmaster", "backend"])
def test_a_dead_twin_is_back_soon(server: Server, own_lake: dict[str, str], victim: str) -> None:
    with Wire(server.port) as idle, Wire(server.port) as lake, Wire(server.port) as twin:
        process_id, _ = backend_key(idle.log_in())
        lake.log_in()
        twin.log_in()
        lake.send(query(SLOW))
        wait_until_it_works(server)
        twin.send(query("SELECT pg_sleep(60)"))
        os.kill(postmaster(own_lake) if victim == "postmaster" else process_id, signal.SIGKILL)
        for wire in (idle, lake, twin):
            error = fields(wire.to_end()[-1][1])
            assert error["S"] == "FATAL"
            assert error["C"] in ("57P02", "57P01", "57P03")
        wait_until(lambda: answers(server), what="new sessions")
    wait_until_it_rests(server)


def test_a_twin_that_dies_again_and_again_comes_back(server: Server, own_lake: dict[str, str]) -> None:
    for _ in range(3):
        os.kill(postmaster(own_lake), signal.SIGKILL)
        wait_until(lambda: answers(server), what="new sessions")
    assert not engine_works(server)
