"""Whose a table of the lake is: that of the source it came from, until an operator says otherwise."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from catalog.columns import Origin
from catalog.errors import OperatorError
from catalog.tables import LakeCatalog, TableRow
from syncer.describe import SourceTable
from syncer.patterns import Name, Pattern, destination
from syncer.settings import DESTINATION_SCHEMA, SyncSettings
from syncer.source import Source

UNKNOWN = "unknown"
TAKE_OVER = "or set BEMIDB_SYNC_TAKE_OVER=true to replace it"

log = structlog.get_logger()


class ForeignTable(Exception):
    """The table in the lake is another's, so it must not be replaced."""


def check_owner(table: SourceTable, row: TableRow | None) -> None:
    """Refuse to replace a table that came from elsewhere.

    Raises: ForeignTable, naming both sources.
    """
    if row is None:
        return
    place = f"{row.namespace}.{row.name}"
    if row.view is None:
        raise ForeignTable(f"{place} in the lake was made by another program, or by a later version of this one")
    theirs, ours = row.view.origin, table.view.origin
    if not same_source(theirs, ours) or (theirs.namespace, theirs.table) != (ours.namespace, ours.table):
        raise ForeignTable(f"{place} in the lake is {describe_origin(theirs)}, not {describe_origin(ours)}")


def is_foreign(table: SourceTable, row: TableRow | None) -> bool:
    """Tell whether the table in the lake came from elsewhere."""
    try:
        check_owner(table, row)
    except ForeignTable:
        return True
    return False


def refuse_foreign(tables: Iterable[SourceTable], rows: Iterable[TableRow]) -> None:
    """Refuse, before anything is copied, a run that would replace what came from elsewhere.

    Raises: OperatorError.
    """
    by_name = {(row.namespace, row.name): row for row in rows}
    for table in tables:
        try:
            check_owner(table, by_name.get(table.destination))
        except ForeignTable as error:
            raise OperatorError(DESTINATION_SCHEMA, str(error), f"choose another schema, {TAKE_OVER}") from error


def same_source(one: Origin, other: Origin) -> bool:
    """Tell whether two origins are one database; a system that tells no identifier may be any."""
    systems = {one.system_identifier, other.system_identifier}
    return one.database == other.database and (len(systems) == 1 or UNKNOWN in systems)


def describe_origin(origin: Origin) -> str:
    """Say where rows come from."""
    return f"{origin.namespace}.{origin.table} of database {origin.database} (system {origin.system_identifier})"


def gone_from_source(
    rows: Iterable[TableRow], present: Collection[Name], source: Source, settings: SyncSettings
) -> list[TableRow]:
    """Return the tables of the lake that this run would have copied if their source still had them.

    Args: the lake's tables; the names of all relations at the source, whether copied or not; the source and the run.
    """
    by_name = {(row.namespace, row.name): row for row in rows}
    gone = []
    for row in by_name.values():
        if row.view is None:
            continue
        origin = row.view.origin
        name = (origin.namespace, origin.table)
        if (
            name not in present
            and origin.database == source.database
            and source.system_identifier in (origin.system_identifier, UNKNOWN)
            and _is_meant(row, by_name, settings)
            and destination(name, settings.destination_schema) == (row.namespace, row.name)
        ):
            gone.append(row)
    return gone


def _is_meant(row: TableRow, by_name: Mapping[Name, TableRow], settings: SyncSettings) -> bool:
    """Tell whether the run is about a relation of the lake: a view is meant with all that it reads, too."""
    if row.view is None:
        return False
    exclude = settings.include_tables is None
    if is_meant((row.view.origin.namespace, row.view.origin.table), settings.patterns(), exclude=exclude):
        return True
    follows = row.view.kind == "v" and not exclude and bool(row.view.parents)
    return follows and all(name in by_name and _is_meant(by_name[name], by_name, settings) for name in row.view.parents)


def is_meant(name: Name, patterns: Sequence[Pattern], *, exclude: bool) -> bool:
    """Tell whether the include (or exclude) patterns leave a name; no pattern leaves all."""
    return not patterns or any(pattern.matches(name) for pattern in patterns) is not exclude


def settle_gone(lake: LakeCatalog, gone: Iterable[TableRow], synced_at: str, *, drop: bool) -> None:
    """Mark tables that are gone at the source, or drop them from the lake."""
    for row in gone:
        assert row.view is not None
        if drop:
            if lake.drop_table(row):
                log.info("table_dropped", namespace=row.namespace, table=row.name, reason="gone at the source")
            continue
        log.warning(
            "table_gone_at_source", namespace=row.namespace, table=row.name, kept_from=row.view.origin.synced_at
        )
        if row.view.origin.gone_since is None:
            lake.set_view(row, replace(row.view, origin=replace(row.view.origin, gone_since=synced_at)))
