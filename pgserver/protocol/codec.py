"""Bytes <-> messages, without socket, clock or log.

Two kinds of wrong bytes:

- the *stream* is wrong (a length that cannot be, an unknown type): `FramingError`, FATAL; where the next message would
  start is unknown, so the connection must close. Postgres closes without a word for a bad length (`silent`), and says
  FATAL 08P01 for an unknown type.
- the *body* of one message is wrong: `ProtocolViolation` with severity ERROR; the message has been taken off the
  stream, iteration can go on, the session lives.

Limits are checked on the five bytes of a header, before a body is kept. Sources: SocketBackend in tcop/postgres.c,
ProcessStartupPacket in tcop/backend_startup.c, recv_password_packet in libpq/auth.c.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from pgserver.protocol import startup
from pgserver.protocol.backend import BACKEND
from pgserver.protocol.buffer import Reader
from pgserver.protocol.frontend import FRONTEND, PasswordMessage, SASLInitialResponse, SASLResponse
from pgserver.protocol.message import Message, decode_body
from pgserver.protocol.sqlstates import FeatureNotSupported, ProtocolViolation

HEADER_BYTES = 5
MAX_STARTUP_BYTES = 10_000  # MAX_STARTUP_PACKET_LENGTH: without the length word itself
SMALL_MESSAGE_BYTES = 10_000  # PQ_SMALL_MESSAGE_LIMIT: this and the others with the length word
AUTHENTICATION_MESSAGE_BYTES = 65_535  # PG_MAX_AUTH_TOKEN_LENGTH
DEFAULT_MESSAGE_BYTES = 64 << 20
BACKEND_MESSAGE_BYTES = (1 << 30) - 1  # MaxAllocSize

EARLY_DATA_DETAIL = "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."

_LARGE = b"QPBFd"
_SMALL = b"DECHSXcf"
_header = struct.Struct(">BI").unpack_from
_length = struct.Struct(">I").unpack_from


class FramingError(ProtocolViolation):
    """The stream cannot be followed any further. `silent`: close without sending an ErrorResponse, as Postgres does."""

    def __init__(self, message: str, *, silent: bool) -> None:
        """Make it FATAL."""
        super().__init__(message, severity="FATAL")
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Grammar:
    """The types of message that may come, each with its longest length; and what to say of others."""

    longest: Mapping[int, int]
    unexpected: str = "invalid frontend message type {}"


def frontend_grammar(message_bytes: int = DEFAULT_MESSAGE_BYTES) -> Grammar:
    """What a client may send after the login, with `message_bytes` for the types that carry data."""
    limits = dict.fromkeys(_LARGE, message_bytes) | dict.fromkeys(_SMALL, min(SMALL_MESSAGE_BYTES, message_bytes))
    return Grammar(limits)


def backend_grammar() -> Grammar:
    """What a server may send."""
    return Grammar(dict.fromkeys(BACKEND, BACKEND_MESSAGE_BYTES), "invalid backend message type {}")


PASSWORD_GRAMMAR = Grammar({ord("p"): AUTHENTICATION_MESSAGE_BYTES}, "expected password response, got message type {}")
SASL_GRAMMAR = Grammar({ord("p"): AUTHENTICATION_MESSAGE_BYTES}, "expected SASL response, got message type {}")


class Frames:
    """Cuts a stream into messages and looks no further: for the hot path.

        frames.feed(data)
        for tag, frame in frames:  # tag: int; frame: bytes, with its header

    The loop may be left early and entered again. After a FramingError every further try raises it again.
    """

    __slots__ = ("_data", "_failure", "_parts", "_position", "_size", "grammar")

    def __init__(self, grammar: Grammar) -> None:
        """Start with nothing fed. `grammar` may be set anew between two messages."""
        self.grammar = grammar
        self._data = b""  # what is being cut, from _position on
        self._position = 0
        self._parts: list[bytes] = []  # what came later; joined only when the message at the front is whole
        self._size = 0  # of all parts
        self._failure: FramingError | None = None

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        if data:
            self._parts.append(data)
            self._size += len(data)

    @property
    def pending(self) -> int:
        """Bytes fed and not yet given out."""
        return len(self._data) - self._position + self._size

    def take_rest(self) -> bytes:
        """Give out the bytes not yet cut, and forget them."""
        rest = b"".join((self._data[self._position :], *self._parts))
        self._data, self._position, self._parts, self._size = b"", 0, [], 0
        return rest

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Give the whole messages that have been fed."""
        if self._failure is not None:
            raise self._failure
        while True:
            data, start = self._data, self._position
            if len(data) - start < HEADER_BYTES:
                if start < len(data) and data[start] not in self.grammar.longest:
                    raise self._refuse(data[start], 4)
                need = HEADER_BYTES if start < len(data) else 1
            else:
                tag, length = _header(data, start)
                if length < 4 or length > self.grammar.longest.get(tag, 0):
                    raise self._refuse(tag, length)
                need = length + 1
                if len(data) - start >= need:
                    self._position = start + need
                    yield tag, data[start : start + need]
                    continue
            if not self._join(need):
                return

    def _join(self, need: int) -> bool:
        """Bring the parts together once they hold `need` bytes: so no byte is copied for each piece that arrives."""
        if self.pending < need:
            return False
        self._data = b"".join((self._data[self._position :], *self._parts))
        self._position, self._size = 0, 0
        self._parts.clear()
        return True

    def _refuse(self, tag: int, length: int) -> FramingError:
        known = tag in self.grammar.longest
        text = f"invalid message length {length}" if known else self.grammar.unexpected.format(tag)
        self._failure = FramingError(text, silent=known)
        self._data, self._position, self._size = b"", 0, 0
        self._parts.clear()
        return self._failure


class _Decoder:
    """Frames to messages, one at a time, so that a body error leaves the rest in place."""

    def __init__(self, grammar: Grammar, kinds: Mapping[int, type[Message]]) -> None:
        self.frames = Frames(grammar)
        self._kinds = kinds

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self.frames.feed(data)

    def __iter__(self) -> Self:
        """Go on with the next message, also after a body error."""
        return self

    def __next__(self) -> Message:
        """Give the next whole message.

        Raises: ProtocolViolation when its body is wrong; FramingError when the stream is.
        """
        for tag, frame in self.frames:
            return decode_body(self._kinds[tag], Reader(frame, HEADER_BYTES))
        raise StopIteration


class FrontendDecoder(_Decoder):
    """What a client sends after the startup phase."""

    def __init__(self, message_bytes: int = DEFAULT_MESSAGE_BYTES) -> None:
        """Start logged in; `expect` is for the login."""
        self._open = frontend_grammar(message_bytes)
        super().__init__(self._open, FRONTEND)

    def expect(self, kind: type[PasswordMessage | SASLInitialResponse | SASLResponse] | None) -> None:
        """Let only this answer come next, at most 64 KiB long; None ends the login, and `p` may not come any more."""
        if kind is None:
            self.frames.grammar, self._kinds = self._open, FRONTEND
        else:
            self.frames.grammar = PASSWORD_GRAMMAR if kind is PasswordMessage else SASL_GRAMMAR
            self._kinds = {ord("p"): kind}


class BackendDecoder(_Decoder):
    """What a server sends."""

    def __init__(self) -> None:
        """Start with nothing fed."""
        super().__init__(backend_grammar(), BACKEND)


def decode_frontend(frame: bytes) -> Message:
    """Decode one whole frame of a client, as `Frames` gives it. Raises: ProtocolViolation."""
    return decode_body(FRONTEND[frame[0]], Reader(frame, HEADER_BYTES))


def decode_backend(frame: bytes) -> Message:
    """Decode one whole frame of a server, as `Frames` gives it. Raises: ProtocolViolation."""
    return decode_body(BACKEND[frame[0]], Reader(frame, HEADER_BYTES))


_REQUESTS: dict[int, type[startup.StartupFamily]] = {
    startup.SSL_REQUEST_CODE: startup.SSLRequest,
    startup.GSSENC_REQUEST_CODE: startup.GSSENCRequest,
    startup.CANCEL_REQUEST_CODE: startup.CancelRequest,
}


@dataclass(slots=True)
class StartupDecoder:
    """The phase before the login: messages without a tag.

    `encrypted`: TLS is on, so that a further SSLRequest or GSSENCRequest is an unknown version, as in Postgres.
    After one of these two the connection calls `refuse_early_data`.
    """

    encrypted: bool = False
    _data: bytearray = field(default_factory=bytearray)
    _asked: set[int] = field(default_factory=set)
    _failure: ProtocolViolation | FeatureNotSupported | None = None

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._data += data

    @property
    def pending(self) -> int:
        """Bytes fed and not yet given out."""
        return len(self._data)

    def refuse_early_data(self, request: startup.SSLRequest | startup.GSSENCRequest) -> None:
        """Refuse what came behind a request for encryption, before its answer: it could be anybody's (CVE-2021-23214).

        Raises: ProtocolViolation (FATAL).
        """
        if self._data:
            name = "SSL" if isinstance(request, startup.SSLRequest) else "GSSAPI encryption"
            raise ProtocolViolation(
                f"received unencrypted data after {name} request",
                detail=EARLY_DATA_DETAIL,
                severity="FATAL",
            )

    def take_rest(self) -> bytes:
        """Give out what follows, for the decoder of the next phase."""
        rest = bytes(self._data)
        self._data.clear()
        return rest

    def __iter__(self) -> Self:
        """Go on with the next message."""
        return self

    def __next__(self) -> startup.StartupFamily:
        """Give the next whole message.

        Raises: FramingError (close, silently), ProtocolViolation or FeatureNotSupported (FATAL, to be sent).
        """
        if self._failure is not None:
            raise self._failure
        try:
            body = self._take_body()
            if body is None:
                raise StopIteration
            return self._decode(body)
        except (ProtocolViolation, FeatureNotSupported) as error:
            self._failure = error
            self._data.clear()
            raise

    def _take_body(self) -> bytes | None:
        if len(self._data) < 4:
            return None
        size = _length(self._data)[0] - 4
        if not 4 <= size <= MAX_STARTUP_BYTES:
            raise FramingError("invalid length of startup packet", silent=True)
        if len(self._data) < 4 + size:
            return None
        body = bytes(self._data[4 : 4 + size])
        del self._data[: 4 + size]
        return body

    def _decode(self, body: bytes) -> startup.StartupFamily:
        code: int = _length(body)[0]
        kind = None if self._refused(code) else _REQUESTS.get(code)
        if kind is not None:
            self._asked.add(code)
            try:
                return decode_body(kind, Reader(body))
            except ProtocolViolation as error:
                raise FramingError(error.message, silent=True) from error
        major, minor = code >> 16, code & 0xFFFF
        if major < 3:
            raise FramingError(f"unsupported frontend protocol {major}.{minor}", silent=True)
        if major > 3:
            raise FeatureNotSupported(
                f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2", severity="FATAL"
            )
        return decode_body(startup.StartupMessage, Reader(body))

    def _refused(self, code: int) -> bool:
        """Whether encryption is asked for again: once each, and never inside TLS."""
        asks = code in (startup.SSL_REQUEST_CODE, startup.GSSENC_REQUEST_CODE)
        return asks and (self.encrypted or code in self._asked)
