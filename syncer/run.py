"""One sync: choose, describe, copy every table, report."""

import time
from collections.abc import Sequence
from contextlib import closing

import psycopg
import structlog
from psycopg import sql
from rich.console import Console

from catalog.database import wait_for
from catalog.locks import Locks
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog, TableRow
from syncer.copying import Copying, Stage
from syncer.cursors import with_cursors
from syncer.describe import Relation, SourceTable, describe, list_relations
from syncer.ownership import gone_from_source, refuse_foreign, settle_gone
from syncer.patterns import check_collisions, destination, select
from syncer.progress import Outcome, RunProgress, show_summary
from syncer.record import Record
from syncer.settings import DESTINATION_SCHEMA, EXCLUDE, INCLUDE, SyncSettings
from syncer.source import PATIENCE_SECONDS, Source
from syncer.unchanged import last

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
    with closing(lake), closing(lake.locks()) as locks:
        wait_for(lake.ensure_schema, what="the catalog", timeout_s=PATIENCE_SECONDS)
        with Record(lake, locks) as record:
            source = Source.open(settings.source_url.get_secret_value())
            with closing(source):
                record.source = source
                record.outcomes = copy_tables(settings, source, lake, warehouse, locks, console)
            record.seconds = time.monotonic() - started
    if settings.summary_json is not None:
        record.write_summary(settings.summary_json)
    show_summary(console, record.outcomes, record.seconds)
    return all(outcome.error is None for outcome in record.outcomes)


def copy_tables(
    settings: SyncSettings, source: Source, lake: LakeCatalog, warehouse: Warehouse, locks: Locks, console: Console
) -> list[Outcome]:
    """Copy the chosen tables, and see to those that are gone.

    Raises: OperatorError before anything is copied.
    """
    relations = list_relations(source.connection)
    rows = lake.read_tables()
    names = {relation.full_name for relation in relations}
    gone = gone_from_source(rows, names, source, settings)
    tables = with_cursors(choose(source, settings, relations, gone), settings.cursors(), names)
    if not settings.take_over:
        refuse_foreign(tables, rows)
    with RunProgress(console) as progress:
        outcomes = Copying(Stage(settings, source, lake, warehouse, locks, progress)).copy_all(last(tables, rows))
    settle_gone(lake, gone, source.synced_at, drop=settings.drop_missing)
    return outcomes


def choose(
    source: Source, settings: SyncSettings, relations: Sequence[Relation], gone: Sequence[TableRow]
) -> list[SourceTable]:
    """Return the tables of this run, described, the biggest first.

    Args: the source; the run; what the source has; what it had, which a pattern may still name.
    Raises: OperatorError for a pattern that matches nothing, and for two tables that would be one in the lake.
    """
    patterns, exclude = settings.patterns(), settings.include_tables is None
    known = [relation.full_name for relation in relations]
    known += [(row.view.origin.namespace, row.view.origin.table) for row in gone if row.view is not None]
    names = select(EXCLUDE if exclude else INCLUDE, patterns, known, exclude=exclude)
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
