"""Rows out of the source: COPY as CSV, in blocks of whole rows.

libpq hands COPY out row by row; the loop over rows does nothing but gather them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import psycopg
from psycopg import sql

from catalog.columns import Column
from syncer.describe import SourceTable

BLOCK_BYTES = 4 << 20
MAX_DIGITS = 38


Buffer = bytes | bytearray | memoryview


class Operation(Enum):
    """What the rows of a batch are to the table."""

    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole rows, as COPY's CSV prints them."""

    operation: Operation
    data: Buffer

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return len(self.data)


class RewrittenMeanwhile(Exception):
    """The table was truncated or rewritten after the snapshot was taken: the snapshot would show it empty."""


def copy_statement(table: SourceTable) -> sql.Composed:
    """Return the COPY of one table, without its children and partitions: these are tables of their own."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.view.columns)
    only = sql.SQL("ONLY ") if table.relation.kind == "r" else sql.SQL("")
    return sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv)").format(columns, only, _relation(table))


def extract(connection: psycopg.Connection, table: SourceTable) -> Iterator[Batch]:
    """Yield the table's rows as the connection's snapshot has them.

    Raises: psycopg.Error; RewrittenMeanwhile, at the end.
    """
    with connection.cursor() as cursor, cursor.copy(copy_statement(table)) as copy:
        rows = bytearray()
        while row := copy.read():
            if len(row) >= BLOCK_BYTES and not rows:
                batches = [Batch(Operation.INSERT, row)]  # huge: not copied, and not kept here
                del row
                yield batches.pop()
                continue
            rows += row  # at once: to keep libpq's many small buffers costs twice the time
            if len(rows) >= BLOCK_BYTES:
                yield Batch(Operation.INSERT, rows)
                rows = bytearray()
        if rows:
            yield Batch(Operation.INSERT, rows)
    # COPY's lock is still held, so from here on the answer cannot change. It is that of now, not of the snapshot.
    found = connection.execute("SELECT pg_relation_filenode(%s)", (table.relation.oid,)).fetchone()
    if found is None or (found[0] or 0) != table.relation.filenode:
        raise RewrittenMeanwhile("it was truncated or rewritten while the sync ran; run the sync again")


def with_scales(connection: psycopg.Connection, table: SourceTable) -> SourceTable:
    """Settle how numerics without precision are stored: with the scale that all their values have.

    Such a column becomes text-backed when a value is NaN, infinite or would need more than 38 digits, and when scales
    differ: a decimal has one scale, so that 1.5 beside 1.25 would read as 1.50.
    """
    for column in table.view.columns:
        if column.storage == "numeric" and column.scale is None:
            table = _with_scale(connection, table, column)
    return table


def _with_scale(connection: psycopg.Connection, table: SourceTable, column: Column) -> SourceTable:
    name = sql.Identifier(column.name)
    only = sql.SQL("ONLY ") if table.relation.kind == "r" else sql.SQL("")
    rows = sql.SQL("{}{}").format(only, _relation(table))
    if column.array:
        rows = sql.SQL("(SELECT unnest({}) AS {} FROM {}) AS elements").format(name, name, rows)
    query = sql.SQL("SELECT min(scale({0})), max(scale({0})), max(abs({0}))::text FROM {1}").format(name, rows)
    found = connection.execute(query).fetchone()
    assert found is not None
    scale, largest = int(found[1] or 0), str(found[2] or "0")
    if not largest[0].isdigit():
        return table.text_backed(column.name, "values that are not finite")  # NaN and infinity sort last
    if found[0] != found[1]:
        return table.text_backed(column.name, "values of different scales")
    integer_digits = len(largest.split(".")[0].lstrip("0"))
    if integer_digits + scale > MAX_DIGITS:
        return table.text_backed(column.name, "more than 38 digits")
    return table.with_column(replace(column, precision=MAX_DIGITS, scale=scale))


def _relation(table: SourceTable) -> sql.Identifier:
    return sql.Identifier(table.relation.namespace, table.relation.name)
