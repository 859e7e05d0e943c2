"""Postgres compiles: a text goes to a backend of the twin, and its rewritten query tree comes back in a notice.

Source: the setting `debug_print_rewritten`, PostgreSQL documentation, section "Error Reporting and Logging".
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pgserver.plan.backends import AnalysisContext, BackendPool, ask_all
from pgserver.twin.backend import Message

SYNC = b"S\x00\x00\x00\x04"
DESCRIBE_UNNAMED = b"D\x00\x00\x00\x06S\x00"
TREE_MESSAGE = "rewritten parse tree:"
MANY = b"\0Mcannot insert multiple commands into a prepared statement\0"
RELATION = re.compile(r":relid\s(\d+)")


@dataclass(frozen=True, slots=True)
class RowField:
    """One field of a RowDescription."""

    name: bytes
    table_oid: int
    attnum: int
    type_oid: int
    type_size: int
    typmod: int
    format: int


@dataclass(frozen=True, slots=True)
class Analysed:
    """What Postgres made of a text. `tree` is a list of queries in Postgres' node text."""

    tree: str
    parameters: tuple[int, ...]
    fields: tuple[RowField, ...] | None  # None: the statement returns no rows
    description: bytes  # the RowDescription they were read from
    mixed: bool = False  # it reads the lake, and reads or writes temporary tables of the session


class Analyst:
    """A few backends of the twin that only compile, each set to the context of the text it is given."""

    def __init__(self, backends: BackendPool) -> None:
        """Args: backends for this use alone."""
        self.backends = backends

    async def analyse(self, text: bytes, parameters: Sequence[int], context: AnalysisContext) -> Analysed | None:
        """Compile a text.

        Args: the text in the client's encoding; the parameter types that the client declared (0: unknown); the context.
        Returns: None when Postgres refuses the text: the session's own backend will say so.
        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        async with self.backends.use(context) as backend:
            messages = await ask_all(backend, parse_message(text, parameters) + DESCRIBE_UNNAMED + SYNC)
        return read_analysis(messages)

    async def canonical(
        self, value: bytes, format_code: int, type_oid: int, name: str, context: AnalysisContext
    ) -> bytes:
        """Have Postgres read a parameter, and return it in its binary form.

        Args: the value, its format code, its type's OID and SQL name; the session's context.
        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        frames = (
            parse_message(f"SELECT $1::{name}".encode(), [type_oid])
            + bind_message([value], [format_code], [1])
            + b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
            + SYNC
        )
        async with self.backends.use(context) as backend:
            messages = await ask_all(backend, frames)
        row = next(frame for tag, frame in messages if tag == ord("D"))
        return row[11:]

    async def is_many(self, text: bytes, context: AnalysisContext) -> bool:
        """Tell whether a text parses as several statements: Postgres says so, as an error behind its grammar.

        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        async with self.backends.use(context) as backend:
            messages = await ask_all(backend, parse_message(text, ()) + SYNC)
        return any(tag == ord("E") and MANY in frame for tag, frame in messages)

    async def type_oids(self, names: Sequence[str], context: AnalysisContext) -> tuple[int, ...]:
        """Return the OIDs of types by name; 0, which is unknown, where Postgres refuses one.

        Args: the types as SQL; the session's context.
        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        if not names:
            return ()
        texts = ", ".join(f"${number}::text::regtype::oid" for number in range(1, len(names) + 1))
        frames = parse_message(f"SELECT {texts}".encode(), ()) + bind_message([n.encode() for n in names], [], [1])
        async with self.backends.use(context) as backend:
            messages = await ask_all(backend, frames + b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00" + SYNC)
        row = next((frame for tag, frame in messages if tag == ord("D")), b"")
        return tuple(oid for _, oid in struct.iter_unpack(">iI", row[7:])) or (0,) * len(names)


def parse_message(text: bytes, parameters: Sequence[int], name: bytes = b"") -> bytes:
    """Encode Parse."""
    body = name + b"\0" + text + b"\0" + struct.pack(f">H{len(parameters)}I", len(parameters), *parameters)
    return b"P" + struct.pack(">I", len(body) + 4) + body


def bind_message(
    values: Sequence[bytes | None], formats: Sequence[int], results: Sequence[int], name: bytes = b""
) -> bytes:
    """Encode Bind of a statement to the portal of the same name."""
    lengths = (b"\xff\xff\xff\xff" if value is None else struct.pack(">I", len(value)) + value for value in values)
    body = b"".join(
        (
            name + b"\0" + name + b"\0",
            struct.pack(f">H{len(formats)}h", len(formats), *formats),
            struct.pack(">H", len(values)),
            *lengths,
            struct.pack(f">H{len(results)}h", len(results), *results),
        )
    )
    return b"B" + struct.pack(">I", len(body) + 4) + body


def read_analysis(messages: Sequence[Message]) -> Analysed | None:
    """Read tree, parameters and fields out of the answers to Parse and Describe."""
    tree, description = "", b""
    parameters: tuple[int, ...] = ()
    row_fields = None
    for tag, frame in messages:
        if tag == ord("E"):
            return None
        if tag == ord("N"):
            tree = read_tree(frame) or tree
        elif tag == ord("t"):
            count = int.from_bytes(frame[5:7])
            parameters = struct.unpack_from(f">{count}I", frame, 7)
        elif tag == ord("T"):
            row_fields, description = read_fields(frame), frame
    return Analysed(tree, parameters, row_fields, description)


def read_tree(frame: bytes) -> str | None:
    """Return the DETAIL of a notice that carries a query tree."""
    parts = {part[:1]: part[1:] for part in frame[5:].split(b"\0") if part}
    if parts.get(b"M", b"").decode("utf-8", "replace") != TREE_MESSAGE:
        return None
    return parts.get(b"D", b"").decode("utf-8", "replace")


def read_fields(frame: bytes) -> tuple[RowField, ...]:
    """Decode a RowDescription. Source: Message Formats, RowDescription."""
    found = []
    position = 7
    for _ in range(int.from_bytes(frame[5:7])):
        end = frame.index(b"\0", position)
        table, attnum, type_oid, size, typmod, code = struct.unpack_from(">IhIhih", frame, end + 1)
        found.append(RowField(frame[position:end], table, attnum, type_oid, size, typmod, code))
        position = end + 19
    return tuple(found)
