"""The last step: all files of a table become its content in one Iceberg commit."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.files import WrittenFile
from catalog.tables import Committed, LakeCatalog, TableTarget
from syncer.describe import SourceTable


def commit(lake: LakeCatalog, table: SourceTable, target: TableTarget, files: Sequence[WrittenFile]) -> Committed:
    """Swap the table's content. Readers see the old rows until then, and all new ones after it.

    Raises: what `LakeCatalog.commit_table` raises.
    """
    view = replace(
        table.view,
        columns=target.columns,
        row_count=sum(file.footer.num_rows for file in files),
        byte_count=sum(file.byte_count for file in files),
    )
    origin = view.origin
    summary = {
        "bemidb.source-system": origin.system_identifier,
        "bemidb.source-database": origin.database,
        "bemidb.source-lsn": origin.lsn,
        "bemidb.synced-at": origin.synced_at,
    }
    return lake.commit_table(target, files, view, summary)
