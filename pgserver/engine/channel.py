"""Frames between the server and an engine's child process, over one socket pair.

A frame is a header (body length, kind, statement) and a body: JSON, but for rows, which are offsets and bytes as they
are. Nothing that comes from the child is ever unpickled or evaluated: a child runs what is worst in the house.

server -> child: OPTIONS once, then per statement RUN or EXPLAIN, CREDIT (one more chunk may be sent), CANCEL.
child -> server: READY once, then per statement any number of CHUNK, and at last one of END, TEXT, ERROR. Now and then
REQUESTS: what was asked of object storage meanwhile.
"""

import json
import struct
from dataclasses import asdict
from enum import IntEnum
from typing import Any

import numpy as np

from pgserver.encode.copy import CopyLayout
from pgserver.encode.rows import RowChunk, WireColumn, WireSettings

HEADER = struct.Struct("<QBI")
MAX_BODY_BYTES = 3 << 30  # a row may have 1 GiB, a chunk ends with the row that fills it
MAX_STATEMENTS = 2**32
INITIAL_CREDIT = 2  # chunks on the way while the reader is busy with one
_ROWS = struct.Struct("<Q")


class Kind(IntEnum):
    """What a frame is."""

    OPTIONS = 1
    READY = 2
    RUN = 3
    EXPLAIN = 4
    CREDIT = 5
    CANCEL = 6
    CHUNK = 7
    END = 8
    TEXT = 9
    ERROR = 10
    SECRETS = 11
    REQUESTS = 12


def frame(kind: Kind, statement: int = 0, body: dict[str, Any] | None = None) -> bytes:
    """Return a frame whose body is JSON (or nothing)."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    return HEADER.pack(len(content), kind, statement) + content


def body_of(content: bytes | memoryview) -> dict[str, Any]:
    """Read a JSON body."""
    value = json.loads(bytes(content)) if len(content) else {}
    assert isinstance(value, dict)
    return value


def chunk_parts(statement: int, chunk: RowChunk) -> list[bytes | memoryview]:
    """Return a chunk's frame in parts, which need not be joined to be sent."""
    offsets = np.ascontiguousarray(chunk.offsets).data.cast("B")
    length = _ROWS.size + len(offsets) + len(chunk.data)
    return [HEADER.pack(length, Kind.CHUNK, statement) + _ROWS.pack(len(chunk)), offsets, memoryview(chunk.data)]


def chunk_from(content: memoryview) -> RowChunk:
    """Read a CHUNK's body; the rows stay where they are.

    Raises: ValueError when the body contradicts itself.
    """
    (rows,) = _ROWS.unpack_from(content)
    start = _ROWS.size + 8 * (rows + 1)
    offsets = np.frombuffer(content, dtype=np.int64, count=rows + 1, offset=_ROWS.size)
    data = content[start:]
    whole = not rows or int(offsets[-1]) == len(data)  # the end of a file belongs to no row
    if int(offsets[0]) != 0 or not whole or bool((np.diff(offsets) < 0).any()):
        raise ValueError("a chunk's offsets do not fit its bytes")
    return RowChunk(data, offsets)


def request_body(
    sql: str,
    columns: tuple[WireColumn, ...],
    settings: WireSettings,
    peak_chunk_bytes: int,
    layout: CopyLayout | None = None,
) -> dict[str, Any]:
    """Return the body of RUN."""
    return {
        "sql": sql,
        "columns": [[c.type_oid, c.typmod, c.format, c.typtype, c.element_oid] for c in columns],
        "settings": asdict(settings),
        "chunk_bytes": peak_chunk_bytes,
        "layout": None if layout is None else asdict(layout),
    }


def request_from(
    body: dict[str, Any],
) -> tuple[str, tuple[WireColumn, ...], WireSettings, int, CopyLayout | None]:
    """Read the body of RUN."""
    columns = tuple(WireColumn(*column) for column in body["columns"])
    layout = None if body["layout"] is None else CopyLayout(**body["layout"])
    return body["sql"], columns, WireSettings(**body["settings"]), body["chunk_bytes"], layout
