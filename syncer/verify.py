"""`python -m syncer verify`: do the source and the lake hold the same rows?"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import duckdb
import psycopg
import pyarrow.parquet as pq
from rich.console import Console

from catalog.columns import TableView
from catalog.schemas import file_schema
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog, TableRow
from syncer import checksums
from syncer.checksums import Checksum
from syncer.copying import source_problem
from syncer.describe import SourceTable
from syncer.plan import plan_run
from syncer.progress import say
from syncer.readers import Readers
from syncer.settings import SyncSettings
from syncer.source import Source
from syncer.upsert import row_groups


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found of one table; no problems: it is the same."""

    label: str
    rows: int
    problems: tuple[str, ...]

    @property
    def line(self) -> str:
        """What the user reads."""
        if self.problems:
            return f"{self.label}: differs: {'; '.join(self.problems)}"
        return f"{self.label}: equal, {self.rows} rows"


def verify(settings: SyncSettings, console: Console) -> bool:
    """Compare the source, at one snapshot, with the lake as it is now: counts, and a checksum of every column.

    What was written to the source since the last sync is a difference, too.
    Returns: whether all tables are equal.
    Raises: OperatorError.
    """
    warehouse = Warehouse.open(settings)
    lake = LakeCatalog.open(settings, warehouse)
    with closing(lake), closing(Source.open(settings.source_url.get_secret_value())) as source:
        plan = plan_run(source, lake, settings)
        rows = {(row.namespace, row.name): row for row in plan.rows}
        readers = Readers(source, settings.sync_jobs)
        with closing(readers):
            futures = [
                (
                    table,
                    readers.submit(
                        partial(_compare, lake=lake, warehouse=warehouse, table=table, row=rows.get(table.destination)),
                        table.label,
                    ),
                )
                for table in plan.tables
            ]
            equal = True
            for table, future in futures:
                try:
                    comparison = future.result()
                except psycopg.Error as error:
                    comparison = Comparison(table.label, 0, (source_problem(error),))
                say(console, comparison.line)
                equal = equal and not comparison.problems
    return equal


def _compare(
    connection: psycopg.Connection, *, lake: LakeCatalog, warehouse: Warehouse, table: SourceTable, row: TableRow | None
) -> Comparison:
    if row is None or row.view is None:
        return Comparison(table.label, 0, ("it is not in the lake",))
    view = row.view
    if lake.plan(row).has_deletes:
        return Comparison(table.label, 0, ("another program has deleted rows of it",))
    names = [[column.name for column in each.columns] for each in (table.view, view)]
    if names[0] != names[1]:
        return Comparison(table.label, 0, (f"its columns are {_list(names[0])}, in the lake {_list(names[1])}",))
    count, source = checksums.of_source(connection, table, view.columns)
    found, held = _of_lake(lake, warehouse, row, view)
    problems = []
    if count != found:
        problems.append(f"{count} rows at the source, {found} in the lake")
    if found != view.row_count:
        problems.append(f"the catalog says {view.row_count} rows, the files have {found}")
    differing = [column.name for column, one, other in zip(view.columns, source, held, strict=True) if one != other]
    if differing:
        problems.append(f"other values in {_list(differing)}")
    return Comparison(table.label, count, tuple(problems))


def _of_lake(lake: LakeCatalog, warehouse: Warehouse, row: TableRow, view: TableView) -> tuple[int, list[Checksum]]:
    """Read all data files of a table; one without columns has none."""
    if not view.columns:
        return view.row_count, []
    plan = lake.plan(row)
    content = lake.read_content(row)
    schema = file_schema(view.columns, content.schema)
    filesystem = warehouse.arrow_filesystem()
    totals = [checksums.ZERO] * len(view.columns)
    count = 0
    with duckdb.connect(config={"threads": 1}) as engine:
        for data_file in plan.files:
            path = warehouse.arrow_path(data_file.path)
            with filesystem.open_input_file(path) as handle, pq.ParquetFile(handle) as file:
                for rows in row_groups(file, schema, schema.names):
                    count += len(rows)
                    for index, column in enumerate(view.columns):
                        totals[index] += checksums.of_rows(engine, column, rows.column(index))
    return count, totals


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
