"""The plan of a run: which tables, which of the lake they are, which are gone."""

from dataclasses import dataclass

from catalog.tables import LakeCatalog, TableRow
from syncer.choose import choose
from syncer.cursors import with_cursors
from syncer.describe import SourceTable, list_relations
from syncer.ownership import gone_from_source, refuse_foreign
from syncer.settings import SyncSettings
from syncer.source import Source


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do. `rows`: all tables of the lake; `gone`: those that the source has no more."""

    tables: list[SourceTable]
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
    tables = with_cursors(choose(source, settings, relations, gone), settings.cursors(), names)
    if not settings.take_over:
        refuse_foreign(tables, rows)
    return Plan(tables, rows, gone)
