"""Numerics without precision: a decimal has one scale, so what scale a column gets is read from its values."""

from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from catalog.columns import Column
from syncer.describe import SourceTable
from syncer.extract import ALL, rows_of

MAX_DIGITS = 38


@dataclass(frozen=True, slots=True)
class Scale:
    """What the values of a column need. `problem` says why no decimal holds them all."""

    scale: int | None  # none: there are no values
    problem: str | None = None


def with_scales(connection: psycopg.Connection, table: SourceTable) -> SourceTable:
    """Settle how numerics without precision are stored: with the scale that all their values have.

    Such a column becomes text-backed when a value is NaN, infinite or would need more than 38 digits, and when scales
    differ: 1.5 beside 1.25 would read as 1.50.
    """
    for column in table.view.columns:
        if column.storage == "numeric" and column.scale is None:
            found = scale_of(connection, table, column)
            if found.problem is not None:
                table = table.text_backed(column.name, found.problem)
            else:
                table = table.with_column(replace(column, precision=MAX_DIGITS, scale=found.scale or 0))
    return table


def scale_of(connection: psycopg.Connection, table: SourceTable, column: Column, where: sql.Composable = ALL) -> Scale:
    """Read the scale that the values of a numeric column, or of an array of them, have in common."""
    name = sql.Identifier(column.name)
    rows = sql.SQL("{} WHERE {}").format(rows_of(table), where)
    if column.array:
        rows = sql.SQL("(SELECT unnest({}) AS {} FROM {}) AS elements").format(name, name, rows)
    query = sql.SQL("SELECT min(scale({0})), max(scale({0})), max(abs({0}))::text FROM {1}").format(name, rows)
    found = connection.execute(query).fetchone()
    assert found is not None
    lowest, highest, largest = found[0], found[1], str(found[2] or "0")
    if not largest[0].isdigit():
        return Scale(highest, "values that are not finite")  # NaN and infinity sort last
    if lowest != highest:
        return Scale(highest, "values of different scales")
    if len(largest.split(".")[0].lstrip("0")) + (highest or 0) > MAX_DIGITS:
        return Scale(highest, "more than 38 digits")
    return Scale(highest)
