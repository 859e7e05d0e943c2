"""What a server sends. One frozen dataclass per message; names and fields as in the Postgres docs, Message Formats."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pgserver.protocol.authentication import Authentication
from pgserver.protocol.buffer import Reader, Writer
from pgserver.protocol.copying import CopyBothResponse, CopyData, CopyDone, CopyInResponse, CopyOutResponse
from pgserver.protocol.message import BodilessMessage, Message, registry
from pgserver.protocol.sqlstates import ProtocolViolation

TRANSACTION_STATUSES = b"ITE"  # idle, in a transaction, in a failed one


@dataclass(frozen=True, slots=True)
class BackendKeyData(Message):
    """What a CancelRequest must name: 4 bytes of key in protocol 3.0, up to 256 in 3.2."""

    tag: ClassVar[bytes] = b"K"
    process_id: int
    key: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the process id, and the key, which is all the rest."""
        return cls(body.int32(), body.rest())

    def write(self, body: Writer) -> None:
        """Write both."""
        body.int32(self.process_id)
        body.raw(self.key)

    def __repr__(self) -> str:
        """Keep the key out of logs and tracebacks."""
        return f"BackendKeyData(process_id={self.process_id}, key=...)"


@dataclass(frozen=True, slots=True)
class NegotiateProtocolVersion(Message):
    """The newest version that the server speaks, and the `_pq_.` options that it does not know."""

    tag: ClassVar[bytes] = b"v"
    version: int
    unknown_options: tuple[str, ...] = ()

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the version and the names."""
        version = body.int32()
        count = body.uint32()
        if count > body.left:  # each name takes a byte at least
            raise ProtocolViolation("insufficient data left in message")
        return cls(version, tuple([body.text() for _ in range(count)]))

    def write(self, body: Writer) -> None:
        """Write the version and the names."""
        body.int32(self.version)
        body.uint32(len(self.unknown_options))
        for name in self.unknown_options:
            body.text(name)


@dataclass(frozen=True, slots=True)
class ParameterStatus(Message):
    """A setting that clients follow, with its value now."""

    tag: ClassVar[bytes] = b"S"
    name: str
    value: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read both."""
        return cls(body.text(), body.text())

    def write(self, body: Writer) -> None:
        """Write both."""
        body.text(self.name)
        body.text(self.value)


@dataclass(frozen=True, slots=True)
class ReadyForQuery(Message):
    """The server waits; status I, T or E."""

    tag: ClassVar[bytes] = b"Z"
    status: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the status."""
        status = body.byte()
        if status not in TRANSACTION_STATUSES:
            raise ProtocolViolation(f"invalid transaction status {status}")
        return cls(chr(status))

    def write(self, body: Writer) -> None:
        """Write the status."""
        body.raw(self.status.encode("ascii"))


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One column of a RowDescription."""

    name: str
    table_oid: int
    column: int  # attnum in that table, or 0
    type_oid: int
    type_size: int
    typmod: int
    format: int = 0  # 0 text, 1 binary


@dataclass(frozen=True, slots=True)
class RowDescription(Message):
    """The columns of the rows to come."""

    tag: ClassVar[bytes] = b"T"
    fields: tuple[FieldDescription, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the columns."""
        return cls(tuple([_read_field(body) for _ in range(body.uint16())]))

    def write(self, body: Writer) -> None:
        """Write the columns."""
        body.uint16(len(self.fields))
        for field in self.fields:
            body.text(field.name)
            body.uint32(field.table_oid)
            body.int16(field.column)
            body.uint32(field.type_oid)
            body.int16(field.type_size)
            body.int32(field.typmod)
            body.int16(field.format)


@dataclass(frozen=True, slots=True)
class ParameterDescription(Message):
    """The types of a statement's parameters."""

    tag: ClassVar[bytes] = b"t"
    type_oids: tuple[int, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the OIDs."""
        return cls(body.uint32s(body.uint16()))

    def write(self, body: Writer) -> None:
        """Write the OIDs."""
        body.uint16(len(self.type_oids))
        for type_oid in self.type_oids:
            body.uint32(type_oid)


@dataclass(frozen=True, slots=True)
class DataRow(Message):
    """One row, for control paths only: `encode` lays out rows of the lake, and relayed rows are never decoded."""

    tag: ClassVar[bytes] = b"D"
    values: tuple[bytes | None, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the values."""
        return cls(body.values(body.uint16()))

    def write(self, body: Writer) -> None:
        """Write the values."""
        body.uint16(len(self.values))
        for value in self.values:
            body.value(value)


@dataclass(frozen=True, slots=True)
class CommandComplete(Message):
    """A statement is done; its tag, such as `SELECT 3`."""

    tag: ClassVar[bytes] = b"C"
    command: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the command tag."""
        return cls(body.text())

    def write(self, body: Writer) -> None:
        """Write the command tag."""
        body.text(self.command)


class Report(Message):
    """Fields by their letter, as in the Postgres docs, Error and Notice Message Fields."""

    __slots__ = ()
    fields: dict[str, str]

    @property
    def severity(self) -> str:
        """The severity that is never translated, else the one that may be."""
        return self.fields.get("V") or self.fields.get("S", "ERROR")

    @property
    def sqlstate(self) -> str:
        """The SQLSTATE."""
        return self.fields.get("C", "XX000")

    @property
    def message(self) -> str:
        """The primary message."""
        return self.fields.get("M", "")

    @classmethod
    def _read_fields(cls, body: Reader) -> dict[str, str]:
        fields: dict[str, str] = {}
        while letter := body.byte():
            fields[chr(letter)] = body.text()
        return fields

    def write(self, body: Writer) -> None:
        """Write the fields in their order."""
        for letter, value in self.fields.items():
            body.raw(letter.encode("latin-1"))
            body.text(value)
        body.byte(0)


@dataclass(frozen=True, slots=True)
class ErrorResponse(Report):
    """A statement, or with severity FATAL the connection, has failed."""

    tag: ClassVar[bytes] = b"E"
    fields: dict[str, str]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the fields."""
        return cls(cls._read_fields(body))


@dataclass(frozen=True, slots=True)
class NoticeResponse(Report):
    """Something the user should know; may come at any time."""

    tag: ClassVar[bytes] = b"N"
    fields: dict[str, str]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the fields."""
        return cls(cls._read_fields(body))


@dataclass(frozen=True, slots=True)
class NotificationResponse(Message):
    """Somebody called NOTIFY; may come at any time."""

    tag: ClassVar[bytes] = b"A"
    process_id: int
    channel: str
    payload: str

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the sender, the channel and the payload."""
        return cls(body.int32(), body.text(), body.text())

    def write(self, body: Writer) -> None:
        """Write the sender, the channel and the payload."""
        body.int32(self.process_id)
        body.text(self.channel)
        body.text(self.payload)


@dataclass(frozen=True, slots=True)
class FunctionCallResponse(Message):
    """The value of a FunctionCall."""

    tag: ClassVar[bytes] = b"V"
    value: bytes | None

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the value."""
        return cls(body.value())

    def write(self, body: Writer) -> None:
        """Write the value."""
        body.value(self.value)


@dataclass(frozen=True, slots=True)
class ParseComplete(BodilessMessage):
    """Parse is done."""

    tag: ClassVar[bytes] = b"1"


@dataclass(frozen=True, slots=True)
class BindComplete(BodilessMessage):
    """Bind is done."""

    tag: ClassVar[bytes] = b"2"


@dataclass(frozen=True, slots=True)
class CloseComplete(BodilessMessage):
    """Close is done."""

    tag: ClassVar[bytes] = b"3"


@dataclass(frozen=True, slots=True)
class NoData(BodilessMessage):
    """Describe: there will be no rows."""

    tag: ClassVar[bytes] = b"n"


@dataclass(frozen=True, slots=True)
class EmptyQueryResponse(BodilessMessage):
    """In place of CommandComplete for an empty query."""

    tag: ClassVar[bytes] = b"I"


@dataclass(frozen=True, slots=True)
class PortalSuspended(BodilessMessage):
    """In place of CommandComplete when Execute's limit was met."""

    tag: ClassVar[bytes] = b"s"


def _read_field(body: Reader) -> FieldDescription:
    return FieldDescription(
        name=body.text(),
        table_oid=body.uint32(),
        column=body.int16(),
        type_oid=body.uint32(),
        type_size=body.int16(),
        typmod=body.int32(),
        format=body.int16(),
    )


BACKEND: dict[int, type[Message]] = registry(
    Authentication,
    BackendKeyData,
    BindComplete,
    CloseComplete,
    CommandComplete,
    CopyBothResponse,
    CopyData,
    CopyDone,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    FunctionCallResponse,
    NegotiateProtocolVersion,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
    RowDescription,
)
