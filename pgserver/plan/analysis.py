"""Postgres compiles: a text goes to a backend of the twin, and its rewritten query tree comes back in a notice.

Source: the setting `debug_print_rewritten`, PostgreSQL documentation, section "Error Reporting and Logging".
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

import structlog

from pgserver.protocol.errors import CannotConnectNow
from pgserver.twin.backend import BackendLost, Message, TwinBackend, open_backend
from pgserver.twin.cluster import Twin
from pgserver.twin.install import ADMIN

log = structlog.get_logger()

BACKENDS = 2
STARTUP_OPTIONS = (
    "-c debug_print_rewritten=on -c debug_pretty_print=off -c client_min_messages=log -c log_min_messages=fatal"
)
SYNC = b"S\x00\x00\x00\x04"
DESCRIBE_UNNAMED = b"D\x00\x00\x00\x06S\x00"
TREE_MESSAGE = "rewritten parse tree:"


@dataclass(frozen=True, slots=True)
class AnalysisContext:
    """What of a session changes how a text is read: a part of every cache key."""

    role: str = ""
    search_path: str = '"$user", public'
    time_zone: str = "UTC"
    date_style: str = "ISO, MDY"
    interval_style: str = "postgres"
    client_encoding: str = "UTF8"
    standard_conforming_strings: str = "on"


GUCS = {
    "role": "role",
    "search_path": "search_path",
    "time_zone": "TimeZone",
    "date_style": "DateStyle",
    "interval_style": "IntervalStyle",
    "client_encoding": "client_encoding",
    "standard_conforming_strings": "standard_conforming_strings",
}
assert set(GUCS) == {field.name for field in fields(AnalysisContext)}


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


class Analyst:
    """A few backends of the twin that only compile, each set to the context of the text it is given."""

    def __init__(self, twin: Twin) -> None:
        """Args: the twin, started."""
        self._twin = twin
        self._idle: asyncio.Queue[tuple[TwinBackend, AnalysisContext | None] | None] = asyncio.Queue()
        for _ in range(BACKENDS):
            self._idle.put_nowait(None)

    async def analyse(self, text: bytes, parameters: Sequence[int], context: AnalysisContext) -> Analysed | None:
        """Compile a text.

        Args: the text in the client's encoding; the parameter types that the client declared (0: unknown); the context.
        Returns: None when Postgres refuses the text: the session's own backend will say so.
        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        async with self._backend(context) as backend:
            messages = await self._ask(backend, parse_message(text, parameters) + DESCRIBE_UNNAMED + SYNC)
        return read_analysis(messages)

    async def canonical(
        self, value: bytes, format_code: int, type_oid: int, type_name: str, context: AnalysisContext
    ) -> bytes:
        """Have Postgres read a parameter, and return it in its binary form.

        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        frames = (
            parse_message(f"SELECT $1::{type_name}".encode(), [type_oid])
            + bind_message([value], [format_code], [1])
            + b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
            + SYNC
        )
        async with self._backend(context) as backend:
            messages = await self._ask(backend, frames)
        row = next(frame for tag, frame in messages if tag == ord("D"))
        return row[11:]

    async def close(self) -> None:
        """End the backends."""
        while not self._idle.empty():
            entry = self._idle.get_nowait()
            if entry is not None:
                entry[0].close()

    @asynccontextmanager
    async def _backend(self, context: AnalysisContext) -> AsyncIterator[TwinBackend]:
        entry = await self._idle.get()
        keep: tuple[TwinBackend, AnalysisContext | None] | None = None
        try:
            if entry is None or entry[0].lost:
                entry = (await self._connect(), None)
            backend, known = entry
            if known != context:
                await self._adopt(backend, context)
            yield backend
            keep = (backend, context)
        except (BackendLost, OSError) as error:
            raise CannotConnectNow("the database system is starting up", hint="Try again in a moment.") from error
        finally:
            if keep is None and entry is not None:
                entry[0].close()
            self._idle.put_nowait(keep)

    async def _connect(self) -> TwinBackend:
        backend = TwinBackend(None)
        await open_backend(backend, self._twin.socket_path)
        await log_in(backend, self._twin, STARTUP_OPTIONS)
        return backend

    async def _adopt(self, backend: TwinBackend, context: AnalysisContext) -> None:
        """Set the context; as the superuser first, since a role may not become another."""
        settings = ((guc, getattr(context, name)) for name, guc in GUCS.items())
        names = ["RESET ROLE", *(f"SET {guc} = {quoted_value(guc, value)}" for guc, value in settings if value)]
        await self._ask(backend, query_message("; ".join(names).encode()))

    async def _ask(self, backend: TwinBackend, frames: bytes) -> list[Message]:
        return await backend.ask(frames, 0, to_ready=True, errors_kept=True)


def quoted_value(guc: str, value: str) -> str:
    """Write a setting's value for SET; `search_path` is a list of identifiers already."""
    if guc == "search_path":
        return value or "''"
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


async def log_in(backend: TwinBackend, twin: Twin, options: str) -> None:
    """Log a backend in as the server's own superuser, with its password in clear over the private socket."""
    pairs = {"user": ADMIN, "database": twin.database, "options": options, "application_name": "bemidb"}
    body = b"".join(name.encode() + b"\0" + value.encode() + b"\0" for name, value in pairs.items()) + b"\0"
    backend.send(struct.pack(">II", len(body) + 8, 196608) + body)
    password = twin.admin_password.encode() + b"\0"
    await backend.ask(b"p" + struct.pack(">I", len(password) + 4) + password, 0, to_ready=True)


def parse_message(text: bytes, parameters: Sequence[int], name: bytes = b"") -> bytes:
    """Encode Parse."""
    body = name + b"\0" + text + b"\0" + struct.pack(f">H{len(parameters)}I", len(parameters), *parameters)
    return b"P" + struct.pack(">I", len(body) + 4) + body


def bind_message(values: Sequence[bytes | None], formats: Sequence[int], results: Sequence[int]) -> bytes:
    """Encode Bind of the unnamed statement to the unnamed portal."""
    parts = [b"\0\0", struct.pack(f">H{len(formats)}h", len(formats), *formats), struct.pack(">H", len(values))]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else struct.pack(">I", len(value)) + value)
    parts.append(struct.pack(f">H{len(results)}h", len(results), *results))
    body = b"".join(parts)
    return b"B" + struct.pack(">I", len(body) + 4) + body


def query_message(text: bytes) -> bytes:
    """Encode Query."""
    return b"Q" + struct.pack(">I", len(text) + 5) + text + b"\0"


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
