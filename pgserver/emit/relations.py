"""A pinned table to a FROM item: its Parquet files where no row was deleted, else its Iceberg metadata."""

from collections.abc import Sequence
from pathlib import Path

from catalog.columns import TableView
from catalog.scan import ScanPlan
from catalog.types import duckdb_type
from pgserver.emit.literals import text_literal
from pgserver.emit.parts import RelationHole

# A file without rows or columns of the lake's. DuckDB reads one file by as many threads as it has row groups, and with
# `schema=` does not know that there is more than one (ParquetMultiFileInfo::MaxThreads); several files take them all.
EMPTY_FILE = Path(__file__).with_name("empty.parquet")
ROW_GROUP_ROWS = 122_880  # what a thread takes at once, at least


def relation_sql(hole: RelationHole, view: TableView, plan: ScanPlan) -> str:
    """Return the FROM item that fills a hole.

    `read_parquet` keeps DuckDB's late materialization, which `iceberg_scan` loses (`ORDER BY ... LIMIT 5`: 0.06 s and
    0.2 s). With `schema=` DuckDB opens no file while it plans, so it must be told the number of rows: joins were
    2-20x slower without.
    """
    if not view.columns:
        return f"(SELECT 1 AS c1 FROM range({plan.rows})) AS {hole.alias}"
    if plan.has_deletes:
        return _iceberg(hole, view, plan)
    columns = {column.attnum: column for column in view.columns}
    if not plan.files:
        items = ", ".join(f"CAST(NULL AS {duckdb_type(columns[attnum])}) AS c{attnum}" for attnum in hole.columns)
        return f"(SELECT {items} WHERE false) AS {hole.alias}"
    layout = [(columns[attnum].field_id, duckdb_type(columns[attnum])) for attnum in hole.columns]
    return parquet_sql(hole, layout, [plan])


def parquet_sql(hole: RelationHole, layout: Sequence[tuple[int, str]], plans: Sequence[ScanPlan]) -> str:
    """Return what reads Parquet files.

    Args: the hole; field id and DuckDB's type of each of its columns; whose files to read.
    """
    rows = sum(plan.rows for plan in plans)
    paths = [file.path for plan in plans for file in plan.files]
    if len(paths) == 1 and rows > ROW_GROUP_ROWS:
        paths.append(str(EMPTY_FILE))
    files = ", ".join(map(text_literal, paths))
    schema = ", ".join(
        f"{field_id}: {{name: 'c{attnum}', type: '{duckdb}', default_value: NULL}}"
        for attnum, (field_id, duckdb) in zip(hole.columns, layout, strict=True)
    )
    return f"read_parquet([{files}], schema=MAP {{{schema}}}, explicit_cardinality={rows}) AS {hole.alias}"


def _iceberg(hole: RelationHole, view: TableView, plan: ScanPlan) -> str:
    names = {column.field_id: f"c{column.attnum}" for column in view.columns}
    aliases = ", ".join(names.get(field_id, f"f{field_id}") for field_id, _ in plan.fields)
    types = {f"c{column.attnum}": duckdb_type(column) for column in view.columns}
    source = f"iceberg_scan({text_literal(plan.metadata_location)}) AS {hole.alias}({aliases})"
    items = ", ".join(f"CAST(c{attnum} AS {types[f'c{attnum}']}) AS c{attnum}" for attnum in hole.columns)
    return f"(SELECT {items} FROM {source}) AS {hole.alias}"
