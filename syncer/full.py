"""A full copy: all rows of a table, a big one in parts that are read at the same time, as one snapshot."""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import psycopg
import pyarrow as pa
from psycopg import sql

from catalog.files import WrittenFile
from catalog.storage import Warehouse
from catalog.tables import Commit, LakeCatalog, TableTarget
from syncer.cursors import with_highest
from syncer.describe import SourceTable
from syncer.extract import ALL
from syncer.progress import TableProgress
from syncer.readers import Readers, Stopped
from syncer.scales import with_scales
from syncer.staging import Staged, stage
from syncer.stream import write_rows
from syncer.values import Unrepresentable
from syncer.write import FileWriter, discard

PAGE_BYTES = 8192
# A part's file should not be small for the reader, nor a part so large that the last one is waited for long.
MIN_PART_BYTES, MAX_PART_BYTES = 128 << 20, 1 << 30
PARTS_PER_JOB = 2
TID_RANGES_SINCE = 140000
# What all row groups that are being gathered may hold together.
GATHERED_BYTES = 256 << 20
MAX_ROW_GROUP_BYTES, MIN_ROW_GROUP_BYTES = 128 << 20, 16 << 20

QUERY_PAGES = """
SELECT CASE WHEN c.relkind IN ('r', 'm') AND m.amname = 'heap' THEN pg_relation_size(c.oid) END
FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.oid = %s
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table whose storage is settled, and how large it is; none where it cannot be read in parts."""

    table: SourceTable
    bytes: int | None


class FullCopy:
    """Copies whole tables."""

    def __init__(self, readers: Readers, lake: LakeCatalog, warehouse: Warehouse) -> None:
        """Take what is open."""
        self._readers = readers
        self._lake = lake
        self._warehouse = warehouse

    def copy(self, table: SourceTable, commit: Commit, progress: TableProgress) -> Staged:
        """Copy until no column holds a value that its type in the lake has not: such a column begins anew as text.

        Args: the table; what it becomes visible with; who is told of rows.
        Raises: what reading, writing and staging raise.
        """
        prepared = self._readers.submit(partial(_prepare, table=table), table.label).result()
        table = prepared.table
        while True:
            try:
                return self._attempt(table, prepared.bytes, commit, progress)
            except Unrepresentable as error:
                table = table.text_backed(error.column, error.reason)
            progress.again()

    def _attempt(self, table: SourceTable, byte_count: int | None, commit: Commit, progress: TableProgress) -> Staged:
        target = self._lake.prepare_table(*table.destination, table.view.columns)
        files = self._read_parts(table, target, parts(byte_count, self._readers.jobs), progress)
        try:
            return stage(commit, table, target, files)
        except BaseException:
            discard(self._warehouse.arrow_filesystem(), [file.location for file in files])
            raise

    def _read_parts(
        self, table: SourceTable, target: TableTarget, conditions: Sequence[sql.Composable], progress: TableProgress
    ) -> list[WrittenFile]:
        """Write the files of all parts, or none of them."""
        stop = threading.Event()
        futures = [
            self._readers.submit(
                partial(self._read_part, table=table, target=target, where=where, stop=stop, progress=progress),
                table.label,
            )
            for where in conditions
        ]
        wait(futures, return_when=FIRST_EXCEPTION)
        failed = [future for future in futures if future.done() and (future.cancelled() or future.exception())]
        if failed:
            stop.set()
            wait(futures)
        errors = [Stopped() if future.cancelled() else future.exception() for future in futures]
        files = [file for future, error in zip(futures, errors, strict=True) if not error for file in future.result()]
        found = [error for error in errors if error is not None]
        if found:
            discard(self._warehouse.arrow_filesystem(), [file.location for file in files])
            # The cause, rather than that others stopped because of it; and first of all what can be mended.
            raise min(found, key=lambda error: (isinstance(error, Stopped), not isinstance(error, Unrepresentable)))
        return files

    def _read_part(
        self,
        connection: psycopg.Connection,
        *,
        table: SourceTable,
        target: TableTarget,
        where: sql.Composable,
        stop: threading.Event,
        progress: TableProgress,
    ) -> list[WrittenFile]:
        counted = 0

        def each(rows: pa.Table) -> None:
            nonlocal counted
            if stop.is_set():
                raise Stopped("another part of the table failed")
            self._readers.check()
            counted += len(rows)
            progress.advance(len(rows))

        filesystem = self._warehouse.arrow_filesystem()
        writer = FileWriter(filesystem, target.data_location, target.arrow_schema, row_group_bytes(self._readers.jobs))
        try:
            write_rows(connection, table, target, writer, each, where)
            return writer.close()
        except BaseException:
            writer.abort()
            progress.advance(-counted)
            raise


def row_group_bytes(jobs: int) -> int:
    """Return how many bytes of rows each of so many writers may gather."""
    return min(MAX_ROW_GROUP_BYTES, max(MIN_ROW_GROUP_BYTES, GATHERED_BYTES // jobs))


def parts(byte_count: int | None, jobs: int) -> list[sql.Composable]:
    """Cut a table at page numbers; the last part has no end, for pages that were added since.

    Args: its size, none if it cannot be cut; how many are read at a time.
    """
    if byte_count is None or jobs == 1 or byte_count < 2 * MIN_PART_BYTES:
        return [ALL]
    part_bytes = min(MAX_PART_BYTES, max(MIN_PART_BYTES, byte_count // (jobs * PARTS_PER_JOB)))
    count = byte_count // part_bytes
    pages = math.ceil(byte_count / count / PAGE_BYTES)
    bounds = [pages * number for number in range(count)]
    conditions = [sql.SQL("ctid >= {} AND ctid < {}").format(_page(low), _page(high)) for low, high in pairwise(bounds)]
    return [*conditions, sql.SQL("ctid >= {}").format(_page(bounds[-1]))]


def _page(number: int) -> sql.Composed:
    return sql.SQL("{}::tid").format(sql.Literal(f"({number},0)"))


def _prepare(connection: psycopg.Connection, table: SourceTable) -> Prepared:
    table = with_highest(connection, with_scales(connection, table))
    if connection.info.server_version < TID_RANGES_SINCE:
        return Prepared(table, None)
    row = connection.execute(QUERY_PAGES, (table.relation.oid,)).fetchone()
    return Prepared(table, int(row[0]) if row is not None and row[0] is not None else None)
