"""The first bytes of a connection: what PostgreSQL answers, we answer; what it drops, we drop."""

import select
import struct
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support.raw import GSSENC_REQUEST, SSL_REQUEST, Wire, fields, frame, query, sqlstates, startup
from tests.support.servers import Server, wait_until

LOGIN_S = 3


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server]) -> Iterator[Server]:
    return make_server(BEMIDB_AUTHENTICATION_TIMEOUT=str(LOGIN_S), BEMIDB_MAX_CONNECTIONS="6")


@pytest.mark.parametrize(
    "first",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 4),
        struct.pack(">I", 7),
        b"\xff\xff\xff\xff",
        struct.pack(">I", 2**31 - 1),
        struct.pack(">I", 10_005) + b"x" * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(range(200, 256)),
        struct.pack(">II", 8, 2 << 16),
        b"\x16\x03\x01\x02\x00\x01",  # TLS, where there is none
        struct.pack(">III", 12, 80877102, 1),  # a cancel request without a key
        struct.pack(">II", 508, 80877102) + bytes(500),
    ],
)
def test_what_is_no_startup_message_is_dropped_without_a_word(server: Server, first: bytes) -> None:
    with Wire(server.port) as wire:
        wire.send(first)
        assert wire.closed()


@pytest.mark.parametrize(
    ("first", "sqlstate", "text"),
    [
        (startup(4 << 16, user="a"), "0A000", "unsupported frontend protocol 4.0"),
        (startup(), "28000", "no PostgreSQL user name specified"),
        (startup(database="bemidb"), "28000", "no PostgreSQL user name specified"),
        (struct.pack(">II", 14, 196608) + b"user\0a", "08P01", "expected terminator as last byte"),
        (struct.pack(">II", 18, 196608) + b"user\0a\0\0xx", "08P01", "expected terminator as last byte"),
        (startup(user="a", replication="true"), "0A000", "replication"),
        (startup(user="bemidb_admin", database="bemidb"), "28000", "not permitted"),
        (SSL_REQUEST + startup(user="a"), "08P01", "received unencrypted data after SSL request"),
        (GSSENC_REQUEST + startup(user="a"), "08P01", "received unencrypted data after GSSAPI encryption request"),
    ],
)
def test_what_is_refused_before_the_login(server: Server, first: bytes, sqlstate: str, text: str) -> None:
    with Wire(server.port) as wire:
        wire.send(first)
        if first[:8] in (SSL_REQUEST, GSSENC_REQUEST):
            assert wire.read(1) == b"N"
        (tag, body), *rest = wire.to_end()
        assert (tag, rest) == ("E", [])
        error = fields(body)
        assert (error["S"], error["C"]) == ("FATAL", sqlstate)
        assert text in error["M"]


@pytest.mark.parametrize("database", ["nowhere", "postgres", "template0", "template1"])
def test_another_database_does_not_exist_for_who_has_logged_in(server: Server, database: str) -> None:
    with Wire(server.port) as wire:
        messages = wire.log_in(database=database)
    assert [tag for tag, _ in messages] == ["R", "E"]  # authenticated first, as in PostgreSQL
    error = fields(messages[-1][1])
    assert (error["S"], error["C"], error["M"]) == ("FATAL", "3D000", f'database "{database}" does not exist')


def test_the_database_is_the_users_name_where_none_is_given(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.send(startup(user="somebody"))
        assert fields(wire.to_end()[-1][1])["M"] == 'database "somebody" does not exist'


@pytest.mark.parametrize(
    ("version", "options", "negotiated"),
    [
        (3 << 16, {}, None),
        (3 << 16 | 2, {}, None),
        (3 << 16 | 9999, {}, (3 << 16 | 2, [])),
        (3 << 16, {"_pq_.foo": "1"}, (3 << 16, ["_pq_.foo"])),
    ],
)
def test_protocol_versions(
    server: Server, version: int, options: dict[str, str], negotiated: tuple[int, list[str]] | None
) -> None:
    with Wire(server.port) as wire:
        messages = wire.log_in(version, **options)
        assert messages[-1] == ("Z", b"I")
        answers = [body for tag, body in messages if tag == "v"]
        if negotiated is None:
            assert answers == []
        else:
            newest, count = struct.unpack(">II", answers[0][:8])
            names = [name.decode() for name in answers[0][8:].split(b"\0") if name]
            assert (newest, names, count) == (*negotiated, len(negotiated[1]))
        key = next(body for tag, body in messages if tag == "K")
        assert len(key) == (8 if version == 3 << 16 else 36)
        wire.send(query("SELECT count(*) FROM nation"))
        assert ("D", b"\0\1\0\0\0\x0225") in wire.until()


def test_startup_parameters_are_values_and_never_sql(server: Server) -> None:
    evil = "x'; DROP TABLE nation; --"
    with psycopg.connect(server.url(), application_name=evil, autocommit=True) as connection:
        assert connection.execute("SHOW application_name").fetchone() == (evil,)
        assert connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)
    with Wire(server.port) as wire:
        assert sqlstates(wire.log_in(options="-c nope=1")) == ["42704"]


@pytest.mark.parametrize("sent", [b"", b"\0", SSL_REQUEST, GSSENC_REQUEST + b""])
def test_who_does_not_log_in_is_dropped_at_the_deadline(server: Server, sent: bytes) -> None:
    with Wire(server.port) as wire:
        began = time.monotonic()
        wire.send(sent)
        assert wire.read(2) == (b"N" if len(sent) > 1 else b"")
        assert time.monotonic() - began > LOGIN_S - 0.5


def test_the_deadline_is_for_all_bytes_together(server: Server) -> None:
    message = startup(user="slow", database="bemidb")
    with Wire(server.port) as wire:
        for byte in message:
            wire.send(bytes([byte]))
            if select.select([wire.socket], [], [], 0.5)[0]:
                break
        assert wire.closed()


def test_idle_sockets_keep_nobody_out(server: Server) -> None:
    idle = [Wire(server.port) for _ in range(1200)]
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)
        assert idle[0].closed()  # it made room
    finally:
        for wire in idle:
            wire.socket.close()


def test_one_session_too_many_is_told_before_the_login(server: Server) -> None:
    sessions = [psycopg.connect(server.url()) for _ in range(6)]
    try:
        with Wire(server.port) as wire:
            messages = wire.log_in()
            assert [tag for tag, _ in messages] == ["E"]
            assert fields(messages[0][1])["C"] == "53300"
    finally:
        for session in sessions:
            session.close()

    def room() -> bool:
        with Wire(server.port) as wire:
            return wire.log_in()[-1][0] == "Z"

    wait_until(room, what="a place")


@pytest.mark.parametrize(
    ("sent", "sqlstate"),
    [
        (frame("!"), "08P01"),
        (b"S\0\0\0\3", None),
        (b"Q\x7f\xff\xff\xff", None),
        (frame("S", bytes(20_000)), None),
        (frame("p", b"x\0"), "08P01"),
    ],
)
def test_a_stream_that_cannot_be_followed_ends(server: Server, sent: bytes, sqlstate: str | None) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        wire.send(sent)
        messages = wire.to_end()
        assert sqlstates(messages) == ([sqlstate] if sqlstate else [])


@pytest.mark.parametrize("text", ["ALTER ROLE analyst PASSWORD 'x'", "/* */ alter user current_user SET work_mem = 1"])
def test_roles_are_the_operators(server: Server, text: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text)  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(text, binary=True)  # type: ignore[arg-type]
        assert connection.execute("SELECT 1").fetchone() == (1,)
