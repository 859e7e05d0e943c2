"""Files of a table that no snapshot knows: what a run left that was killed, or that could not clean up.

A file is deleted only when it is older than the longest write may be, is known to no metadata file that a reader may
have pinned, and is still both when it is looked for again, after the table's metadata was read anew. The caller holds
the table's lock, so that no syncer of ours writes it; the age guards the files of others.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import structlog
from pyarrow import fs
from pyiceberg.io import FileIO
from pyiceberg.table.metadata import TableMetadata

from catalog.snapshot import load_metadata
from catalog.storage import Warehouse

log = structlog.get_logger()

MIN_AGE = timedelta(days=1)
SECOND_LOOK_SECONDS = 1.0
MAX_DELETED = 10_000  # a run should end; the next one goes on


def remove_orphans(warehouse: Warehouse, io: FileIO, metadata_location: str) -> int:
    """Delete the orphans of a table. Returns: how many.

    Args: where the table is; how to read its metadata; the location of that now.
    Raises: OSError (storage); CorruptMetadata. Nothing is deleted then.
    """
    first = _orphans(warehouse, io, metadata_location)
    if not first:
        return 0
    time.sleep(SECOND_LOOK_SECONDS)
    second = _orphans(warehouse, io, metadata_location)
    doomed = sorted(first & second)[:MAX_DELETED]
    filesystem = warehouse.arrow_filesystem()
    for path in doomed:
        filesystem.delete_file(path)
    log.info("orphans_removed", table_files=metadata_location.rsplit("/", 2)[0], files=len(doomed))
    return len(doomed)


def _orphans(warehouse: Warehouse, io: FileIO, metadata_location: str) -> set[str]:
    metadata = load_metadata(io, metadata_location)
    root = warehouse.arrow_path(metadata.location.rstrip("/"))
    limit = datetime.now(UTC) - MIN_AGE
    selector = fs.FileSelector(root, recursive=True, allow_not_found=True)
    old = {
        info.path
        for info in warehouse.arrow_filesystem().get_file_info(selector)
        if info.type == fs.FileType.File and info.mtime is not None and info.mtime < limit
    }
    if not old:
        return old
    return old - {warehouse.arrow_path(location) for location in _known(metadata, metadata_location, io)}


def _known(metadata: TableMetadata, metadata_location: str, io: FileIO) -> Iterator[str]:
    """Yield all locations that a table's snapshots are made of."""
    yield metadata_location
    for logged in metadata.metadata_log:
        yield logged.metadata_file
    seen = set()
    for snapshot in metadata.snapshots:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(io, discard_deleted=False):
                yield entry.data_file.file_path
    for statistics in (*metadata.statistics, *metadata.partition_statistics):
        yield statistics.statistics_path
