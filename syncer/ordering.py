"""The order of a table's rows in its files, where one is configured: readers then leave out most of each file.

The source sorts: it can do so with any number of rows. Each part of a big table is sorted by itself, so that parts are
still read at the same time; the files of all parts have row groups with narrow bounds.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from psycopg import sql

from catalog.columns import Column
from catalog.errors import OperatorError
from syncer.describe import SourceTable
from syncer.patterns import Name
from syncer.relations import WITHOUT_ROWS
from syncer.settings import SORT

# What the lake's files order as the source does. All else is text there, and ordered as its bytes are.
ORDERED = {"bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "date", "time", "timestamp"}
ORDERED |= {"timestamptz", "uuid", "bytea"}


def with_orders(
    tables: Iterable[SourceTable], orders: Mapping[Name, tuple[str, ...]], known: Collection[Name]
) -> list[SourceTable]:
    """Note with each table the columns that it is to be sorted by.

    Args: the tables of this run; the configured columns; the names of all relations of the source.
    Raises: OperatorError for a table or a column that is missing, and for a column of arrays.
    """
    for name in orders:
        if name not in known:
            raise OperatorError(SORT, f"the source has no table {'.'.join(name)}", "correct the name")
    return [_with_order(table, orders.get(table.relation.full_name, ())) for table in tables]


def _with_order(table: SourceTable, names: tuple[str, ...]) -> SourceTable:
    if table.relation.kind in WITHOUT_ROWS:
        return table
    columns = {column.name: column for column in table.view.columns}
    for name in names:
        if name not in columns:
            raise OperatorError(SORT, f"the column {name} of {table.label} does not exist", "correct the name")
        if columns[name].array:
            raise OperatorError(SORT, f"the column {name} of {table.label} is an array", "name another column")
    return replace(table, view=replace(table.view, order=names))


def order_by(table: SourceTable) -> sql.Composable:
    """Return the ORDER BY of a table's COPY; nothing where no order is configured."""
    if not table.view.order:
        return sql.SQL("")
    columns = {column.name: column for column in table.view.columns}
    return sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(_sorted(columns[name]) for name in table.view.order))


def _sorted(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.storage in ORDERED:
        return name
    # A cast would strip the blanks that the files have.
    text = "pg_catalog.textin(pg_catalog.bpcharout({}))" if column.storage == "bpchar" else "({})::pg_catalog.text"
    return sql.SQL(text + ' COLLATE "C"').format(name)
