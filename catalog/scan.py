"""From a snapshot and a condition to data files, planned by PyIceberg's evaluators on manifests that are read once.

Metadata files and manifests never change, so what was read of them is kept (bounded by the number of files), and a plan
that was made before is a look into a dictionary. PyIceberg's own `scan().plan_files()` reads the manifests every time.

What a condition may be is up to the caller: a bound says nothing where PostgreSQL compares otherwise than by value
(`bpchar`, enums, text under a collation that is not C). Bounds of floats are never used: they do not count NaN.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.expressions.visitors import _InclusiveMetricsEvaluator, expression_evaluator, inclusive_projection
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.manifest import DataFile as ManifestDataFile
from pyiceberg.manifest import DataFileContent
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DoubleType, FloatType

from catalog.errors import CorruptMetadata
from catalog.relations import rows_without_files
from catalog.snapshot import load_metadata

MAX_FILES_KEPT = 200_000  # some 2 kB each
MAX_PLANS_PER_SNAPSHOT = 64


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file to read."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What to read of one snapshot. `rows` and `bytes` count the chosen files, before deletes."""

    metadata_location: str
    snapshot_id: int | None  # none: the table never had rows
    schema_id: int
    files: tuple[DataFile, ...]
    has_deletes: bool
    fields: tuple[tuple[int, str], ...]  # field id and name at the top level, in order
    rows: int
    bytes: int


@dataclass(slots=True)
class _Snapshot:
    """What is kept of a snapshot."""

    metadata: TableMetadata
    schema: Schema
    entries: tuple[ManifestDataFile, ...]
    whole: ScanPlan
    # By the condition's text: a condition that holds a set has no hash.
    plans: OrderedDict[str, ScanPlan] = field(default_factory=OrderedDict)


class _Cache:
    """Snapshots by metadata location, the least recently used go first."""

    def __init__(self) -> None:
        self._snapshots: OrderedDict[str, _Snapshot] = OrderedDict()
        self._files = 0
        self._lock = threading.Lock()

    def get(self, location: str) -> _Snapshot | None:
        with self._lock:
            found = self._snapshots.get(location)
            if found is not None:
                self._snapshots.move_to_end(location)
            return found

    def put(self, location: str, snapshot: _Snapshot) -> None:
        with self._lock:
            if location in self._snapshots:
                return
            self._snapshots[location] = snapshot
            self._files += len(snapshot.entries) + 1
            while self._files > MAX_FILES_KEPT and len(self._snapshots) > 1:
                _, oldest = self._snapshots.popitem(last=False)
                self._files -= len(oldest.entries) + 1

    def clear(self) -> None:
        with self._lock:
            self._snapshots.clear()
            self._files = 0


_cache = _Cache()
_ALL = AlwaysTrue()


def plan_scan(
    metadata_location: str, io_properties: Mapping[str, str], row_filter: BooleanExpression = _ALL
) -> ScanPlan:
    """Choose the files of a snapshot that may hold rows for which a condition is true.

    Args: the pinned metadata; PyIceberg's FileIO properties, used only when the snapshot is new here; the condition,
    with unbound column names of the snapshot's schema.
    Raises: FileNotFoundError when the snapshot's files are gone: look for a newer one. Other OSErrors: storage fails.
    CorruptMetadata.
    """
    counted = rows_without_files(metadata_location)
    if counted is not None:
        return ScanPlan(metadata_location, None, -1, (), has_deletes=False, fields=(), rows=counted, bytes=0)
    snapshot = _cache.get(metadata_location)
    if snapshot is None:
        snapshot = _read(metadata_location, load_file_io(dict(io_properties), metadata_location))
        _cache.put(metadata_location, snapshot)
    if isinstance(row_filter, AlwaysTrue) or not snapshot.entries:
        return snapshot.whole
    key = repr(row_filter)
    plan = snapshot.plans.get(key)
    if plan is None:
        plan = _prune(snapshot, row_filter)
        snapshot.plans[key] = plan
        if len(snapshot.plans) > MAX_PLANS_PER_SNAPSHOT:
            snapshot.plans.popitem(last=False)
    return plan


def forget_plans() -> None:
    """Empty the cache."""
    _cache.clear()


def _read(location: str, io: FileIO) -> _Snapshot:
    metadata = load_metadata(io, location)
    current = metadata.current_snapshot()
    entries: list[ManifestDataFile] = []
    has_deletes = False
    schema = metadata.schema()
    if current is not None:
        try:
            for manifest in current.manifests(io):
                for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
                    if entry.data_file.content == DataFileContent.DATA:
                        entries.append(_without_float_bounds(entry.data_file, schema))
                    else:
                        has_deletes = True
        except (OSError, MemoryError):
            raise
        except Exception as error:  # damaged bytes make a decoder fail in any way
            raise CorruptMetadata(f"a manifest of {location} cannot be read") from error
    snapshot_id = current.snapshot_id if current is not None else None
    whole = _plan(location, snapshot_id, schema, tuple(entries), has_deletes)
    return _Snapshot(metadata, schema, tuple(entries), whole)


def _plan(
    location: str,
    snapshot_id: int | None,
    schema: Schema,
    entries: tuple[ManifestDataFile, ...],
    has_deletes: bool,
) -> ScanPlan:
    return ScanPlan(
        metadata_location=location,
        snapshot_id=snapshot_id,
        schema_id=schema.schema_id,
        files=tuple(DataFile(entry.file_path, entry.record_count, entry.file_size_in_bytes) for entry in entries),
        has_deletes=has_deletes,
        fields=tuple((top.field_id, top.name) for top in schema.fields),
        rows=sum(entry.record_count for entry in entries),
        bytes=sum(entry.file_size_in_bytes for entry in entries),
    )


def _prune(snapshot: _Snapshot, row_filter: BooleanExpression) -> ScanPlan:
    """Keep the files that a condition does not rule out, by partition and by column bounds."""
    whole = snapshot.whole
    may_match = _InclusiveMetricsEvaluator(snapshot.schema, row_filter, case_sensitive=True).eval
    in_partition = {}
    for spec in snapshot.metadata.partition_specs:
        if not spec.is_unpartitioned():
            projected = inclusive_projection(snapshot.schema, spec, case_sensitive=True)(row_filter)
            partition = Schema(*spec.partition_type(snapshot.schema).fields)
            in_partition[spec.spec_id] = expression_evaluator(partition, projected, case_sensitive=True)
    kept = tuple(
        entry
        for entry in snapshot.entries
        if (entry.spec_id not in in_partition or in_partition[entry.spec_id](entry.partition)) and may_match(entry)
    )
    return _plan(whole.metadata_location, whole.snapshot_id, snapshot.schema, kept, whole.has_deletes)


def _without_float_bounds(entry: ManifestDataFile, schema: Schema) -> ManifestDataFile:
    floats = [top.field_id for top in schema.fields if isinstance(top.field_type, FloatType | DoubleType)]
    for bounds in (entry.lower_bounds, entry.upper_bounds):
        for field_id in floats if bounds else ():
            bounds.pop(field_id, None)
    return entry
