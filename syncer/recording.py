"""Partitioned tables and views: what is known of them goes to the catalog, together with all that they are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from catalog.pointers import Change
from catalog.relations import relation_change
from catalog.tables import TableRow
from syncer.copying import is_newer
from syncer.describe import SourceTable
from syncer.ownership import ForeignTable, check_owner, same_source
from syncer.patterns import Name
from syncer.progress import Outcome, failed

KINDS = {"p": "partitioned table", "v": "view"}

log = structlog.get_logger()


@dataclass(slots=True)
class Recorded:
    """What is to be done with the relations that have no rows. `left`: those whose parts are not there."""

    changes: dict[Name, Change] = field(default_factory=dict)
    failed: list[Outcome] = field(default_factory=list)
    left: list[SourceTable] = field(default_factory=list)


def record_relations(
    tables: Iterable[SourceTable],
    rows: Mapping[Name, TableRow],
    landing: set[Name],
    blocked: Mapping[str, set[Name]],
    *,
    take_over: bool,
) -> Recorded:
    """Say what is to be written of each relation whose parts are in the lake, or will be with the same commit.

    A relation that lacks a part keeps what was recorded of it before: less than all rows is never shown.
    Args: the relations; the lake as it is; the tables that are about to land; by kind of relation, the tables that are
    as they were before this run, and that no such relation may be changed for; whether others' may be replaced.
    """
    recorded = Recorded()
    waiting = {table.destination: table for table in tables}
    if not waiting:
        return recorded
    source = next(iter(waiting.values())).view.origin
    names = {name for name, row in rows.items() if row.view is not None and same_source(row.view.origin, source)}
    names = (names | landing) - waiting.keys()
    while ready := [t for t in waiting.values() if parts_of(t) <= names and not parts_of(t) & blocked[t.view.kind]]:
        for table in ready:
            del waiting[table.destination]
            _record(table, rows.get(table.destination), recorded, take_over=take_over)
            names.add(table.destination)
    recorded.left = list(waiting.values())
    return recorded


def parts_of(table: SourceTable) -> set[Name]:
    """Return what a relation is made of."""
    return set(table.view.parents if table.view.kind == "v" else table.view.children)


def tell_left(tables: Iterable[SourceTable], rows: Mapping[Name, TableRow]) -> None:
    """Say which relations are not in the lake, or as they were before."""
    for table in tables:
        parts = sorted(".".join(name) for name in parts_of(table) if name not in rows)
        log.warning("relation_left_out", table=table.label, kind=KINDS[table.view.kind], not_in_the_lake=parts)


def _record(table: SourceTable, row: TableRow | None, recorded: Recorded, *, take_over: bool) -> None:
    try:
        if not take_over:
            check_owner(table, row)
    except ForeignTable as error:
        recorded.failed.append(failed(table, str(error)))
        return
    if row is None or not is_newer(row, table):
        recorded.changes[table.destination] = relation_change(*table.destination, row, table.view)
