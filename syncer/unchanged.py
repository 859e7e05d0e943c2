"""Tables that need not be copied again: the source's statistics prove that nobody has written to them.

What proves it. The counters in the lake were read before the snapshot that was copied was taken, and a transaction is
counted only after it is visible; so all that they count is in the copy. What they do not count yet is told later, by
the backend that did it: at the latest a minute after its commit (PGSTAT_MAX_INTERVAL). So counters that are the same
more than a minute after this run's snapshot say that nothing was committed between the two snapshots. To wait for that
is worth it for big tables only; small ones are copied faster than proved.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from catalog.columns import NOWHERE, TableView
from catalog.tables import TableRow
from syncer.describe import SourceTable

BIG_BYTES = 256 << 20
SETTLED_SECONDS = 65.0
PAUSE_SECONDS = 0.5


def may_be_unchanged(table: SourceTable, row: TableRow | None) -> bool:
    """Tell whether a table looks as it did when it was copied, so that it is worth to wait for the proof."""
    if row is None or row.view is None or table.relation.bytes < BIG_BYTES:
        return False
    then, now = row.view.origin, table.view.origin
    return (
        now.counters is not None
        and now.counters == then.counters
        and now.filenode == then.filenode
        and (now.system_identifier, now.database) == (then.system_identifier, then.database)
        and looks(row.view) == looks(table.view)
    )


def wait_until_settled(snapshot_at: float, check: Callable[[], object]) -> None:
    """Wait until all that the snapshot shows is counted; `check` may end it with an error."""
    while (rest := snapshot_at + SETTLED_SECONDS - time.monotonic()) > 0:
        check()
        time.sleep(min(PAUSE_SECONDS, rest))


def looks(view: TableView) -> TableView:
    """Return what the source says of a table; how its columns are stored may depend on the data, and is left out."""
    columns = tuple(
        replace(column, field_id=0, storage="", array=False, precision=None, scale=None) for column in view.columns
    )
    return replace(
        view, columns=columns, schema_id=-1, row_count=0, byte_count=0, file_count=0, snapshot_id=None, origin=NOWHERE
    )


def last(tables: Iterable[SourceTable], rows: Iterable[TableRow]) -> list[SourceTable]:
    """Put those to the end that may turn out to be unchanged: meanwhile the others are copied."""
    by_name = {(row.namespace, row.name): row for row in rows}
    return sorted(tables, key=lambda table: may_be_unchanged(table, by_name.get(table.destination)))
