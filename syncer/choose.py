"""Which relations of the source a run copies."""

from collections.abc import Sequence

import psycopg
import structlog
from psycopg import sql

from catalog.tables import TableRow
from syncer.describe import Relation, SourceTable, describe
from syncer.patterns import check_collisions, destination, select
from syncer.settings import DESTINATION_SCHEMA, EXCLUDE, INCLUDE, SyncSettings
from syncer.source import Source

log = structlog.get_logger()


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
