"""Rows out of the source: COPY as CSV, in blocks of whole rows."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

import psycopg
from psycopg import sql

from syncer.copy_messages import Block
from syncer.copy_out import copy_out
from syncer.describe import SourceTable
from syncer.ordering import order_by


class Operation(Enum):
    """What the rows of a batch are to the table."""

    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole rows, as COPY's CSV prints them."""

    operation: Operation
    block: Block

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return len(self.block.data)


class RewrittenMeanwhile(Exception):
    """The table was truncated or rewritten after the snapshot was taken: the snapshot would show it empty."""


ALL = sql.SQL("true")


def copy_statement(table: SourceTable, where: sql.Composable = ALL) -> sql.Composed:
    """Return the COPY of a table's rows in their order, without its children: these are tables of their own."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.view.columns)
    condition = sql.SQL("") if where is ALL else sql.SQL(" WHERE {}").format(where)
    query = sql.SQL("SELECT {} FROM {}{}{}").format(columns, rows_of(table), condition, order_by(table))
    return sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)


def rows_of(table: SourceTable) -> sql.Composed:
    """Return what stands after FROM."""
    only = sql.SQL("ONLY ") if table.relation.kind == "r" else sql.SQL("")
    return sql.SQL("{}{}").format(only, sql.Identifier(table.relation.namespace, table.relation.name))


def count_rows(connection: psycopg.Connection, table: SourceTable) -> int:
    """Return how many rows the connection's snapshot has of a table."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(rows_of(table))).fetchone()
    assert row is not None
    return int(row[0])


def extract(connection: psycopg.Connection, table: SourceTable, where: sql.Composable = ALL) -> Iterator[Batch]:
    """Yield the table's rows as the connection's snapshot has them.

    Raises: psycopg.Error; RewrittenMeanwhile, at the end.
    """
    with closing(copy_out(connection, copy_statement(table, where))) as blocks:
        for block in blocks:
            batches = [Batch(Operation.INSERT, block)]
            del block  # it may be huge: not kept here
            yield batches.pop()
    # COPY's lock is still held, so from here on the answer cannot change. It is that of now, not of the snapshot.
    found = connection.execute("SELECT pg_relation_filenode(%s)", (table.relation.oid,)).fetchone()
    if found is None or (found[0] or 0) != table.relation.filenode:
        raise RewrittenMeanwhile("it was truncated or rewritten while the sync ran; run the sync again")
