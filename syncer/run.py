"""One sync: choose, describe, copy every table, report."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pyarrow as pa
import structlog
from psycopg import sql
from rich.console import Console

from catalog.database import wait_for
from catalog.errors import CommitConflict, CommitOutcomeUnknown, CorruptMetadata, NotReachable, OperatorError
from catalog.storage import Warehouse
from catalog.tables import Committed, LakeCatalog
from syncer.commit import commit
from syncer.convert import Converter, NotText
from syncer.describe import Relation, SourceTable, describe, list_relations, log_text_backed
from syncer.extract import Batch, RewrittenMeanwhile, extract, with_scales
from syncer.patterns import check_collisions, destination, select
from syncer.pipeline import ahead
from syncer.progress import Outcome, RunProgress, TableProgress, show_summary
from syncer.settings import DESTINATION_SCHEMA, EXCLUDE, INCLUDE, SyncSettings
from syncer.source import PATIENCE_SECONDS, Source
from syncer.values import Unrepresentable
from syncer.write import FileWriter

AHEAD_BYTES = 16 << 20
KNOWN_FAILURES = (
    RewrittenMeanwhile,
    NotText,
    NotReachable,
    OperatorError,
    CommitConflict,
    CommitOutcomeUnknown,
    CorruptMetadata,
)

log = structlog.get_logger()


def sync(settings: SyncSettings, console: Console) -> bool:
    """Copy the chosen tables.

    Returns: whether all of them were copied.
    Raises: OperatorError when the run cannot begin.
    """
    started = time.monotonic()
    warehouse = Warehouse.open(settings)
    wait_for(lambda: warehouse.check(write=True), what="the warehouse", timeout_s=PATIENCE_SECONDS)
    lake = LakeCatalog.open(settings, warehouse)
    try:
        wait_for(lake.ensure_schema, what="the catalog", timeout_s=PATIENCE_SECONDS)
        source = Source.open(settings.source_url.get_secret_value())
        try:
            tables = choose(source, settings)
            with RunProgress(console) as progress:
                outcomes = Run(source, lake, warehouse, progress).copy_all(tables, settings.sync_jobs)
        finally:
            source.close()
    finally:
        lake.close()
    show_summary(console, outcomes, time.monotonic() - started)
    return all(outcome.error is None for outcome in outcomes)


def choose(source: Source, settings: SyncSettings) -> list[SourceTable]:
    """Return the tables of this run, described, the biggest first.

    Raises: OperatorError for a pattern that matches nothing, and for two tables that would be one in the lake.
    """
    relations = list_relations(source.connection)
    patterns, exclude = settings.patterns(), settings.include_tables is None
    names = select(
        EXCLUDE if exclude else INCLUDE, patterns, (relation.full_name for relation in relations), exclude=exclude
    )
    wanted = set(names)
    named = {name for name in names if not exclude and any(pattern.names(name) for pattern in patterns)}
    chosen = [
        relation
        for relation in relations
        if relation.full_name in wanted and _is_copied(source.connection, relation, relation.full_name in named)
    ]
    schema = settings.destination_schema
    check_collisions(DESTINATION_SCHEMA, (relation.full_name for relation in chosen), schema)
    tables = describe(source, chosen, lambda name: destination(name, schema))
    log.info("tables_chosen", tables=len(tables), lsn=source.lsn)
    return sorted((table for table in tables if _has_columns(table)), key=lambda table: -table.relation.bytes)


def _is_copied(connection: psycopg.Connection, relation: Relation, named: bool) -> bool:
    """Tell whether a relation has rows of its own to copy, and say so if not."""
    reason = None
    if relation.kind == "p":
        reason = "a partitioned table has no rows of its own, its partitions are copied"
    elif relation.kind == "f" and not named:
        reason = "a foreign table is copied only when an include list names it"
    elif relation.kind == "m" and not relation.populated:
        reason = "a materialised view that was never refreshed"
    elif relation.kind == "r" and relation.has_children and _is_empty(connection, relation):
        reason = "an inheritance parent without rows of its own, its children are copied"
    if reason is not None:
        log.info("table_skipped", table=".".join(relation.full_name), reason=reason)
    return reason is None


def _is_empty(connection: psycopg.Connection, relation: Relation) -> bool:
    table = sql.Identifier(*relation.full_name)
    connection.execute("SAVEPOINT may_fail")
    try:
        found = connection.execute(sql.SQL("SELECT FROM ONLY {} LIMIT 1").format(table)).fetchone()
    except psycopg.Error:
        connection.execute("ROLLBACK TO SAVEPOINT may_fail")
        return False  # the copy fails, and says why
    return found is None


def _has_columns(table: SourceTable) -> bool:
    if not table.view.columns:
        log.info("table_skipped", table=table.label, reason="a table without columns")
    return bool(table.view.columns)


class Run:
    """The copying of one run's tables."""

    def __init__(self, source: Source, lake: LakeCatalog, warehouse: Warehouse, progress: RunProgress) -> None:
        """Take what is open."""
        self._source = source
        self._lake = lake
        self._warehouse = warehouse
        self._progress = progress

    def copy_all(self, tables: list[SourceTable], jobs: int) -> list[Outcome]:
        """Copy tables, several at a time if the source can share its snapshot; a failed one does not stop the others.

        When it is interrupted, the tables that are under way keep their previous content.
        """
        jobs = jobs if self._source.snapshot is not None else 1
        with ThreadPoolExecutor(max_workers=max(1, min(jobs, len(tables))), thread_name_prefix="table") as pool:
            try:
                return list(pool.map(self._copy, tables))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._source.cancel()
                raise

    def _copy(self, table: SourceTable) -> Outcome:
        progress = self._progress.table(table)
        log_text_backed(table)
        try:
            with self._source.reader() as connection:
                committed = self._copy_rows(connection, with_scales(connection, table), progress)
        except psycopg.Error as error:
            return progress.fail(_source_problem(error))
        except KNOWN_FAILURES as error:
            return progress.fail(str(error))
        except Exception as error:  # whatever it is, it must not stop the other tables
            log.exception("table_failed_unexpectedly", table=table.label)
            return progress.fail(f"{type(error).__name__}: {error}")
        return progress.finish(committed.view.row_count, committed.view.byte_count)

    def _copy_rows(self, connection: psycopg.Connection, table: SourceTable, progress: TableProgress) -> Committed:
        """Copy until no column holds a value that its type in the lake has not: such a column begins anew as text."""
        while True:
            connection.execute("SAVEPOINT copying")
            try:
                return self._attempt(connection, table, progress)
            except Unrepresentable as error:
                table = table.text_backed(error.column, error.reason)
            progress.again()
            connection.execute("ROLLBACK TO SAVEPOINT copying")

    def _attempt(self, connection: psycopg.Connection, table: SourceTable, progress: TableProgress) -> Committed:
        target = self._lake.prepare_table(*table.destination, table.view.columns)
        converter = Converter(target.columns, target.arrow_schema)
        writer = FileWriter(self._warehouse.arrow_filesystem(), target.data_location, target.arrow_schema)
        blocks = ahead(extract(connection, table), AHEAD_BYTES, f"read {table.label}")
        arrow = ahead(_converted(blocks, converter), AHEAD_BYTES, f"convert {table.label}")
        try:
            for rows in arrow:
                writer.add(rows)
                progress.advance(len(rows))
                del rows
            files = writer.close()
        except BaseException:
            arrow.close()
            writer.abort()
            raise
        try:
            return commit(self._lake, table, target, files)
        except (CommitConflict, NotReachable):
            writer.abort()  # surely not committed; after any other error it may be
            raise


def _converted(blocks: Generator[Batch, None, None], converter: Converter) -> Iterator[pa.Table]:
    try:
        for block in blocks:
            rows = converter.convert(block.data)
            del block  # both may be large: nothing is kept longer than needed
            yield rows
            del rows
    finally:
        blocks.close()


def _source_problem(error: psycopg.Error) -> str:
    """Return what the source says, without the values that it may quote in its detail."""
    message = error.diag.message_primary or "the connection to the source broke"
    return f"{message} ({error.sqlstate})" if error.sqlstate else message
