"""What a run would do, without doing it: `--dry-run` shows the plan, `--check` tries connections and rights."""

from collections.abc import Sequence
from contextlib import closing

import psycopg
import structlog
from rich.console import Console

from catalog.database import wait_for
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog, TableRow
from catalog.types import TEXT_BACKED
from syncer.describe import SourceTable
from syncer.plan import plan_run
from syncer.progress import say
from syncer.recording import KINDS
from syncer.settings import SyncSettings
from syncer.source import PATIENCE_SECONDS, Source
from syncer.unchanged import may_be_unchanged

# A role that owns a table is not bound by its policies unless they are forced; BYPASSRLS never is.
QUERY_RIGHTS = """
SELECT c.oid::int8, has_schema_privilege(c.relnamespace, 'USAGE') AND (
           has_table_privilege(c.oid, 'SELECT') OR (SELECT bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT'))
                FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)),
       row_security_active(c.oid)
FROM pg_class c WHERE c.oid = ANY(%s::oid[])
"""

log = structlog.get_logger()


def show_plan(settings: SyncSettings, console: Console) -> bool:
    """Print what would be copied, how, and about how much.

    Returns: True.
    Raises: OperatorError when the run could not begin.
    """
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    with closing(lake), closing(Source.open(settings.source_url.get_secret_value())) as source:
        plan = plan_run(source, lake, settings)
        rows = {(row.namespace, row.name): row for row in plan.rows}
        for table in plan.tables:
            say(console, _planned(table, rows.get(table.destination), settings))
        for table in plan.recorded:
            kind = KINDS[table.view.kind]
            say(console, f"{table.label} -> {'.'.join(table.destination)}: {kind}, once all its parts are in the lake")
        for row in plan.gone:
            what = "dropped" if settings.drop_missing else "kept, and marked"
            say(console, f"{row.namespace}.{row.name}: gone at the source, would be {what}")
        total_rows = sum(table.relation.rows for table in plan.tables)
        total_bytes = sum(table.relation.bytes for table in plan.tables)
        say(console, f"total: {len(plan.tables)} tables, about {total_rows} rows, {total_bytes} bytes at the source")
    return True


def _planned(table: SourceTable, row: TableRow | None, settings: SyncSettings) -> str:
    mode = "full"
    if row is None:
        mode = "full, new in the lake"
    elif settings.skip_unchanged and may_be_unchanged(table, row):
        mode = "unchanged, if the source still says so when it is its turn"
    elif table.cursor is not None:
        mode = f"incremental by {table.cursor.column}"
    text_backed = [column.name for column in table.view.columns if column.storage == TEXT_BACKED]
    note = f"; stored as text: {', '.join(text_backed)}" if text_backed else ""
    size = f"about {table.relation.rows} rows, {table.relation.bytes} bytes at the source"
    return f"{table.label} -> {'.'.join(table.destination)}: {mode}, {size}{note}"


def check(settings: SyncSettings, console: Console) -> bool:
    """Try the source, the warehouse, the catalog and the rights on every table; copy nothing.

    Returns: whether every table may be read.
    Raises: OperatorError for what does not work at all.
    """
    warehouse = Warehouse.open(settings)
    wait_for(lambda: warehouse.check(write=True), what="the warehouse", timeout_s=PATIENCE_SECONDS)
    say(console, f"warehouse: {warehouse.location} can be written")
    lake = LakeCatalog.open(settings, warehouse)
    with closing(lake):
        wait_for(lake.ensure_schema, what="the catalog", timeout_s=PATIENCE_SECONDS)
        say(console, "catalog: can be written")
        with closing(Source.open(settings.source_url.get_secret_value())) as source:
            shared = "can share its snapshot" if source.snapshot else "cannot share its snapshot: one connection reads"
            say(console, f"source: {source.database} (system {source.system_identifier}), {shared}")
            plan = plan_run(source, lake, settings)
            problems = rights_missing(source.connection, plan.tables)
    for label, problem in problems:
        say(console, f"{label}: {problem}")
    say(console, f"{len(plan.tables) - len(problems)} of {len(plan.tables)} tables can be copied")
    return not problems


def rights_missing(connection: psycopg.Connection, tables: Sequence[SourceTable]) -> list[tuple[str, str]]:
    """Return the tables that cannot be copied whole, and why."""
    labels = {table.relation.oid: table.label for table in tables}
    problems = []
    for oid, may_read, hides_rows in connection.execute(QUERY_RIGHTS, (list(labels),)):
        if not may_read:
            problems.append((labels[oid], "the role may not read it: GRANT SELECT, and USAGE on its schema"))
        elif hides_rows:
            problems.append((labels[oid], "row-level security hides rows: use the owner, or a role with BYPASSRLS"))
    return sorted(problems)
