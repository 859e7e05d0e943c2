"""Passwords: the twin asks for them, and guessing has a limit."""

import hashlib
import hmac
import os
import statistics
import struct
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.integration.server.conftest import ANALYST, OWNER
from tests.support.raw import Message, Wire, fields, frame, query, sqlstates, startup
from tests.support.servers import Server, start_fails


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], users_file: Path) -> Server:
    """Failures are remembered: tests that fail to log in have an address of their own."""
    return make_server(
        BEMIDB_USER="owner",
        BEMIDB_PASSWORD=OWNER,
        BEMIDB_USERS_FILE=str(users_file),
        BEMIDB_MAX_CONNECTIONS="3",
        BEMIDB_RESERVED_CONNECTIONS="1",
    )


def sasl(mechanism: str, first: bytes) -> bytes:
    return frame("p", mechanism.encode() + b"\0" + struct.pack(">i", len(first)) + first)


def challenge(wire: Wire, user: str) -> bytes:
    """Start a login; return the server's first SCRAM message."""
    wire.send(startup(user=user, database="bemidb"))
    tag, body = wire.message() or ("", b"")
    assert (tag, body[:4]) == ("R", struct.pack(">I", 10))
    assert body[4:].split(b"\0")[:-2] == [b"SCRAM-SHA-256"]
    wire.send(sasl("SCRAM-SHA-256", b"n,,n=,r=abcdefghijkl"))
    tag, body = wire.message() or ("", b"")
    assert (tag, body[:4]) == ("R", struct.pack(">I", 11))
    return body[4:]


def answer(first: bytes, password: str) -> bytes:
    """Return the client's last message of SCRAM. Source: RFC 5802, section 3."""
    values = dict(part.split(b"=", 1) for part in first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(values[b"s"]), int(values[b"i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    bare = b"c=biws,r=" + values[b"r"]
    signed = hmac.digest(hashlib.sha256(key).digest(), b"n=,r=abcdefghijkl," + first + b"," + bare, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
    return frame("p", bare + b",p=" + b64encode(proof))


def salt_of(first: bytes) -> bytes:
    return first.split(b"s=")[1].split(b",")[0]


def test_a_wrong_password_and_an_unknown_user_look_alike(server: Server) -> None:
    seen: dict[str, list[tuple[object, float]]] = {"owner": [], "nobody": []}
    salts: dict[str, set[bytes]] = {"owner": set(), "nobody": set()}
    for _ in range(4):
        for user, answers in seen.items():
            with Wire(server.port, address="127.0.0.11") as wire:
                first = challenge(wire, user)
                salts[user].add(salt_of(first))
                began = time.monotonic()
                wire.send(answer(first, "guess"))
                messages = wire.to_end()
                error = fields(messages[0][1])
                answers.append(((len(messages), error["S"], error["C"], error["M"].replace(user, "?")), 0.0))
                answers[-1] = (answers[-1][0], time.monotonic() - began)
    assert {what for what, _ in seen["owner"]} == {what for what, _ in seen["nobody"]}
    assert {what[2] for what, _ in seen["owner"]} == {"28P01"}  # type: ignore[index]
    assert {len(found) for found in salts.values()} == {1}  # stable for each name
    medians = [statistics.median(seconds for _, seconds in answers) for answers in seen.values()]
    assert abs(medians[0] - medians[1]) < 0.05


def log_in(wire: Wire, user: str, password: str) -> list[Message]:
    """Log in and return what the server says at last."""
    wire.send(startup(user=user, database="bemidb"))
    tag, body = wire.message() or ("", b"")
    if tag == "E":
        return [(tag, body)]
    wire.send(sasl("SCRAM-SHA-256", b"n,,n=,r=abcdefghijkl"))
    _, body = wire.message() or ("", b"")
    wire.send(answer(body[4:], password))
    return wire.until()


def test_twelve_failures_shut_the_door_for_that_address(server: Server) -> None:
    def attempt(address: str, password: str) -> str:
        with Wire(server.port, address=address) as wire:
            tag, body = log_in(wire, "owner", password)[-1]
        return tag if tag == "Z" else fields(body)["M"]

    with Wire(server.port, address="127.0.0.12") as before:
        assert log_in(before, "owner", OWNER)[-1] == ("Z", b"I")
        for _ in range(12):
            assert "password authentication failed" in attempt("127.0.0.12", "guess")
        assert "too many failed logins" in attempt("127.0.0.12", "guess")
        assert "too many failed logins" in attempt("127.0.0.12", OWNER)
        assert attempt("127.0.0.13", OWNER) == "Z"  # another client
        before.send(query("SELECT count(*) FROM nation"))  # a session that is open stays
        assert before.until()[-1] == ("Z", b"I")


@pytest.mark.parametrize(
    ("sent", "sqlstate"),
    [
        (sasl("SCRAM-SHA-1", b"n,,n=,r=x"), "08P01"),
        (sasl("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=x"), "08P01"),
        (sasl("SCRAM-SHA-256", b""), "08P01"),
        (sasl("SCRAM-SHA-256", b"n,,n=\xff,r=\0x"), "08P01"),
        (frame("p", b"SCRAM-SHA-256\0" + struct.pack(">i", 1 << 30) + b"n,,n=,r=x"), "08P01"),
        (sasl("SCRAM-SHA-256", b"n,a=other,n=,r=x"), "0A000"),
        (sasl("SCRAM-SHA-256", b"n,,m=ext,n=,r=x"), "0A000"),
        (query("SELECT 1"), "08P01"),
    ],
)
def test_what_is_wrong_with_a_scram_message_is_the_twins_to_say(server: Server, sent: bytes, sqlstate: str) -> None:
    with Wire(server.port) as wire:
        wire.send(startup(user="owner", database="bemidb"))
        wire.message()
        wire.send(sent)
        assert sqlstates(wire.to_end()) == [sqlstate]


def test_a_password_message_of_70_kb_is_not_taken(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.send(startup(user="owner", database="bemidb"))
        wire.message()
        wire.send(frame("p", os.urandom(70_000)))
        assert wire.to_end() == []


def test_some_places_are_kept_for_the_owner(server: Server) -> None:
    sessions = [psycopg.connect(server.url("analyst", ANALYST.replace(" ", "%20"))) for _ in range(2)]
    try:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(server.url("analyst", ANALYST.replace(" ", "%20")))
        psycopg.connect(server.url("owner", OWNER)).close()
    finally:
        for session in sessions:
            session.close()


def test_logins_that_stall_take_no_place(server: Server) -> None:
    stalled = []
    try:
        for _ in range(80):
            wire = Wire(server.port)
            stalled.append(wire)
            wire.send(startup(user="owner", database="bemidb"))
            wire.message()
        with psycopg.connect(server.url("owner", OWNER), autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)
    finally:
        for wire in stalled:
            wire.socket.close()


def test_only_allowed_networks_get_to_the_password(make_server: Callable[..., Server]) -> None:
    server = make_server(BEMIDB_ALLOWED_NETWORKS="10.0.0.0/8, 127.0.0.2")
    with Wire(server.port) as wire:
        assert sqlstates(wire.log_in()) == ["28000"]
    with Wire(server.port, address="127.0.0.2") as wire:
        assert wire.log_in()[-1] == ("Z", b"I")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("alice secret", "line 1 is not a user"),
        ('\n"alice" "md5' + "0" * 32 + '"', "line 2 has an MD5 hash"),
        ('"pg_alice" "x"', "line 1 has a name that no user can have"),
        ('"a" "x"\n"a" "y"', "line 2 gives 'a' a second time"),
        ('"a" ""', "line 1 has no password"),
        ('"a" "SCRAM-SHA-256$4096:x"', "line 1 has a SCRAM verifier that is not whole"),
    ],
)
def test_a_file_of_users_that_cannot_be_read_ends_the_start(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "users.txt"
    file.write_text(content)
    said = start_fails({"BEMIDB_DATA_DIR": str(tmp_path / "data"), "BEMIDB_USERS_FILE": str(file)})
    assert said.startswith(f"pgserver: BEMIDB_USERS_FILE: {problem}")
    assert "secret" not in said.replace("password or SCRAM", "")
