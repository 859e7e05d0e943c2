"""Bounded reading and writing of message bodies.

Every read checks the end first and fails with the words of Postgres (src/backend/libpq/pqformat.c) as ERROR 08P01.
Text is UTF-8 with `surrogateescape`: bytes that are no UTF-8 survive the way through, and whoever needs real text asks
`strict_text` (22021, as Postgres). What may be in another client encoding (a query) is read as bytes.
"""

import struct

from pgserver.protocol.sqlstates import CharacterNotInRepertoire, ProtocolViolation

_INT16 = struct.Struct(">h")
_UINT16 = struct.Struct(">H")
_INT32 = struct.Struct(">i")
_UINT32 = struct.Struct(">I")

INSUFFICIENT = "insufficient data left in message"


class Reader:
    """Reads one message body; nothing is taken before its length is known to be there."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, start: int = 0) -> None:
        """Read `data` from `start` to its end."""
        self._data = data
        self._position = start
        self._end = len(data)

    def _advance(self, size: int) -> int:
        start = self._position
        if size < 0 or size > self._end - start:
            raise ProtocolViolation(INSUFFICIENT)
        self._position = start + size
        return start

    def byte(self) -> int:
        """Read one byte, 0 to 255."""
        if self._position >= self._end:
            raise ProtocolViolation("no data left in message")
        return self._data[self._advance(1)]

    def int16(self) -> int:
        """Read a signed 16-bit number."""
        value: int = _INT16.unpack_from(self._data, self._advance(2))[0]
        return value

    def uint16(self) -> int:
        """Read a count: the protocol says Int16, Postgres takes it as unsigned."""
        value: int = _UINT16.unpack_from(self._data, self._advance(2))[0]
        return value

    def int32(self) -> int:
        """Read a signed 32-bit number."""
        value: int = _INT32.unpack_from(self._data, self._advance(4))[0]
        return value

    def uint32(self) -> int:
        """Read an OID."""
        value: int = _UINT32.unpack_from(self._data, self._advance(4))[0]
        return value

    def int16s(self, count: int) -> tuple[int, ...]:
        """Read `count` signed 16-bit numbers."""
        return struct.unpack_from(f">{count}h", self._data, self._advance(2 * count))

    def uint32s(self, count: int) -> tuple[int, ...]:
        """Read `count` OIDs."""
        return struct.unpack_from(f">{count}I", self._data, self._advance(4 * count))

    def take(self, size: int) -> bytes:
        """Read `size` bytes."""
        start = self._advance(size)
        return self._data[start : self._position]

    def value(self) -> bytes | None:
        """Read an Int32 length and that many bytes; length -1 is NULL."""
        size = self.int32()
        return None if size == -1 else self.take(size)

    def values(self, count: int) -> tuple[bytes | None, ...]:
        """Read `count` values."""
        return tuple([self.value() for _ in range(count)])

    def cstring(self) -> bytes:
        """Read bytes up to a NUL, in whatever encoding the client has."""
        end = self._data.find(b"\0", self._position)
        if end < 0:
            raise ProtocolViolation("invalid string in message")
        start = self._position
        self._position = end + 1
        return self._data[start:end]

    def text(self) -> str:
        """Read a NUL-terminated string; bytes that are no UTF-8 become lone surrogates."""
        return self.cstring().decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(self._end - self._position)

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return self._end - self._position

    def end(self) -> None:
        """Refuse bytes left over."""
        if self._position != self._end:
            raise ProtocolViolation("invalid message format")


class Writer:
    """Builds one message body. Values out of range are our own bugs: ValueError or struct.error."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        """Start empty."""
        self._data = bytearray()

    def byte(self, value: int) -> None:
        """Write one byte."""
        self._data.append(value)

    def int16(self, value: int) -> None:
        """Write a signed 16-bit number."""
        self._data += _INT16.pack(value)

    def uint16(self, value: int) -> None:
        """Write a count."""
        self._data += _UINT16.pack(value)

    def int32(self, value: int) -> None:
        """Write a signed 32-bit number."""
        self._data += _INT32.pack(value)

    def uint32(self, value: int) -> None:
        """Write an OID."""
        self._data += _UINT32.pack(value)

    def raw(self, value: bytes) -> None:
        """Write bytes as they are."""
        self._data += value

    def value(self, value: bytes | None) -> None:
        """Write an Int32 length and the bytes; NULL is length -1."""
        if value is None:
            self.int32(-1)
        else:
            self.int32(len(value))
            self._data += value

    def cstring(self, value: bytes) -> None:
        """Write bytes and a NUL. A NUL inside would let a value start a field of its own."""
        if b"\0" in value:
            raise ValueError("a string in a message cannot hold a NUL byte")
        self._data += value
        self._data.append(0)

    def text(self, value: str) -> None:
        """Write a string and a NUL; lone surrogates become the bytes that `Reader.text` read."""
        self.cstring(value.encode("utf-8", "surrogateescape"))

    def message(self, tag: bytes) -> bytes:
        """Return the whole message: tag, length, body."""
        return tag + _INT32.pack(len(self._data) + 4) + self._data


def strict_text(value: bytes) -> str:
    """Decode text of a client whose encoding is UTF-8.

    Raises: CharacterNotInRepertoire (22021) with Postgres' words, for invalid UTF-8 and for NUL.
    """
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = value[error.start : error.start + _sequence_length(value[error.start])]
    else:
        if "\0" not in text:
            return text
        wrong = b"\0"
    spelled = " ".join(f"0x{byte:02x}" for byte in wrong)
    raise CharacterNotInRepertoire(f'invalid byte sequence for encoding "UTF8": {spelled}')


def _sequence_length(first: int) -> int:
    """How long a UTF-8 sequence claims to be. Source: pg_utf_mblen, src/common/wchar.c."""
    for mask, lead, length in ((0xE0, 0xC0, 2), (0xF0, 0xE0, 3), (0xF8, 0xF0, 4)):
        if first & mask == lead:
            return length
    return 1
