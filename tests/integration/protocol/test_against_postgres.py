"""The same bytes to Postgres and to our decoder: both must say the same, and both close or go on."""

import socket
import struct

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgserver.protocol import backend, codec, startup
from pgserver.protocol.buffer import strict_text
from pgserver.protocol.errors import CharacterNotInRepertoire, PostgresError
from pgserver.protocol.frontend import Parse, Query, Sync

OPEN = startup.StartupMessage({"user": "postgres", "database": "postgres"}).encode()


def message(tag: bytes, body: bytes) -> bytes:
    return tag + struct.pack(">i", len(body) + 4) + body


def packet(code: int, body: bytes) -> bytes:
    return struct.pack(">iI", len(body) + 8, code) + body


def wrong_binds() -> dict[str, bytes]:
    prepare = Parse("", b"select $1::int, $2::int").encode()
    return {
        "3 formats for 2 values": prepare + message(b"B", b"\0\0" + struct.pack(">HhhhHiiH", 3, 0, 0, 0, 2, -1, -1, 0)),
        "value too long": prepare + message(b"B", b"\0\0\0\0\0\2\0\0\0\x09a\0\0"),
        "value of length -2": prepare + message(b"B", b"\0\0\0\0\0\2\xff\xff\xff\xfe\0\0"),
        "bind cut short": prepare + message(b"B", b"\0\0\0\0\0"),
        "bind with bytes left": prepare + message(b"B", b"\0\0\0\0\0\2" + b"\xff" * 8 + b"\0\0z"),
    }


SESSION = {
    "sync with a body": message(b"S", b"aaaa"),
    "flush with a body": message(b"H", b"x"),
    "query without NUL": message(b"Q", b"select 1"),
    "query with bytes after NUL": message(b"Q", b"select 1\0x"),
    "unknown type": b"!\0\0\0\4",
    "unknown type, one byte": b"!",
    "password after the login": message(b"p", b"x\0"),
    "length 3": b"Q\0\0\0\3",
    "length 2^31 - 1": b"Q\x7f\xff\xff\xff",
    "length -1": b"Q\xff\xff\xff\xff",
    "sync over 10,000 bytes": b"S" + struct.pack(">i", 10_001),
    "execute over 10,000 bytes": b"E" + struct.pack(">i", 10_001),
    "copy fail over 10,000 bytes": b"f" + struct.pack(">i", 10_001),
    "terminate over 10,000 bytes": b"X" + struct.pack(">i", 10_001),
    "describe of kind X": message(b"D", b"Xa\0"),
    "describe of kind X, too long": message(b"D", b"Xa\0b"),
    "describe of nothing": message(b"D", b""),
    "describe without name": message(b"D", b"S"),
    "close of kind X": message(b"C", b"Xa\0"),
    "parse cut in its count": message(b"P", b"\0select 1\0\0"),
    "parse with fewer types than it says": message(b"P", b"\0select 1\0\0\2\0\0\0\1"),
    "parse with 65535 types": message(b"P", b"\0select 1\0\xff\xff"),
    "parse without NUL": message(b"P", b"\0select 1"),
    "parse with bytes left": message(b"P", b"\0select 1\0\0\0z"),
    "execute cut short": message(b"E", b"\0\0\0"),
    "call cut short": message(b"F", b"\0\0"),
    "copy data and done out of place": message(b"d", b"xx") + message(b"c", b"xx"),
    **wrong_binds(),
}
STARTUP = {
    "length 0": b"\0\0\0\0",
    "length 4": b"\0\0\0\4",
    "length 7": b"\0\0\0\7",
    "length 2^31 - 1": b"\x7f\xff\xff\xff",
    "over 10,000 bytes": struct.pack(">i", 10_005),
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "no terminator": packet(3 << 16, b"user\0postgres\0"),
    "bytes after the terminator": packet(3 << 16, b"user\0postgres\0\0x"),
    "nothing": packet(3 << 16, b""),
    "name without value": packet(3 << 16, b"user\0"),
    "protocol 4.0": packet(4 << 16, b"user\0postgres\0\0"),
    "cancel without key": packet(startup.CANCEL_REQUEST_CODE, b"\0\0\0\1"),
    "cancel with 500 bytes": packet(startup.CANCEL_REQUEST_CODE, b"\0\0\0\1" + b"a" * 488),
}


class Client:
    """A socket to the Postgres of the test session."""

    def __init__(self, url: str) -> None:
        parameters = conninfo_to_dict(url)
        self.socket = socket.create_connection((parameters["host"], int(parameters["port"])), timeout=10)
        self.decoder = codec.BackendDecoder()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def login(self) -> None:
        self.socket.sendall(OPEN)
        self.answers()

    def answers(self) -> list[backend.Message]:
        """All up to a ReadyForQuery, or to the end of the connection."""
        found: list[backend.Message] = []
        while not (found and isinstance(found[-1], backend.ReadyForQuery)):
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                break
            if not data:
                break
            self.decoder.feed(data)
            found += self.decoder
        return found


def first_error(answers: list[backend.Message]) -> tuple[str, str, str] | None:
    for answer in answers:
        if isinstance(answer, backend.ErrorResponse):
            return answer.severity, answer.sqlstate, answer.message
    return None


def ours(decoder, data: bytes) -> tuple[tuple[str, str, str] | None, bool]:
    """What we would send, and whether the connection lives."""
    decoder.feed(data)
    try:
        list(decoder)
    except PostgresError as error:
        said = None if getattr(error, "silent", False) else (error.severity, error.sqlstate, error.message)
        return said, not error.fatal
    return None, True


@pytest.mark.parametrize("data", SESSION.values(), ids=SESSION)
def test_session(postgres, data):
    said, lives = ours(codec.FrontendDecoder(), data)
    with Client(postgres.url()) as client:
        client.login()
        client.socket.sendall(data + (Sync().encode() if lives else b""))
        answers = client.answers()
        assert first_error(answers) == said
        assert bool(answers and isinstance(answers[-1], backend.ReadyForQuery)) == lives


@pytest.mark.parametrize("data", STARTUP.values(), ids=STARTUP)
def test_startup(postgres, data):
    said, lives = ours(codec.StartupDecoder(), data)
    assert not lives
    with Client(postgres.url()) as client:
        client.socket.sendall(data)
        assert first_error(client.answers()) == said


@pytest.mark.parametrize(
    "raw", [b"a\xff", b"\xc3", b"\xc3\x28 b", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xf0\x28\x8c\xbc"]
)
def test_invalid_utf8_is_named_as_postgres_names_it(postgres, raw):
    query = b"select '" + raw + b"'"
    with pytest.raises(CharacterNotInRepertoire) as caught:
        strict_text(query)
    with Client(postgres.url()) as client:
        client.login()
        client.socket.sendall(Query(query).encode())
        assert first_error(client.answers()) == ("ERROR", "22021", str(caught.value))


def test_everything_that_postgres_says_encodes_to_the_same_bytes(postgres):
    statements = (
        b"select 1, null, 'x'; notify a; listen a; notify a, 'b'; do $$begin raise notice 'n'; end$$;"
        b"; copy (select 1) to stdout; set timezone to 'Europe/Berlin'; select 1/0"
    )
    with Client(postgres.url()) as client:
        client.socket.sendall(OPEN + Query(statements).encode() + Query(b"").encode())
        data = b""
        while data.count(b"Z\0\0\0\5") < 3:
            data += client.socket.recv(65536)
    frames = codec.Frames(codec.backend_grammar())
    frames.feed(data)
    seen = set()
    for tag, frame in frames:
        assert codec.decode_backend(frame).encode() == frame
        seen.add(tag)
    assert seen >= set(b"RKSZTDCHdcEI")
