"""What a client sends. One frozen dataclass per message; names and fields as in the Postgres docs, Message Formats.

Query text is bytes, since it is in the client's encoding; names are str (`Reader.text`): keys that only need be equal.
Three messages share the tag `p`: which one comes next, only the authentication knows (`codec.FrontendDecoder.expect`).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from pgserver.protocol.buffer import Reader, Writer
from pgserver.protocol.copying import CopyData, CopyDone
from pgserver.protocol.message import BodilessMessage, Message, registry
from pgserver.protocol.sqlstates import ProtocolViolation


@dataclass(frozen=True, slots=True)
class PasswordMessage(Message):
    """A password, in clear or as MD5."""

    tag: ClassVar[bytes] = b"p"
    password: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the password."""
        return cls(body.cstring())

    def write(self, body: Writer) -> None:
        """Write the password."""
        body.cstring(self.password)

    def __repr__(self) -> str:
        """Keep the secret out of logs and tracebacks."""
        return "PasswordMessage(...)"


@dataclass(frozen=True, slots=True)
class SASLInitialResponse(Message):
    """The mechanism that the client chose, and its first message (or none)."""

    tag: ClassVar[bytes] = b"p"
    mechanism: str
    data: bytes | None

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the mechanism and the sized data."""
        return cls(body.text(), body.value())

    def write(self, body: Writer) -> None:
        """Write the mechanism and the sized data."""
        body.text(self.mechanism)
        body.value(self.data)


@dataclass(frozen=True, slots=True)
class SASLResponse(Message):
    """A further SASL message."""

    tag: ClassVar[bytes] = b"p"
    data: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read all."""
        return cls(body.rest())

    def write(self, body: Writer) -> None:
        """Write all."""
        body.raw(self.data)


@dataclass(frozen=True, slots=True)
class Query(Message):
    """A simple query: any number of statements."""

    tag: ClassVar[bytes] = b"Q"
    query: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the text."""
        return cls(body.cstring())

    def write(self, body: Writer) -> None:
        """Write the text."""
        body.cstring(self.query)


@dataclass(frozen=True, slots=True)
class Parse(Message):
    """Prepare a statement. `statement` "" is the unnamed one; a parameter type 0 is for the server to find out."""

    tag: ClassVar[bytes] = b"P"
    statement: str
    query: bytes
    parameter_types: tuple[int, ...] = ()

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the name, the text and the type OIDs."""
        return cls(body.text(), body.cstring(), body.uint32s(body.uint16()))

    def write(self, body: Writer) -> None:
        """Write the name, the text and the type OIDs."""
        body.text(self.statement)
        body.cstring(self.query)
        body.uint16(len(self.parameter_types))
        for type_oid in self.parameter_types:
            body.uint32(type_oid)


@dataclass(frozen=True, slots=True)
class Bind(Message):
    """Make a portal of a statement and values. Formats: none (all text), one for all, or one each; 0 text, 1 binary."""

    tag: ClassVar[bytes] = b"B"
    portal: str
    statement: str
    parameter_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    result_formats: tuple[int, ...] = ()

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the names, the formats and the values."""
        portal = body.text()
        statement = body.text()
        formats = body.int16s(body.uint16())
        count = body.uint16()
        if len(formats) > 1 and len(formats) != count:
            raise ProtocolViolation(f"bind message has {len(formats)} parameter formats but {count} parameters")
        return cls(portal, statement, formats, body.values(count), body.int16s(body.uint16()))

    def write(self, body: Writer) -> None:
        """Write the names, the formats and the values."""
        body.text(self.portal)
        body.text(self.statement)
        _write_formats(body, self.parameter_formats)
        body.uint16(len(self.parameters))
        for value in self.parameters:
            body.value(value)
        _write_formats(body, self.result_formats)

    def parameter_format(self, index: int) -> int:
        """The format of the parameter at `index`, from 0."""
        formats = self.parameter_formats
        return 0 if not formats else formats[0] if len(formats) == 1 else formats[index]


@dataclass(frozen=True, slots=True)
class Describe(Message):
    """Ask for the parameters and columns of a statement (kind S) or the columns of a portal (kind P)."""

    tag: ClassVar[bytes] = b"D"
    kind: str
    name: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the kind and the name."""
        return cls(*_read_target(body, "DESCRIBE"))

    def write(self, body: Writer) -> None:
        """Write the kind and the name."""
        body.raw(self.kind.encode("ascii"))
        body.text(self.name)


@dataclass(frozen=True, slots=True)
class Execute(Message):
    """Run a bound portal."""

    tag: ClassVar[bytes] = b"E"
    portal: str
    max_rows: int = 0  # 0 means all

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the portal and the limit."""
        return cls(body.text(), body.int32())

    def write(self, body: Writer) -> None:
        """Write the portal and the limit."""
        body.text(self.portal)
        body.int32(self.max_rows)


@dataclass(frozen=True, slots=True)
class Close(Message):
    """Forget a statement (kind S) or a portal (kind P); it need not exist."""

    tag: ClassVar[bytes] = b"C"
    kind: str
    name: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the kind and the name."""
        return cls(*_read_target(body, "CLOSE"))

    def write(self, body: Writer) -> None:
        """Write the kind and the name."""
        body.raw(self.kind.encode("ascii"))
        body.text(self.name)


@dataclass(frozen=True, slots=True)
class Flush(BodilessMessage):
    """Ask for all answers so far."""

    tag: ClassVar[bytes] = b"H"


@dataclass(frozen=True, slots=True)
class Sync(BodilessMessage):
    """End a pipeline step: the implicit transaction closes, errors stop being skipped, ReadyForQuery follows."""

    tag: ClassVar[bytes] = b"S"


@dataclass(frozen=True, slots=True)
class Terminate(BodilessMessage):
    """End the session."""

    tag: ClassVar[bytes] = b"X"

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read past whatever the body holds, as Postgres does."""
        body.rest()
        return cls()


@dataclass(frozen=True, slots=True)
class CopyFail(Message):
    """End COPY FROM STDIN with an error."""

    tag: ClassVar[bytes] = b"f"
    reason: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the reason."""
        return cls(body.cstring())

    def write(self, body: Writer) -> None:
        """Write the reason."""
        body.cstring(self.reason)


@dataclass(frozen=True, slots=True)
class FunctionCall(Message):
    """Call a function by OID; the docs call it legacy."""

    tag: ClassVar[bytes] = b"F"
    function_oid: int
    argument_formats: tuple[int, ...]
    arguments: tuple[bytes | None, ...]
    result_format: int

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the function, the formats and the values."""
        oid = body.uint32()
        formats = body.int16s(body.uint16())
        count = body.uint16()
        if len(formats) > 1 and len(formats) != count:
            raise ProtocolViolation(
                f"function call message contains {len(formats)} argument formats but {count} arguments"
            )
        return cls(oid, formats, body.values(count), body.int16())

    def write(self, body: Writer) -> None:
        """Write the function, the formats and the values."""
        body.uint32(self.function_oid)
        _write_formats(body, self.argument_formats)
        body.uint16(len(self.arguments))
        for value in self.arguments:
            body.value(value)
        body.int16(self.result_format)


def _read_target(body: Reader, verb: str) -> tuple[str, str]:
    kind = body.byte()
    name = body.text()
    body.end()  # Postgres checks the end before the kind
    if kind not in b"SP":
        raise ProtocolViolation(f"invalid {verb} message subtype {kind}")
    return chr(kind), name


def _write_formats(body: Writer, formats: tuple[int, ...]) -> None:
    body.uint16(len(formats))
    for code in formats:
        body.int16(code)


FRONTEND: dict[int, type[Message]] = registry(
    PasswordMessage,
    Query,
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Flush,
    Sync,
    Terminate,
    CopyData,
    CopyDone,
    CopyFail,
    FunctionCall,
)
