"""COPY TO STDOUT, read from the socket as it comes: a block of many rows at a time.

libpq hands COPY out row by row, and that costs a Python program as much as to parse the row. The server sends a message
for each row (PostgreSQL: Frontend/Backend Protocol, COPY Operations): `d`, four bytes of length, the row, which ends
with a newline. So where messages begin is found for a whole block at once: behind a newline, where a `d` and a length
that fits into the block stand. Within a row's text that cannot be: its bytes are not 0, so that it would be a length of
16 MiB and more. The heads of messages stay in the block, as a column of CSV in front of the others that nobody reads.
"""

import os
import select
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import psycopg
from psycopg import errors, pq

BLOCK_BYTES = 4 << 20
HUGE_BYTES = 16 << 20  # from here on a row is a block of its own
assert BLOCK_BYTES < 0x01010101
HEAD_BYTES = 5
UNREAD_COLUMN = b"0000,"  # what a head becomes
NEWLINE, DATA, ERROR, READY = ord("\n"), ord("d"), ord("E"), ord("Z")
MAX_QUIET_BYTES = 1 << 20  # of a message that is not a row


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows of CSV, perhaps with a column in front that nobody is to read; or, where it is huge, one row alone."""

    data: bytearray | memoryview
    is_one_row: bool = False
    has_heads: bool = False


def can_be_read(pgconn: pq.abc.PGconn) -> bool:
    """Tell whether what is on the socket is the protocol itself, not encrypted."""
    return not pgconn.ssl_in_use and not pgconn.used_gssapi


@dataclass(slots=True)
class CopyMessages:
    """One COPY over a connection that libpq does nothing with meanwhile. Close it."""

    pgconn: pq.abc.PGconn
    is_ready: bool = False  # the server waits for the next statement
    error: psycopg.Error | None = None
    _socket: socket.socket = field(init=False)
    _readable: select.poll = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is sent yet."""
        self._socket = socket.socket(fileno=os.dup(self.pgconn.socket))
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)

    def close(self) -> None:
        """Let go of the socket; the connection stays."""
        self._socket.close()

    def send(self, statement: bytes) -> None:
        """Send a Query. Raises: psycopg.OperationalError when the connection is lost."""
        message = struct.pack("!cI", b"Q", len(statement) + HEAD_BYTES) + statement + b"\0"
        try:
            while message:
                try:
                    message = message[self._socket.send(message) :]
                except BlockingIOError:
                    select.select([], [self._socket], [])
        except OSError as error:
            raise self._lost() from error

    def blocks(self) -> Iterator[Block]:
        """Yield rows until the server is ready again; its error, if it sent one, is in `error`.

        Raises: psycopg.OperationalError when the connection is lost.
        """
        buffer, filled = bytearray(BLOCK_BYTES), 0
        while not self.is_ready:
            filled = self._fill(buffer, filled)
            end = blank_heads(buffer, filled) if len(buffer) == BLOCK_BYTES else 0
            if end:
                yield Block(memoryview(buffer)[:end], has_heads=True)
            elif buffer[0] == DATA and filled == len(buffer) and _size(buffer, 0) == filled:
                alone = [_alone(buffer)]
                buffer, filled = bytearray(BLOCK_BYTES), 0
                yield alone.pop()  # it may be huge: not kept here
                continue
            end = self._take_others(buffer, end, filled)
            buffer, filled = _rest(buffer, end, filled)

    def _fill(self, buffer: bytearray, filled: int) -> int:
        """Read until the buffer is full, or the server has said all. Returns: how many bytes are in it."""
        view = memoryview(buffer)
        while filled < len(buffer) and not ends(buffer, filled):
            try:
                count = self._socket.recv_into(view[filled:])
            except BlockingIOError:
                self._readable.poll()
                continue
            except OSError as error:
                raise self._lost() from error
            if count == 0:
                self._take_others(buffer, blank_heads(buffer, filled), filled)
                raise self._lost()
            filled += count
        return filled

    def _take_others(self, buffer: bytearray, start: int, filled: int) -> int:
        """Take the whole messages that are not rows, up to the next row. Returns: where that is."""
        while filled - start >= HEAD_BYTES and buffer[start] != DATA:
            size = _size(buffer, start)
            if size > MAX_QUIET_BYTES:
                raise self._lost()
            if start + size > filled:
                break
            if buffer[start] == ERROR:
                self.error = read_error(bytes(buffer[start + HEAD_BYTES : start + size]))
            self.is_ready = buffer[start] == READY
            start += size
        return start

    def _lost(self) -> psycopg.Error:
        """End the connection, of which nobody knows what comes next. Returns: why it is lost, if the server said so."""
        self.pgconn.finish()
        return self.error or psycopg.OperationalError("the connection to the server was lost")


def blank_heads(buffer: bytearray, filled: int) -> int:
    """Make a column of the heads of all whole rows at the buffer's beginning. Returns: where the last of them ends."""
    if filled < HEAD_BYTES or buffer[0] != DATA:
        return 0
    octets = np.frombuffer(buffer, np.uint8, filled)
    behind = np.flatnonzero(octets[:-HEAD_BYTES] == NEWLINE) + 1
    starts = np.concatenate(([0], behind[octets[behind] == DATA]))
    lengths = np.zeros(len(starts), np.int64)
    for offset in range(1, HEAD_BYTES):
        lengths = lengths << 8 | octets[starts + offset]
    stops = starts + 1 + lengths
    whole = stops <= filled
    starts, stops = starts[whole], stops[whole]
    if not len(starts) or starts[0]:
        return 0
    gaps = np.flatnonzero(starts[1:] != stops[:-1])  # a message of another kind stands between
    count = int(gaps[0]) + 1 if len(gaps) else len(starts)
    for offset, octet in enumerate(UNREAD_COLUMN):
        octets[starts[:count] + offset] = octet
    return int(stops[count - 1])


def ends(buffer: bytearray, filled: int) -> bool:
    """Tell whether the last message says that the server is ready: nothing else ends in such bytes."""
    return filled > HEAD_BYTES and buffer.startswith(b"Z\0\0\0\5", filled - HEAD_BYTES - 1)


def read_error(body: bytes) -> psycopg.Error:
    """Return what an ErrorResponse says, as psycopg raises it."""
    fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
    sqlstate = fields.get(b"C", b"").decode("ascii", "replace")
    try:
        kind = errors.lookup(sqlstate)
    except KeyError:
        kind = psycopg.DatabaseError
    info: dict[int, bytes | None] = {number: fields.get(bytes([number])) for number in pq.DiagnosticField}
    return kind(fields.get(b"M", b"").decode("utf-8", "replace"), info=info)


def _alone(buffer: bytearray) -> Block:
    """Return a row that fills a buffer."""
    if len(buffer) - HEAD_BYTES >= HUGE_BYTES:
        return Block(memoryview(buffer)[HEAD_BYTES:], is_one_row=True)
    buffer[:HEAD_BYTES] = UNREAD_COLUMN
    return Block(buffer, has_heads=True)


def _rest(buffer: bytearray, start: int, filled: int) -> tuple[bytearray, int]:
    """Return a buffer that begins with what is left, and has room for the whole of it."""
    left = filled - start
    size = _size(buffer, start) if left >= HEAD_BYTES else 0
    following = bytearray(max(size, BLOCK_BYTES))
    following[:left] = memoryview(buffer)[start:filled]
    return following, left


def _size(buffer: bytearray, start: int) -> int:
    """Return the size of a message with its head."""
    return 1 + int.from_bytes(buffer[start + 1 : start + HEAD_BYTES], "big")
