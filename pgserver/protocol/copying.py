"""The messages of COPY: the three that start it, and the two that both sides send."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pgserver.protocol.buffer import Reader, Writer
from pgserver.protocol.message import BodilessMessage, Message


@dataclass(frozen=True, slots=True)
class CopyData(Message):
    """A piece of the COPY stream; to a client it is always whole rows, from a client it may be cut anywhere."""

    tag: ClassVar[bytes] = b"d"
    data: bytes

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read all."""
        return cls(body.rest())

    def write(self, body: Writer) -> None:
        """Write all."""
        body.raw(self.data)


@dataclass(frozen=True, slots=True)
class CopyDone(BodilessMessage):
    """The COPY stream is complete."""

    tag: ClassVar[bytes] = b"c"

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read past whatever the body holds, as Postgres does."""
        body.rest()
        return cls()


class CopyResponse(Message):
    """The start of a COPY stream: its format (0 text, 1 binary) and those of its columns."""

    __slots__ = ()
    format: int
    column_formats: tuple[int, ...]

    def write(self, body: Writer) -> None:
        """Write the formats."""
        body.byte(self.format)
        body.uint16(len(self.column_formats))
        for code in self.column_formats:
            body.int16(code)


@dataclass(frozen=True, slots=True)
class CopyInResponse(CopyResponse):
    """The server waits for CopyData."""

    tag: ClassVar[bytes] = b"G"
    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the formats."""
        return cls(body.byte(), body.int16s(body.uint16()))


@dataclass(frozen=True, slots=True)
class CopyOutResponse(CopyResponse):
    """CopyData follows."""

    tag: ClassVar[bytes] = b"H"
    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the formats."""
        return cls(body.byte(), body.int16s(body.uint16()))


@dataclass(frozen=True, slots=True)
class CopyBothResponse(CopyResponse):
    """CopyData flows both ways: streaming replication only."""

    tag: ClassVar[bytes] = b"W"
    format: int
    column_formats: tuple[int, ...]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the formats."""
        return cls(body.byte(), body.int16s(body.uint16()))
