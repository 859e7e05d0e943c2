"""The cursor of an incremental copy: a column that only grows, and the window of rows that a copy must read again.

The window reaches back by `BEMIDB_INCREMENTAL_OVERLAP` before the highest value that the last copy saw: a transaction
may take its time stamp, or its number from a sequence, well before it commits. For a time the reach is subtracted; for
a number it is the highest one of the last copy that is at least that much older. No transaction that writes the table
may be open for longer than the overlap.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from catalog.columns import Column
from catalog.errors import OperatorError
from syncer.describe import Cursor, SourceTable
from syncer.extract import rows_of
from syncer.patterns import Name
from syncer.settings import CURSORS
from syncer.staging import CURSOR_COLUMN, CURSOR_VALUE

NUMBERS = {"int2", "int4", "int8"}
TIMES = {"date", "timestamp", "timestamptz"}


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a table that may be new or changed. `low` is the lowest cursor value of them, in Postgres' text."""

    cursor: Column
    low: str
    condition: sql.Composed


def with_cursors(
    tables: Iterable[SourceTable], cursors: Mapping[Name, str], known: Collection[Name]
) -> list[SourceTable]:
    """Note with each table the cursor column that is configured for it.

    Args: the tables of this run; the configured columns; the names of all relations of the source.
    Raises: OperatorError for a table or a column that is missing, and for a column that cannot be a cursor.
    """
    for name in cursors:
        if name not in known:
            raise OperatorError(CURSORS, f"the source has no table {'.'.join(name)}", "correct the name")
    return [_with_cursor(table, cursors.get(table.relation.full_name)) for table in tables]


def _with_cursor(table: SourceTable, name: str | None) -> SourceTable:
    if name is None:
        return table
    column = next((column for column in table.view.columns if column.name == name), None)
    if column is None:
        problem, fix = "does not exist", "correct the name"
    elif column.array or column.storage not in NUMBERS | TIMES:
        problem, fix = f"is of type {column.type}, which does not grow", "name an integer, date or timestamp column"
    elif not column.not_null:
        problem, fix = "may be NULL, and such rows would be missed", "make it NOT NULL, or copy the table in full"
    else:
        return replace(table, cursor=Cursor(name, ""))
    raise OperatorError(CURSORS, f"the column {name} of {table.label} {problem}", fix)


def with_highest(connection: psycopg.Connection, table: SourceTable) -> SourceTable:
    """Read the highest cursor value of the snapshot; infinite times are not counted, they would end all growth."""
    if table.cursor is None:
        return table
    name = sql.Identifier(table.cursor.column)
    finite = sql.SQL("isfinite({})").format(name) if _column(table).storage in TIMES else sql.SQL("true")
    query = sql.SQL("SELECT max({})::text FROM {} WHERE {}").format(name, rows_of(table), finite)
    row = connection.execute(query).fetchone()
    return replace(table, cursor=Cursor(table.cursor.column, str(row[0]) if row and row[0] is not None else ""))


def window(
    connection: psycopg.Connection, table: SourceTable, summaries: Sequence[Mapping[str, str]], overlap_s: float
) -> Window | str:
    """Return the window to read, or why there is none.

    Args: a connection in the run's snapshot; the table; the summaries of the snapshots in the lake, the newest first;
    how far to reach back.
    """
    assert table.cursor is not None
    column = _column(table)
    seen = list(_seen(table.cursor.column, summaries))
    if not seen or not seen[0][1]:
        return "no cursor is known of the last copy"
    low: str | None
    if column.storage in NUMBERS:
        limit = seen[0][0] - timedelta(seconds=overlap_s)
        low = next((value for at, value in seen if at <= limit and value), None)
        if low is None:
            return "the first cursor is younger than the overlap"
    else:
        query = sql.SQL("SELECT (({}::{}) - {}::interval)::{}::text")
        kind = sql.SQL(column.storage)  # one of TIMES
        reach = sql.Literal(f"{overlap_s} seconds")
        row = connection.execute(query.format(sql.Literal(seen[0][1]), kind, reach, kind)).fetchone()
        assert row is not None
        low = str(row[0])
    condition = sql.SQL("{} >= {}").format(sql.Identifier(column.name), sql.Literal(low))
    return Window(column, low, condition)


def _seen(column: str, summaries: Iterable[Mapping[str, str]]) -> Iterable[tuple[datetime, str]]:
    """Yield when a snapshot of the source was taken and its highest value, as long as they are of this column."""
    for summary in summaries:
        if summary.get(CURSOR_COLUMN) != column:
            return
        yield datetime.fromisoformat(summary["bemidb.synced-at"]), summary[CURSOR_VALUE]


def _column(table: SourceTable) -> Column:
    assert table.cursor is not None
    name = table.cursor.column
    return next(column for column in table.view.columns if column.name == name)
