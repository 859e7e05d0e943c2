"""Checksums of a column, computed by the source in SQL and of the lake's files here, by different code.

Numbers are summed, floats and times by their bits, everything else by 60 bits of the MD5 of its text. No checksum
depends on the order of rows; that of an array does on the order of its elements.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from catalog.columns import Column
from syncer.describe import SourceTable
from syncer.extract import rows_of

DAYS_1970_TO_2000 = 10_957
DAY_US = 86_400_000_000
INT64_MAX = 2**63 - 1

NUMBERS = {"int2", "int4", "int8", "oid"}
# Storage: the function that gives the bits, how many, and what the lake's number is greater by.
BITS = {
    "float4": ("float4send", 32, 0),
    "float8": ("float8send", 64, 0),
    "date": ("date_send", 32, DAYS_1970_TO_2000),
    "time": ("time_send", 64, 0),
    "timestamp": ("timestamp_send", 64, DAYS_1970_TO_2000 * DAY_US),
    "timestamptz": ("timestamptz_send", 64, DAYS_1970_TO_2000 * DAY_US),
}
INFINITE = {"date", "timestamp", "timestamptz"}


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of one column: how many values it has (of arrays: how many arrays and how many elements), and their sum."""

    values: int
    elements: int
    total: int

    def __add__(self, other: "Checksum") -> "Checksum":
        """Return the checksum of both parts."""
        return Checksum(self.values + other.values, self.elements + other.elements, self.total + other.total)


ZERO = Checksum(0, 0, 0)


def of_source(
    connection: psycopg.Connection, table: SourceTable, columns: Sequence[Column]
) -> tuple[int, list[Checksum]]:
    """Let the source count its rows and compute the checksums of columns.

    Args: a connection in the run's snapshot; the table; the columns as the lake stores them.
    """
    items: list[sql.Composable] = [sql.SQL("count(*)")]
    for column in columns:
        name = sql.Identifier(column.name)
        if column.array:
            element = sql.SQL("(SELECT sum(({}) * n) FROM unnest({}) WITH ORDINALITY AS u(e, n))").format(
                _source_term(column, _ELEMENT), name
            )
            items += [
                sql.SQL("count({})").format(name),
                sql.SQL("coalesce(sum(cardinality({})), 0)").format(name),
                sql.SQL("coalesce(sum({}), 0)").format(element),
            ]
        else:
            items += [
                sql.SQL("count({})").format(name),
                sql.SQL("count({})").format(name),
                sql.SQL("coalesce(sum({}), 0)").format(_source_term(column, name)),
            ]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(items), rows_of(table))
    row = connection.execute(query).fetchone()
    assert row is not None
    numbers = [int(value) for value in row]
    return numbers[0], [Checksum(*numbers[start : start + 3]) for start in range(1, len(numbers), 3)]


_ELEMENT = sql.SQL("e")


def _source_term(column: Column, value: sql.Composable) -> sql.Composable:
    """Return the number that stands for a value."""
    storage = column.storage
    if storage in NUMBERS:
        return sql.SQL("{}::bigint::numeric").format(value)
    if storage == "bool":
        return sql.SQL("{}::int").format(value)
    if storage in BITS:
        send, bits, _ = BITS[storage]
        integer = "int" if bits == 32 else "bigint"
        number = sql.SQL(f"('x' || encode({send}({{}}), 'hex'))::bit({bits})::{integer}::numeric").format(value)
        if storage in INFINITE:
            form = "CASE {0} WHEN 'infinity' THEN {1} WHEN '-infinity' THEN -{1} ELSE {2} END"
            return sql.SQL(form).format(value, sql.SQL(INFINITY), number)
        return number
    text = value if storage == "bytea" else sql.SQL("format('%s', {})").format(value)
    return sql.SQL(
        "CASE WHEN {} IS DISTINCT FROM NULL THEN ('x' || left(md5({}), 15))::bit(60)::bigint::numeric END"
    ).format(value, text)


INFINITY = "1000003"  # a number that stands for infinite times


def of_rows(engine: duckdb.DuckDBPyConnection, column: Column, values: pa.ChunkedArray) -> Checksum:
    """Compute the checksum of a column of some rows of the lake.

    Args: any DuckDB; the column; its values, as its data files hold them.
    """
    found = len(values) - values.null_count
    if column.array:
        elements = pc.list_flatten(values)
        return Checksum(found, len(elements), _total(engine, column, elements, _ordinals(values)))
    return Checksum(found, found, _total(engine, column, values, None))


def _ordinals(lists: pa.ChunkedArray) -> pa.Array:
    """Return the place of each element in its list, from 1 on."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    return pa.array(np.arange(lengths.sum()) - np.repeat(starts, lengths) + 1)


def _total(
    engine: duckdb.DuckDBPyConnection, column: Column, values: pa.ChunkedArray | pa.Array, weights: pa.Array | None
) -> int:
    storage = column.storage
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    if storage in BITS:
        _, bits, offset = BITS[storage]
        integer = pa.int32() if bits == 32 else pa.int64()
        chunks = [chunk.view(integer) for chunk in chunks]
        term = f"v::HUGEINT - {offset}"
        if storage in INFINITE:
            largest = 2 ** (bits - 1) - 1
            term = f"CASE v WHEN {largest} THEN {INFINITY} WHEN -{largest} THEN -{INFINITY} ELSE {term} END"
    elif storage in NUMBERS:
        term = "v::HUGEINT"
    elif storage == "bool":
        term = "v::INTEGER::HUGEINT"
    else:
        text = "v" if storage == "bytea" else "v::VARCHAR"
        term = f"('0x' || left(md5({text}), 15))::BIGINT::HUGEINT"
    if not chunks or not sum(len(chunk) for chunk in chunks):
        return 0
    part = {"v": pa.chunked_array(chunks)}
    if weights is not None:
        part["n"] = weights
        term = f"({term}) * n"
    engine.register("part", pa.table(part))
    row = engine.execute(f"SELECT coalesce(sum({term}), 0)::VARCHAR FROM part").fetchone()  # noqa: S608 - our constants
    assert row is not None
    return int(row[0])
