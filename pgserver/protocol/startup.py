"""The messages that open a connection. Without a tag: a length, then the code that tells them apart."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pgserver.protocol.buffer import Reader, Writer
from pgserver.protocol.message import Message
from pgserver.protocol.sqlstates import ProtocolViolation

SSL_REQUEST_CODE = 80877103  # 1234.5679
GSSENC_REQUEST_CODE = 80877104
CANCEL_REQUEST_CODE = 80877102
PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = 3 << 16 | 2

MIN_CANCEL_KEY_BYTES = 4
MAX_CANCEL_KEY_BYTES = 256


class StartupFamily(Message):
    """The messages without a tag, which open a connection; `decode` starts at the code that tells them apart."""

    __slots__ = ()
    tag: ClassVar[bytes] = b""


@dataclass(frozen=True, slots=True)
class StartupMessage(StartupFamily):
    """Open a session. `version` is major << 16 | minor; of a parameter given twice the last value counts."""

    parameters: dict[str, str]
    version: int = PROTOCOL_3_0

    @property
    def major(self) -> int:
        """The major version."""
        return self.version >> 16

    @property
    def minor(self) -> int:
        """The minor version."""
        return self.version & 0xFFFF

    @property
    def protocol_options(self) -> tuple[str, ...]:
        """Names of the `_pq_.` options; the ones we do not know belong in NegotiateProtocolVersion."""
        return tuple(name for name in self.parameters if name.startswith("_pq_."))

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the version and the name-value pairs up to their terminator."""
        version = body.uint32()
        parameters: dict[str, str] = {}
        try:
            while name := body.text():
                parameters[name] = body.text()
            body.end()
        except ProtocolViolation as error:
            problem = "invalid startup packet layout: expected terminator as last byte"
            raise ProtocolViolation(problem, severity="FATAL") from error
        return cls(parameters, version)

    def write(self, body: Writer) -> None:
        """Write the version and the pairs."""
        body.uint32(self.version)
        for name, value in self.parameters.items():
            if not name:
                raise ValueError("a startup parameter needs a name")
            body.text(name)
            body.text(value)
        body.byte(0)


@dataclass(frozen=True, slots=True)
class SSLRequest(StartupFamily):
    """Ask for TLS; the answer is one byte, S or N."""

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the code."""
        body.uint32()
        return cls()

    def write(self, body: Writer) -> None:
        """Write the code."""
        body.uint32(SSL_REQUEST_CODE)


@dataclass(frozen=True, slots=True)
class GSSENCRequest(StartupFamily):
    """Ask for GSSAPI encryption; the answer is one byte, G or N."""

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the code."""
        body.uint32()
        return cls()

    def write(self, body: Writer) -> None:
        """Write the code."""
        body.uint32(GSSENC_REQUEST_CODE)


@dataclass(frozen=True, slots=True)
class CancelRequest(StartupFamily):
    """Cancel what the backend `process_id` runs. The key has 4 bytes in protocol 3.0, up to 256 in 3.2."""

    process_id: int
    key: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the code, the process id and the key, which is all the rest."""
        body.uint32()
        process_id = body.int32()
        if not MIN_CANCEL_KEY_BYTES <= body.left <= MAX_CANCEL_KEY_BYTES:
            raise ProtocolViolation("invalid length of cancel key in cancel request packet", severity="FATAL")
        return cls(process_id, body.rest())

    def write(self, body: Writer) -> None:
        """Write the code, the process id and the key."""
        body.uint32(CANCEL_REQUEST_CODE)
        body.int32(self.process_id)
        body.raw(self.key)
