"""A table's last step of its own: all its files become a snapshot, which waits for those of the other tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.files import WrittenFile
from catalog.tables import Commit, Committed, Part, TableTarget
from syncer.describe import SourceTable

CURSOR_COLUMN, CURSOR_VALUE = "bemidb.cursor-column", "bemidb.cursor"


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays of the snapshot that a part of is replaced."""

    part: Part
    row_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class Staged:
    """A table whose next snapshot is written, and the data files that are to be deleted if it never lands."""

    committed: Committed
    files: tuple[str, ...]


def stage(
    commit: Commit, table: SourceTable, target: TableTarget, files: Sequence[WrittenFile], kept: Kept | None = None
) -> Staged:
    """Write the table's next snapshot. Readers see the old rows until the commit lands, and all new ones after it.

    Raises: what `Commit.stage_table` raises.
    """
    view = replace(
        table.view,
        columns=target.columns,
        row_count=sum(file.footer.num_rows for file in files) + (kept.row_count if kept else 0),
        byte_count=sum(file.byte_count for file in files) + (kept.byte_count if kept else 0),
    )
    origin = view.origin
    summary = {
        "bemidb.source-system": origin.system_identifier,
        "bemidb.source-database": origin.database,
        "bemidb.source-lsn": origin.lsn,
        "bemidb.synced-at": origin.synced_at,
        "bemidb.mode": "incremental" if kept else "full",
    }
    if table.cursor is not None:
        summary |= {CURSOR_COLUMN: table.cursor.column, CURSOR_VALUE: table.cursor.value}
    committed = commit.stage_table(target, files, view, summary, kept.part if kept else None)
    return Staged(committed, tuple(file.location for file in files))
