"""The last step: all files of a table become its content in one Iceberg commit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.files import WrittenFile
from catalog.tables import Committed, LakeCatalog, Part, TableTarget
from syncer.describe import SourceTable

CURSOR_COLUMN, CURSOR_VALUE = "bemidb.cursor-column", "bemidb.cursor"


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays of the snapshot that a part of is replaced."""

    part: Part
    row_count: int
    byte_count: int


def commit(
    lake: LakeCatalog, table: SourceTable, target: TableTarget, files: Sequence[WrittenFile], kept: Kept | None = None
) -> Committed:
    """Swap the table's content. Readers see the old rows until then, and all new ones after it.

    Raises: what `LakeCatalog.commit_table` raises.
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
    return lake.commit_table(target, files, view, summary, kept.part if kept else None)
