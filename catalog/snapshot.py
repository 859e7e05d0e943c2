"""The Iceberg side of a commit: manifests and metadata of a snapshot that replaces files of a table, all or some."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import structlog
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError as IcebergValidationError
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.partitioning import PARTITION_FIELD_ID_START, UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata, TableMetadataV2
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AddSortOrderUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    TableUpdate,
    update_table_metadata,
)
from pyiceberg.table.update.snapshot import _SnapshotProducer
from pyiceberg.transforms import IdentityTransform

from catalog.errors import CorruptMetadata

log = structlog.get_logger()

COMMIT_ID = "bemidb.commit-id"
MAX_MANIFESTS = 16
# Each refresh writes a metadata file: keep those of the last hundred commits, for readers that pinned one.
PROPERTIES = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
    "write.parquet.compression-codec": "zstd",
}


@dataclass(frozen=True, slots=True)
class StagedSnapshot:
    """A snapshot that is written but not yet pointed to."""

    metadata: TableMetadata
    metadata_location: str
    snapshot_id: int
    file_count: int  # data files
    written: tuple[str, ...]  # files to delete when it never gets pointed to


def load_metadata(io: FileIO, location: str) -> TableMetadata:
    """Read a metadata file.

    Raises: OSError (FileNotFoundError when it is gone); CorruptMetadata.
    """
    try:
        return FromInputFile.table_metadata(io.new_input(location))
    except OSError:
        raise
    except (ValueError, KeyError, IcebergValidationError) as error:
        raise CorruptMetadata(f"{location} is not Iceberg table metadata") from error


def new_metadata(location: str, schema: Schema) -> TableMetadata:
    """Return the metadata of a table without a snapshot, with the field ids that the schema has."""
    return TableMetadataV2.model_validate(
        {
            "location": location,
            "table-uuid": uuid4(),
            "schemas": [schema],
            "current-schema-id": schema.schema_id,
            "last-column-id": schema.highest_field_id,
            "partition-specs": [UNPARTITIONED_PARTITION_SPEC],
            "default-spec-id": UNPARTITIONED_PARTITION_SPEC.spec_id,
            "last-partition-id": PARTITION_FIELD_ID_START - 1,
            "sort-orders": [UNSORTED_SORT_ORDER],
            "default-sort-order-id": UNSORTED_SORT_ORDER.order_id,
            "properties": dict(PROPERTIES),
        }
    )


def stage_replacement(
    base: TableMetadata,
    base_location: str | None,
    io: FileIO,
    schema: Schema,
    files: Sequence[DataFile],
    summary: Mapping[str, str],
    replaced: Collection[str] | None = None,
    order: tuple[int, ...] = (),
) -> StagedSnapshot:
    """Write manifests and metadata of a snapshot that holds these files, and those of the old ones that stay.

    Args: the table's metadata (of `new_metadata` for a new table) and where that is stored; the schema, under its
    schema id in this table; the data files; what to add to the snapshot's summary; which old data files go (none: all
    files, and delete files too); the field ids of the columns that new rows are sorted by.
    Raises: ValueError when a file that should go is not there, or when delete files would stay.
    """
    transaction = Transaction(Table(("lake", "table"), base, base_location or "", io, NoopCatalog("none")))
    missing = {name: value for name, value in PROPERTIES.items() if name not in base.properties}
    if missing:
        transaction.set_properties(missing)
    if all(known.schema_id != schema.schema_id for known in base.schemas):
        transaction._stage((AddSchemaUpdate(schema=schema),))
    transaction._stage((SetCurrentSchemaUpdate.model_validate({"schema-id": schema.schema_id}),))
    transaction._stage(_order_updates(base, order))
    producer = _Replace(transaction, io, dict(summary), replaced)
    for file in files:
        producer.append_data_file(file)
    producer.commit()
    metadata = update_table_metadata(base, transaction._updates, metadata_location=base_location)
    version = _version(base_location) + 1 if base_location else 0
    provider = load_location_provider(metadata.location, metadata.properties)
    location = provider.new_table_metadata_file_location(version)
    ToOutputFile.table_metadata(metadata, io.new_output(location))
    written = (location, *producer._written_manifests, *producer._written_manifest_lists)
    return StagedSnapshot(metadata, location, producer.snapshot_id, producer.kept + len(files), written)


def _order_updates(base: TableMetadata, order: tuple[int, ...]) -> tuple[TableUpdate, ...]:
    """Return what makes an order of columns the table's: ascending, NULL last, as Postgres sorts."""
    fields = [SortField(number, IdentityTransform(), SortDirection.ASC, NullOrder.NULLS_LAST) for number in order]
    known = next((found.order_id for found in base.sort_orders if found.fields == fields), None)
    if known is not None:
        return (SetDefaultSortOrderUpdate.model_validate({"sort-order-id": known}),)
    new = SortOrder(*fields, **{"order-id": max(found.order_id for found in base.sort_orders) + 1})
    added = AddSortOrderUpdate.model_validate({"sort-order": new})
    return (added, SetDefaultSortOrderUpdate.model_validate({"sort-order-id": new.order_id}))


def files_of(io: FileIO, metadata_location: str, snapshot_id: int) -> list[DataFile]:
    """Return the data files that a snapshot has added.

    Raises: OSError (storage); CorruptMetadata.
    """
    snapshot = load_metadata(io, metadata_location).snapshot_by_id(snapshot_id)
    assert snapshot is not None
    return [
        entry.data_file
        for manifest in snapshot.manifests(io)
        if manifest.added_snapshot_id == snapshot_id
        for entry in manifest.fetch_manifest_entry(io)
        if entry.status == ManifestEntryStatus.ADDED
    ]


def find_commit(metadata: TableMetadata, commit_id: str) -> bool:
    """Tell whether a commit is among the table's snapshots."""
    return any(
        snapshot.summary is not None and snapshot.summary.additional_properties.get(COMMIT_ID) == commit_id
        for snapshot in metadata.snapshots
    )


def summaries(metadata: TableMetadata) -> Iterator[Mapping[str, str]]:
    """Yield the notes of the current snapshot and of those it was made from, the newest first."""
    snapshot = metadata.current_snapshot()
    while snapshot is not None:
        yield snapshot.summary.additional_properties if snapshot.summary is not None else {}
        parent = snapshot.parent_snapshot_id
        snapshot = metadata.snapshot_by_id(parent) if parent is not None else None


def obsolete_metadata(base: TableMetadata, metadata: TableMetadata) -> list[str]:
    """Return the metadata files that have fallen out of the log with this commit."""
    kept = {entry.metadata_file for entry in metadata.metadata_log}
    return [entry.metadata_file for entry in base.metadata_log if entry.metadata_file not in kept]


def delete_quietly(io: FileIO, locations: Iterable[str]) -> None:
    """Delete what nobody points to; what cannot be deleted now is an orphan that costs only space."""
    for location in locations:
        try:
            io.delete(location)
        except OSError as error:
            log.warning("orphan_left", location=location, error=type(error).__name__)


def _version(location: str) -> int:
    """Return the number that a metadata file's name begins with; names of others may have none."""
    number = location.rsplit("/", 1)[-1].split("-", 1)[0]
    return int(number) if number.isdigit() else 0


class _Replace(_SnapshotProducer["_Replace"]):
    """The snapshot of a refresh: the live data files that go are marked as deleted; with all of them, delete files go.

    Manifests that lose no file stay as they are, until there are so many that they become one.
    """

    def __init__(
        self, transaction: Transaction, io: FileIO, summary: dict[str, str], replaced: Collection[str] | None
    ) -> None:
        has_parent = transaction.table_metadata.current_snapshot() is not None
        only_adds = not has_parent or (replaced is not None and not replaced)
        operation = Operation.APPEND if only_adds else Operation.OVERWRITE
        super().__init__(operation, transaction, io, snapshot_properties=summary)
        self._gone: list[ManifestEntry] = []
        self._staying: list[ManifestFile] = []
        self._staying_entries: list[ManifestEntry] = []
        self.kept = 0
        parent = transaction.table_metadata.current_snapshot()
        manifests = parent.manifests(io) if parent is not None else []
        for manifest in manifests:
            self._sort_out(manifest, replaced, merge=len(manifests) >= MAX_MANIFESTS)
        missing = set(replaced or ()) - {entry.data_file.file_path for entry in self._gone}
        if missing:
            raise ValueError(f"files to replace are not in the table: {missing}")

    def _sort_out(self, manifest: ManifestFile, replaced: Collection[str] | None, *, merge: bool) -> None:
        entries = manifest.fetch_manifest_entry(self._io, discard_deleted=True)
        if replaced is None:
            self._deleted_data_files |= {entry.data_file for entry in entries}  # the summary counts them
            self._gone += entries if manifest.content == ManifestContent.DATA else []
            return
        if entries and manifest.content != ManifestContent.DATA:
            raise ValueError("a table with delete files can only be replaced as a whole")
        gone = [entry for entry in entries if entry.data_file.file_path in replaced]
        self._deleted_data_files |= {entry.data_file for entry in gone}
        self._gone += gone
        self.kept += len(entries) - len(gone)
        if gone or merge:
            self._staying_entries += [entry for entry in entries if entry.data_file.file_path not in replaced]
        elif entries:
            self._staying.append(manifest)

    def _build_delete_files_partition_predicate(self) -> None:
        """Nothing to prune: it is known which files go."""

    def _existing_manifests(self) -> list[ManifestFile]:
        if not self._staying_entries:
            return self._staying
        with self.new_manifest_writer(UNPARTITIONED_PARTITION_SPEC) as writer:
            for entry in self._staying_entries:
                writer.add_entry(self._entry(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id))
        return [*self._staying, writer.to_manifest_file()]

    def _deleted_entries(self) -> list[ManifestEntry]:
        return [self._entry(entry, ManifestEntryStatus.DELETED, self._snapshot_id) for entry in self._gone]

    @staticmethod
    def _entry(entry: ManifestEntry, status: ManifestEntryStatus, snapshot_id: int | None) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )
