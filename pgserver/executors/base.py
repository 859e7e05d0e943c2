"""What every executor gives: rows that are ready for the wire."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from pgserver.encode.rows import RowChunk, WireColumn
from pgserver.plan.planner import Scan

LAKE, BRIDGE = "Lake", "Bridge"


@dataclass(frozen=True, slots=True)
class Result:
    """One shape for engine, bridge and cache: a session cannot tell them apart.

    `chunks` must be closed (`aclose`) when the reader stops before its end: that frees the engine.
    """

    columns: tuple[WireColumn, ...]
    chunks: AsyncGenerator[RowChunk, None]
    tag: str  # of CommandComplete, without the number of rows: "SELECT"
    way: str = LAKE
    read_bytes: int = 0  # of files, as planned


@dataclass(frozen=True, slots=True)
class Explained:
    """Which way a statement goes, why it is not the engine's, what it reads, and DuckDB's plan."""

    way: str  # LAKE or BRIDGE
    reason: str
    scans: tuple[Scan, ...]
    plan: str
