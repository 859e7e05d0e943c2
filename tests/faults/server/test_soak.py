"""Many clients for a while, with engines and the twin killed under them and a bucket that fails now and then.

What arrives is right; what fails, fails with a SQLSTATE that says so; nothing is left over at the end.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.conftest import S3Server, Source, free_port, sync
from tests.support import servers
from tests.support.faulty_store import Faults
from tests.support.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIENTS = 64
SECONDS = 90
KILL_EVERY_S = 5
ALLOWED = {"57P01", "57P02", "57P03", "53300", "58030", "53200", "57014", "08006"}
STATEMENTS = (
    "SELECT count(*) FROM lineitem",
    "SELECT l_returnflag, sum(l_quantity), avg(l_discount) FROM lineitem GROUP BY 1 ORDER BY 1",
    "SELECT n_name, count(*) FROM nation JOIN customer ON c_nationkey = n_nationkey GROUP BY 1 ORDER BY 1",
    "SELECT o_orderkey, o_comment FROM orders ORDER BY o_orderkey",
    "SELECT relname FROM pg_class WHERE relname = 'lineitem'",
    "SELECT p_name FROM part WHERE p_partkey = 4711 OR p_partkey = 7",
    "SELECT count(*), to_char(max(o_orderdate), 'Day') FROM orders",
)


class Client(threading.Thread):
    """Asks and asks, and compares."""

    def __init__(self, url: str, expected: dict[str, list[tuple[object, ...]]], stopped: threading.Event) -> None:
        super().__init__(daemon=True)  # a failure of the test must not wait for it
        self.url, self.expected, self.stopped = url, expected, stopped
        self.right, self.failed = 0, Counter[str]()
        self.wrong: list[str] = []

    def run(self) -> None:
        generator = random.Random(id(self))
        while not self.stopped.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, connect_timeout=20) as connection:
                    self.talk(connection, generator)
            except psycopg.OperationalError as error:
                self.note(error)

    def talk(self, connection: psycopg.Connection, generator: random.Random) -> None:
        for _ in range(generator.randrange(1, 30)):
            if self.stopped.is_set():
                return
            text = generator.choice(STATEMENTS)
            try:
                rows = connection.execute(text.encode()).fetchall()
            except psycopg.Error as error:
                self.note(error)
                if connection.broken:
                    return
            else:
                self.right += 1
                if rows != self.expected[text]:
                    self.wrong.append(text)

    def note(self, error: psycopg.Error) -> None:
        self.failed[error.sqlstate or "connection"] += 1


@pytest.fixture
def stand(faulty: tuple[S3Server, Faults], source: Source, tmp_path: Path) -> Iterator[tuple[servers.Server, Faults]]:
    s3, faults = faulty
    environment = s3.environment(s3.new_bucket("soak")) | {"BEMIDB_DATA_DIR": str(tmp_path / "data")}
    sync(source, environment)
    settings = environment | {"BEMIDB_RESULT_CACHE_BYTES": "0"}
    with servers.running(settings, free_port(), tmp_path / "server.log") as server:
        yield server, faults


def children(server: servers.Server, name: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # engines come and go meanwhile
            if name in " ".join(child.cmdline()):
                found.append(child)
    return found


def kill_now_and_then(server: servers.Server, folder: Path) -> None:
    """Kill an engine every few seconds, and the twin twice."""
    began = time.monotonic()
    twins = [SECONDS / 3, SECONDS * 2 / 3]
    while time.monotonic() - began < SECONDS:
        time.sleep(KILL_EVERY_S)
        for engine in children(server, "-m pgserver.engine ")[:1]:
            engine.kill()
        if twins and time.monotonic() - began > twins[0]:
            twins.pop(0)
            os.kill(int((folder / "twin/cluster/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)


def footprint(server: servers.Server) -> tuple[int, int, int]:
    process = psutil.Process(server.process.pid)
    return process.memory_info().rss, process.num_fds(), len(process.children(recursive=True))


def answers(server: servers.Server) -> bool:
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            return connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)
    except psycopg.Error:
        return False


def test_soak(stand: tuple[servers.Server, Faults], source: Source, tmp_path: Path) -> None:
    server, faults = stand
    with psycopg.connect(source.url) as reader:
        expected = {text: reader.execute(text.encode()).fetchall() for text in STATEMENTS}
    wait_until(lambda: answers(server), what="answers")
    before = footprint(server)
    stopped = threading.Event()
    clients = [Client(server.url(), expected, stopped) for _ in range(CLIENTS)]
    faults.set("503", one_in=20)
    for client in clients:
        client.start()
    kill_now_and_then(server, tmp_path / "data")
    faults.set("")
    stopped.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive()
    failed = sum((client.failed for client in clients), Counter[str]())
    right = sum(client.right for client in clients)
    assert not [text for client in clients for text in client.wrong]
    assert set(failed) <= ALLOWED | {"connection"}, failed
    assert right > CLIENTS, failed
    wait_until(lambda: answers(server), what="answers")
    wait_until(lambda: footprint(server)[1] <= before[1] + 50, 40, what="files are closed")
    rss, _, processes = footprint(server)
    assert rss < before[0] + (400 << 20), (before, rss)
    assert processes <= before[2] + 10, (before, processes)
    spilled = [file for file in (tmp_path / "data/spill").rglob("*") if file.is_file()]
    assert not spilled
    assert "Traceback" not in server.log.read_text()
