"""Which relations of the source a run copies, or only records: partitioned tables and views have no rows."""

from collections.abc import Callable, Mapping, Sequence

import structlog

from catalog.tables import TableRow
from syncer.describe import SourceTable, describe
from syncer.patterns import Name, check_collisions, destination, select
from syncer.relations import Hierarchy, Relation
from syncer.settings import DESTINATION_SCHEMA, EXCLUDE, INCLUDE, SyncSettings
from syncer.source import Source
from syncer.views import ViewDefinition, read_views

log = structlog.get_logger()


def choose(
    source: Source, settings: SyncSettings, relations: Sequence[Relation], gone: Sequence[TableRow]
) -> list[SourceTable]:
    """Return the relations of this run, described, the biggest first.

    Args: the source; the run; what the source has; what it had, which a pattern may still name.
    Raises: OperatorError for a pattern that matches nothing, and for two tables that would be one in the lake.
    """
    patterns, exclude = settings.patterns(), settings.include_tables is None
    known = [relation.full_name for relation in relations]
    known += [(row.view.origin.namespace, row.view.origin.table) for row in gone if row.view is not None]
    names = select(EXCLUDE if exclude else INCLUDE, patterns, known, exclude=exclude)
    named = {name for name in names if not exclude and any(pattern.names(name) for pattern in patterns)}
    wanted = with_descendants(relations, set(names), exclude=exclude)
    schema = settings.destination_schema

    def place(name: Name) -> Name:
        return destination(name, schema)

    views = read_views(source.connection, relations, place)
    if not exclude:
        wanted |= followers(relations, views, {place(name) for name in wanted}, place)
    chosen = [
        relation
        for relation in relations
        if relation.full_name in wanted
        and (relation.oid in views if relation.kind == "v" else _is_copied(relation, named))
    ]
    check_collisions(DESTINATION_SCHEMA, (relation.full_name for relation in chosen), schema)
    hierarchy = Hierarchy(relations, left_out={*known} - wanted)
    _tell_incomplete(chosen, Hierarchy(relations), hierarchy)
    tables = describe(source, chosen, hierarchy, views, place)
    log.info("tables_chosen", tables=len(tables), lsn=source.lsn)
    return sorted(tables, key=lambda table: -table.relation.bytes)


def with_descendants(relations: Sequence[Relation], names: set[Name], *, exclude: bool) -> set[Name]:
    """Let a table's name stand for its partitions and children, too, whether it is to be copied or left out."""
    hierarchy = Hierarchy(relations)
    marked = [relation for relation in relations if (relation.full_name in names) is not exclude]
    below = {item.full_name for relation in marked for item in hierarchy.descendants(relation)}
    return names - below if exclude else names | below


def followers(
    relations: Sequence[Relation], views: Mapping[int, ViewDefinition], there: set[Name], place: Callable[[Name], Name]
) -> set[Name]:
    """Return the views of which all that they read is wanted: they cost nothing, and show nothing more.

    Args: the source's relations and views; the names in the lake of what is wanted; where a source table goes there.
    """
    there, found = set(there), set[Name]()
    left = [relation for relation in relations if relation.oid in views]
    while ready := [relation for relation in left if (reads := views[relation.oid].reads) and there.issuperset(reads)]:
        found |= {relation.full_name for relation in ready}
        there |= {place(relation.full_name) for relation in ready}
        left = [relation for relation in left if relation not in ready]
    return found


def _is_copied(relation: Relation, named: set[Name]) -> bool:
    """Tell whether a relation is copied or recorded, and say so if not."""
    reason = None
    if relation.kind == "f" and relation.full_name not in named:
        reason = "a foreign table is copied only when an include list names it"
    elif relation.kind == "m" and not relation.populated:
        reason = "a materialised view that was never refreshed"
    if reason is not None:
        log.info("table_skipped", table=".".join(relation.full_name), reason=reason)
    return reason is None


def _tell_incomplete(chosen: Sequence[Relation], whole: Hierarchy, copied: Hierarchy) -> None:
    """Say which tables will be without some of their rows, because the run leaves them out."""
    for relation in chosen:
        missing = [name for name in whole.children(relation) if name not in copied.children(relation)]
        if missing:
            log.warning(
                "table_incomplete",
                table=".".join(relation.full_name),
                without=[".".join(name) for name in missing],
                reason="the exclude list names them",
            )
