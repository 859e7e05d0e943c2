"""Partitioned tables and views: what is known of them goes to the catalog, once all that they are made of is there."""

import structlog

from catalog.errors import NotReachable, OperatorError
from catalog.tables import TableRow
from syncer.copying import Stage, is_newer
from syncer.describe import SourceTable
from syncer.ownership import ForeignTable, check_owner, same_source
from syncer.patterns import Name
from syncer.progress import Outcome

KINDS = {"p": "partitioned table", "v": "view"}

log = structlog.get_logger()


def record_relations(stage: Stage, tables: list[SourceTable]) -> list[Outcome]:
    """Record each relation whose parts are in the lake. Returns: those for which that failed.

    A relation that lacks a part keeps what was recorded of it before: less than all rows is never shown.
    """
    if not tables:
        return []
    try:
        rows = {(row.namespace, row.name): row for row in stage.lake.read_tables()}
    except (NotReachable, OperatorError) as error:
        return [_failed(table, str(error)) for table in tables]
    source = tables[0].view.origin
    names = {name for name, row in rows.items() if row.view is not None and same_source(row.view.origin, source)}
    waiting = {table.destination: table for table in tables}
    failed: list[Outcome] = []
    while ready := [table for table in waiting.values() if not missing(table, names)]:
        for table in ready:
            del waiting[table.destination]
            problem = _record(stage, table, rows.get(table.destination))
            if problem is not None:
                failed.append(_failed(table, problem))
            names.add(table.destination)
    for table in waiting.values():
        parts = [".".join(name) for name in missing(table, names)]
        log.warning("relation_left_out", table=table.label, kind=KINDS[table.view.kind], not_in_the_lake=parts)
    return failed


def missing(table: SourceTable, names: set[Name]) -> list[Name]:
    """Return what a relation is made of and the lake has not."""
    parts = table.view.parents if table.view.kind == "v" else table.view.children
    return [name for name in parts if name not in names]


def _record(stage: Stage, table: SourceTable, row: TableRow | None) -> str | None:
    """Write one relation. Returns: what is wrong."""
    try:
        if not stage.settings.take_over:
            check_owner(table, row)
        if row is not None and is_newer(row, table):
            return None
        if not stage.lake.put_relation(*table.destination, row, table.view):
            return "another writer changed it"
    except (ForeignTable, NotReachable, OperatorError) as error:
        return str(error)
    log.info("relation_recorded", table=table.label, kind=KINDS[table.view.kind])
    return None


def _failed(table: SourceTable, error: str) -> Outcome:
    log.error("relation_failed", table=table.label, error=error)
    return Outcome(table.label, ".".join(table.destination), 0, 0, 0, error)
