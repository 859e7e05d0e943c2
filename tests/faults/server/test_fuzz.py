"""Messages with random changes: the server answers, or ends that connection, and stays whole."""

import random
import select
import socket
from collections.abc import Callable

import psutil
import psycopg
import pytest

from tests.support.raw import Wire, frame, query
from tests.support.servers import Server

TEXTS = ("SELECT count(*) FROM nation", "SELECT $1::int", "SELECT n_name FROM nation LIMIT 3", "BEGIN", "ROLLBACK", "")
BATCH = 50  # messages on one connection
GROWN_BYTES = 300 << 20


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()


def conversation(generator: random.Random) -> list[bytes]:
    """Return messages that a client may well send."""
    text = generator.choice(TEXTS).encode()
    name = generator.choice([b"", b"s"])
    value = generator.choice([b"\0\0\0\1" + b"7", b"\xff\xff\xff\xff", b"\0\0\0\4" + b"\0\0\0\7"])
    bound = b"\0\1" + value if b"$1" in text else b"\0\0"
    return [
        query(text.decode()),
        frame("P", name + b"\0" + text + b"\0\0\0"),
        frame("B", b"\0" + name + b"\0" + b"\0\0" + bound + b"\0\0"),
        frame("D", generator.choice([b"S" + name, b"P"]) + b"\0"),
        frame("E", b"\0" + generator.choice([b"\0\0\0\0", b"\0\0\0\1"])),
        frame("C", generator.choice([b"S" + name, b"P"]) + b"\0"),
        frame("H"),
        frame("S"),
    ]


def mutated(message: bytes, generator: random.Random) -> bytes:
    """Change a message: bytes, its length, its end."""
    changed = bytearray(message)
    kind = generator.randrange(6)
    if kind == 0:
        changed[generator.randrange(len(changed))] = generator.randrange(256)
    elif kind == 1:
        changed[1:5] = generator.choice([0, 3, 4, 5, 2**31 - 1, 2**32 - 1, len(message)]).to_bytes(4)
    elif kind == 2:
        del changed[generator.randrange(len(changed)) :]
    elif kind == 3:
        changed += generator.randbytes(generator.randrange(20))
    elif kind == 4:
        at = generator.randrange(len(changed))
        changed[at:at] = generator.randbytes(generator.randrange(1, 9))
    return bytes(changed)


def talk(server: Server, generator: random.Random, messages: int) -> None:
    """Send messages on one connection, and read whatever comes, until the server or we have enough."""
    with Wire(server.port) as wire:
        wire.log_in()
        wire.socket.setblocking(False)
        for _ in range(messages // 8):
            data = b"".join(mutated(part, generator) for part in conversation(generator))
            while data:
                readable, writable, _ = select.select([wire.socket], [wire.socket], [], 5)
                try:
                    if readable and not wire.socket.recv(1 << 20):
                        return
                    if writable:
                        data = data[wire.socket.send(data) :]
                except BlockingIOError:
                    continue
                except (ConnectionResetError, BrokenPipeError):
                    return


def attack(server: Server, messages: int, seed: int) -> None:
    generator = random.Random(seed)
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    for _ in range(messages // BATCH):
        assert server.process.poll() is None, server.log.read_text()[-3000:]
        talk(server, generator, BATCH)
    assert process.memory_info().rss - before < GROWN_BYTES
    with psycopg.connect(server.url(), autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)
    assert "Traceback" not in server.log.read_text()


def test_mutated_messages(server: Server) -> None:
    attack(server, 2_000, seed=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_million_mutated_messages(server: Server) -> None:
    attack(server, 1_000_000, seed=6)


def test_random_bytes_instead_of_a_startup(server: Server) -> None:
    generator = random.Random(4)
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(generator.randbytes(generator.randrange(1, 64)))
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
