"""The plan of a run: which tables, which of the lake they are, which are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from catalog.tables import LakeCatalog, TableRow
from syncer.choose import choose
from syncer.cursors import with_cursors
from syncer.describe import SourceTable
from syncer.ordering import with_orders
from syncer.ownership import gone_from_source, is_foreign, is_meant, refuse_foreign
from syncer.patterns import Name
from syncer.relations import WITHOUT_ROWS, Hierarchy, Relation, list_relations
from syncer.settings import SyncSettings
from syncer.source import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do. `rows`: all tables of the lake; `gone`: those that the source has no more.

    `recorded` are partitioned tables and views: what is known of them goes to the catalog when their tables are copied.
    """

    tables: list[SourceTable]
    recorded: list[SourceTable]
    rows: list[TableRow]
    gone: list[TableRow]


def plan_run(source: Source, lake: LakeCatalog, settings: SyncSettings) -> Plan:
    """Choose and describe the tables of a run.

    Raises: OperatorError when the run cannot begin.
    """
    relations = list_relations(source.connection)
    rows = lake.read_tables()
    names = {relation.full_name for relation in relations}
    gone = gone_from_source(rows, names, source, settings)
    chosen = choose(source, settings, relations, gone)
    chosen = with_cursors(chosen, for_partitions(settings.cursors(), relations), names)
    chosen = with_orders(chosen, for_partitions(settings.orders(), relations), names)
    if not settings.take_over:
        chosen = without_foreign_followers(chosen, rows, settings)
        refuse_foreign(chosen, rows)
    tables = [table for table in chosen if table.relation.kind not in WITHOUT_ROWS]
    recorded = [table for table in chosen if table.relation.kind in WITHOUT_ROWS]
    return Plan(tables, recorded, rows, gone)


def without_foreign_followers(
    chosen: Sequence[SourceTable], rows: Sequence[TableRow], settings: SyncSettings
) -> list[SourceTable]:
    """Leave out views that nobody named where something else has their place in the lake."""
    patterns, exclude = settings.patterns(), settings.include_tables is None
    by_name = {(row.namespace, row.name): row for row in rows}
    return [
        table
        for table in chosen
        if is_meant(table.relation.full_name, patterns, exclude=exclude)
        or table.relation.kind != "v"
        or not is_foreign(table, by_name.get(table.destination))
    ]


def for_partitions(columns: Mapping[Name, T], relations: Sequence[Relation]) -> dict[Name, T]:
    """Let the cursor or order of a partitioned table be that of its partitions, unless they have their own."""
    hierarchy = Hierarchy(relations)
    inherited = {
        partition.full_name: columns[relation.full_name]
        for relation in relations
        if relation.kind == "p" and relation.full_name in columns
        for partition in hierarchy.descendants(relation)
    }
    return inherited | dict(columns)
