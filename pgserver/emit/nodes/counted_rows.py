"""Rows that are only counted: count(DISTINCT (a, b)), count(t). A row of NULLs is one, and is not NULL itself."""

from collections.abc import Sequence

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.json_rows import row_fields, where_present
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.operators.comparisons import trimmed
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

# Types of which DuckDB tells equal values as Postgres does inside a row, too.
EQUAL_ALIKE = kinds.INTEGERS | {
    *(kinds.BOOL, kinds.NUMERIC, kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR, kinds.UUID),
    *(kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ),
}


def counted_row(signature: str, nodes: Sequence[Node], walk: Walk, *, distinct: bool) -> tuple[Value, ...] | None:
    """Return the argument of count() that is a row; None where it is none."""
    if signature != 'count("any")' or len(nodes) != 1:
        return None
    fields = row_fields(nodes[0], walk)
    if fields is None:
        return None
    row = f"row({', '.join(map(_told_apart, fields))})" if distinct else "1"
    return (Value(where_present(nodes[0], walk, row), kinds.RECORD if distinct else kinds.INT4),)


def _told_apart(value: Value) -> str:
    held = value.numeric
    varied = held is not None and (held.display is not None or held.text is not None)
    if value.opaque or varied or value.type not in EQUAL_ALIKE:
        raise NoRule("DISTINCT of rows with a value whose equal ones differ in text")
    return trimmed(value).sql
