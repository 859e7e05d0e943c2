"""Commits: the tables of a run are swapped in together, by one transaction over their rows of `iceberg_tables`.

First each table's snapshot is staged: its manifests and metadata are written, and nothing points to them. Then one
transaction moves all pointers, each with the Postgres view of its table, and only if every one is still the pointer
that its snapshot was built on. So a reader never pairs one's pointer with another's view, never sees tables of two
runs, and of two writers one begins again. The rules for a commit whose reply is lost:

- Its id is in the snapshots' summaries: whether it landed is found out by looking, never guessed.
- To send the same transaction again is safe at any time: it can only land on the pointers that it was built on.
- As long as it is not known that a commit did not land, its files are not deleted.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import uuid4

import psycopg
import pyarrow as pa
import structlog
from psycopg import Connection
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from catalog import snapshot
from catalog.columns import Column, TableView
from catalog.database import is_passing
from catalog.errors import CommitConflict, CommitOutcomeUnknown, CorruptMetadata, NotReachable
from catalog.files import WrittenFile, data_file
from catalog.pointers import TABLE, VARIABLE, Change, swap
from catalog.schemas import adopt, fits

log = structlog.get_logger()

COMMIT_ATTEMPTS = 5
SWAP_TIMEOUT_SECONDS = 30.0
RETRY_SECONDS = 0.2
NOTHING: Mapping[str, str] = MappingProxyType({})

Name = tuple[str, str]
# Where a table's metadata is, and what it says; none where there is no such table.
Load = Callable[[Name], tuple[str | None, TableMetadata | None]]


@dataclass(frozen=True, slots=True)
class TableTarget:
    """Where and how to write the next content of a table. Write the files with exactly `arrow_schema`."""

    namespace: str
    name: str
    columns: tuple[Column, ...]  # with the field ids that `schema` and `arrow_schema` have
    schema: Schema
    arrow_schema: pa.Schema
    location: str
    data_location: str


@dataclass(frozen=True, slots=True)
class Part:
    """The data files of a snapshot that a commit replaces; the others stay."""

    metadata_location: str
    replaced: frozenset[str]


@dataclass(frozen=True, slots=True)
class Committed:
    """A snapshot that is in the table, or will be once its commit has landed."""

    metadata_location: str
    snapshot_id: int
    view: TableView


@dataclass(frozen=True, slots=True)
class _Staged:
    """A snapshot that is written. Its data files are read back from its manifest where it must be staged again."""

    target: TableTarget
    notes: Mapping[str, str]
    part: Part | None
    change: Change
    snapshot_id: int
    written: tuple[str, ...]
    obsolete: tuple[str, ...]  # what may be deleted once it has landed


class Commit:
    """What is to become visible together. Tables may be staged from several threads."""

    def __init__(self, connect: Callable[[], Connection], load: Load, io: Callable[[], FileIO]) -> None:
        """Args: how to connect to the catalog; how to load a table's metadata; how to reach storage."""
        self._connect = connect
        self._load = load
        self._io = io
        self._id = uuid4().hex
        self._staged: dict[Name, _Staged] = {}
        self._others: dict[Name, Change] = {}
        self._lock = threading.Lock()

    def stage_table(
        self,
        target: TableTarget,
        files: Sequence[WrittenFile],
        view: TableView,
        summary: Mapping[str, str] = NOTHING,
        part: Part | None = None,
    ) -> Committed:
        """Write a snapshot that replaces the content of a table, the whole or a part; the table may be new.

        Old snapshots stay readable; a reader sees the old content or the new one, never an empty table.
        Args: what `prepare_table` said; the files; the view, with the target's columns (its schema id is filled in
        here); what else to note in the snapshot's summary; which files go (none: all of whatever snapshot is there).
        Raises: CommitConflict when others changed the table meanwhile; NotReachable; OSError (storage).
        """
        assert [c.field_id for c in view.columns] == [c.field_id for c in target.columns], (
            "the view is of other columns"
        )
        entries = [data_file(file, target.schema) for file in files]
        staged = self._stage(target, entries, view, {**summary, snapshot.COMMIT_ID: self._id}, part)
        with self._lock:
            self._staged[target.namespace, target.name] = staged
        return self.committed((target.namespace, target.name))

    @property
    def names(self) -> set[Name]:
        """What it is about."""
        with self._lock:
            return {*self._staged, *self._others}

    def put(self, change: Change) -> None:
        """Add a row that has no new snapshot: a relation without files, a view of rows that stay as they are."""
        with self._lock:
            self._others[change.full_name] = change

    def leave_out(self, names: Iterable[Name]) -> None:
        """Take tables back; their metadata is deleted, their data files are the caller's."""
        with self._lock:
            for name in names:
                self._others.pop(name, None)
                staged = self._staged.pop(name, None)
                if staged is not None:
                    snapshot.delete_quietly(self._io(), staged.written)

    def land(self) -> dict[Name, CommitConflict]:
        """Move all pointers, or none of them.

        Returns: what stands in the way; nothing when all have moved. Leave these out, and it may be tried again.
        Raises: NotReachable when the catalog cannot be written to, or stays locked: nothing was changed.
        CommitOutcomeUnknown. OSError (storage).
        """
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                lost = self._swap()
            except NotReachable:
                self.leave_out(self.names)
                raise
            if not lost:
                for staged in self._staged.values():
                    snapshot.delete_quietly(self._io(), staged.obsolete)
                return {}
            conflicts = self._stage_again(lost)
            if conflicts:
                return conflicts
            time.sleep(RETRY_SECONDS * 2**attempt)
        return {change.full_name: _conflict(change.full_name, "other writers kept changing") for change in lost}

    def committed(self, name: Name) -> Committed:
        """Return what a table's snapshot is now: another one, where it had to be staged again."""
        staged = self._staged[name]
        return Committed(staged.change.new, staged.snapshot_id, staged.change.view)

    def _stage(
        self,
        target: TableTarget,
        entries: Sequence[DataFile],
        view: TableView,
        notes: Mapping[str, str],
        part: Part | None,
    ) -> _Staged:
        name = (target.namespace, target.name)
        io = self._io()
        base_location, base = self._load(name)
        if part is not None and part.metadata_location != base_location:
            raise _conflict(name, "another writer changed")
        if not fits(target.schema, base):
            raise _conflict(name, "another writer changed the columns of")
        schema = adopt(target.schema, base)
        staged = snapshot.stage_replacement(
            base or snapshot.new_metadata(target.location, schema),
            base_location,
            io,
            schema,
            entries,
            notes,
            part.replaced if part is not None else None,
            tuple(column.field_id for name in view.order for column in target.columns if column.name == name),
        )
        view = replace(view, schema_id=schema.schema_id, file_count=staged.file_count, snapshot_id=staged.snapshot_id)
        change = Change(*name, base_location, staged.metadata_location, TABLE, view)
        obsolete = snapshot.obsolete_metadata(base, staged.metadata) if base is not None else []
        return _Staged(target, notes, part, change, staged.snapshot_id, staged.written, tuple(obsolete))

    def _stage_again(self, lost: Sequence[Change]) -> dict[Name, CommitConflict]:
        """Build the snapshots of tables that others have moved on what is there now. Returns: where that cannot be."""
        conflicts = {}
        for change in lost:
            name = change.full_name
            old = self._staged.get(name)
            if old is None:
                conflicts[name] = _conflict(name, "another writer changed")
                continue
            log.info("commit_conflict", namespace=change.namespace, table=change.name)
            try:
                entries = snapshot.files_of(self._io(), change.new, old.snapshot_id)
                new = self._stage(old.target, entries, change.view, old.notes, old.part)
            except CommitConflict as conflict:
                conflicts[name] = conflict
                continue
            with self._lock:
                self._staged[name] = new
            snapshot.delete_quietly(self._io(), old.written)
        return conflicts

    def _swap(self) -> list[Change]:
        """Move the pointers. Returns: those that other writers have moved; then none of ours has.

        Raises: NotReachable: none has moved. CommitOutcomeUnknown.

        A failed transaction is sent again: if the first one landed after all, the second finds other pointers.
        """
        changes = [*(staged.change for staged in self._staged.values()), *self._others.values()]
        deadline = time.monotonic() + SWAP_TIMEOUT_SECONDS
        uncertain = False
        while True:
            try:
                with self._connect() as connection:
                    lost = swap(connection, changes)
                # Lost against another writer, or against a COMMIT of our own whose reply was lost.
                return [] if lost and uncertain and self._landed(changes) else lost
            except NotReachable as error:
                problem = error
            except psycopg.OperationalError as error:
                uncertain = uncertain or not is_passing(error)
                problem = NotReachable(VARIABLE, f"the commit failed ({type(error).__name__})")
            if time.monotonic() > deadline and uncertain:
                raise CommitOutcomeUnknown(f"the reply to the commit of {_listed(changes)} was lost")
            if time.monotonic() > deadline:
                raise problem
            log.warning("commit_retried", tables=len(changes), problem=problem.problem)
            time.sleep(RETRY_SECONDS)

    def _landed(self, changes: Sequence[Change]) -> bool:
        """Look whether the commit is in the lake, be it that others have committed since: all of it or nothing is.

        Raises: NotReachable; CommitOutcomeUnknown.
        """
        for change in changes:
            if change.kind != TABLE or change.new == change.old:
                continue
            try:
                location, metadata = self._load(change.full_name)
            except (OSError, CorruptMetadata) as error:
                raise CommitOutcomeUnknown(f"nobody can tell whether {_listed([change])} was committed") from error
            if location == change.new or (metadata is not None and snapshot.find_commit(metadata, self._id)):
                return True
        return False


def _conflict(name: Name, what: str) -> CommitConflict:
    return CommitConflict(f"{what} {'.'.join(name)}")


def _listed(changes: Sequence[Change]) -> str:
    first = ".".join(changes[0].full_name)
    return first if len(changes) == 1 else f"{first} and {len(changes) - 1} more"
