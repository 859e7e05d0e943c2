"""Backends of the twin that are the server's own, each put into a session's place for the time of one use."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from types import MappingProxyType

from pgserver.protocol.errors import CannotConnectNow
from pgserver.twin.backend import BackendLost, Message, TwinBackend, open_backend
from pgserver.twin.cluster import Twin

STARTUP_OPTIONS = (
    "-c debug_print_rewritten=on -c debug_pretty_print=off -c client_min_messages=log -c log_min_messages=fatal"
)
EMPTY_NAME = re.compile(r'(?<![^,\s])""(?![^,])')  # within a list
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


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
    transform_null_equals: str = "off"
    array_nulls: str = "on"
    xmloption: str = "content"


GUCS = {
    "role": "session_authorization",  # current_user and session_user both
    "search_path": "search_path",
    "time_zone": "TimeZone",
    "date_style": "DateStyle",
    "interval_style": "IntervalStyle",
    "client_encoding": "client_encoding",
    "standard_conforming_strings": "standard_conforming_strings",
    "transform_null_equals": "transform_null_equals",
    "array_nulls": "array_nulls",
    "xmloption": "xmloption",
}
assert set(GUCS) == {field.name for field in fields(AnalysisContext)}

Place = tuple[AnalysisContext, Mapping[str, str]]


class BackendPool:
    """At most `size` backends, opened when they are needed; who finds none free waits."""

    def __init__(self, twin: Twin, size: int) -> None:
        """Args: the twin, started; how many may be in use."""
        self._twin = twin
        self._idle: asyncio.LifoQueue[tuple[TwinBackend, Place | None] | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._idle.put_nowait(None)

    @asynccontextmanager
    async def use(
        self, context: AnalysisContext, settings: Mapping[str, str] = NO_SETTINGS
    ) -> AsyncIterator[TwinBackend]:
        """Lend a backend, set to a session's context and further settings. It goes back only after a use without error.

        Raises: CannotConnectNow (57P03) when the twin is away.
        """
        entry = await self._idle.get()
        keep: tuple[TwinBackend, Place | None] | None = None
        backend: TwinBackend | None = None
        try:
            if entry is None or entry[0].lost:
                backend, known = await self._connect(), None
            else:
                backend, known = entry
            if known != (context, settings):
                await _adopt(backend, context, settings)
            yield backend
            keep = (backend, (context, settings))
        except (BackendLost, OSError) as error:
            raise CannotConnectNow("the database system is starting up", hint="Try again in a moment.") from error
        finally:
            if keep is None and backend is not None:
                backend.close()
            self._idle.put_nowait(keep)

    async def close(self) -> None:
        """End the backends that are idle."""
        while not self._idle.empty():
            entry = self._idle.get_nowait()
            if entry is not None:
                entry[0].close()

    async def _connect(self) -> TwinBackend:
        backend = TwinBackend(None)
        await open_backend(backend, self._twin.socket_path)
        await _log_in(backend, self._twin)
        return backend


async def _adopt(backend: TwinBackend, context: AnalysisContext, settings: Mapping[str, str]) -> None:
    """Set the context; as the superuser first, since only that may set the first of it."""
    gucs = [(guc, getattr(context, name)) for name, guc in GUCS.items()] + list(settings.items())
    statements = [
        "RESET session_authorization",
        *(f"SET {guc} = {_quoted_value(guc, value)}" for guc, value in gucs if value),
    ]
    await backend.ask(query_message("; ".join(statements).encode()), 0, to_ready=True)


def _quoted_value(guc: str, value: str) -> str:
    """Write a setting's value for SET; `search_path` is a list of identifiers already, but SET refuses an empty one."""
    if guc == "search_path":
        return EMPTY_NAME.sub("''", value)
    return "'" + value.replace("'", "''") + "'"


async def _log_in(backend: TwinBackend, twin: Twin) -> None:
    """Log in as the server's own superuser, with its password in clear over the private socket."""
    pairs = {
        "user": twin.admin_name,
        "database": twin.database,
        "options": STARTUP_OPTIONS,
        "application_name": "bemidb",
    }
    body = b"".join(name.encode() + b"\0" + value.encode() + b"\0" for name, value in pairs.items()) + b"\0"
    backend.send(struct.pack(">II", len(body) + 8, 196608) + body)
    password = twin.admin_password.encode() + b"\0"
    await backend.ask(b"p" + struct.pack(">I", len(password) + 4) + password, 0, to_ready=True)


async def ask_all(backend: TwinBackend, frames: bytes) -> list[Message]:
    """Send messages ended by Sync and return all answers, errors among them."""
    return await backend.ask(frames, 0, to_ready=True, errors_kept=True)


def query_message(text: bytes) -> bytes:
    """Encode Query."""
    return b"Q" + struct.pack(">I", len(text) + 5) + text + b"\0"
