"""The catalog: rows of `iceberg_tables`, read cheaply by servers, swapped by compare-and-set by syncers.

A commit is one UPDATE that sets the pointer and the Postgres view of the table together, and only where the pointer is
still the one that the commit was built on: a reader never pairs one's pointer with another's view, and of two writers
one begins again. The rules for a commit whose reply is lost:

- Its id is in the snapshot's summary: whether it landed is found out by looking, never guessed.
- To send the same UPDATE again is safe at any time: it can only land on the pointer that it was built on.
- As long as it is not known that a commit did not land, its files are not deleted.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import uuid4

import psycopg
import pyarrow as pa
import structlog
from psycopg import Connection, errors
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from catalog import snapshot
from catalog.columns import Column, TableView
from catalog.database import connect, connection_error, is_passing, transaction
from catalog.errors import CommitConflict, CommitOutcomeUnknown, NotReachable, OperatorError
from catalog.files import WrittenFile, data_file
from catalog.locks import Locks
from catalog.orphans import remove_orphans
from catalog.pointers import (
    DDL,
    SCHEMA_IS_COMPLETE,
    VARIABLE,
    Pointers,
    TableRow,
    drop_pointer,
    put_relation,
    read_pointer,
    read_row,
    set_view,
    swap,
)
from catalog.postgres import PostgresFailed, PrivatePostgres
from catalog.relations import location_without_files
from catalog.runs import RunRow, read_runs
from catalog.scan import ScanPlan, plan_scan
from catalog.schemas import adopt, assign_field_ids, file_schema, fits
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse

if TYPE_CHECKING:
    from catalog.sql_catalog import LakeSqlCatalog

__all__ = ["Committed", "LakeCatalog", "TableRow", "TableTarget"]

log = structlog.get_logger()

T = TypeVar("T")
ALWAYS = AlwaysTrue()

COMMIT_ATTEMPTS = 5
RUNS_SHOWN = 10_000
SWAP_TIMEOUT_SECONDS = 30.0
RETRY_SECONDS = 0.2
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


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
class Content:
    """What an incremental copy must know of a table. The summaries are of its history, the newest first."""

    schema: Schema
    summaries: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The data files of a snapshot that a commit replaces; the others stay."""

    metadata_location: str
    replaced: frozenset[str]


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that landed."""

    metadata_location: str
    snapshot_id: int
    view: TableView


class LakeCatalog:
    """The tables of the lake. Safe to use from several threads."""

    def __init__(self, url: str, warehouse: Warehouse, embedded: PrivatePostgres | None = None) -> None:
        """See `open`."""
        self.url = url
        self._warehouse = warehouse
        self._embedded = embedded
        self._pointers = Pointers(self._connect)
        self._iceberg: LakeSqlCatalog | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, settings: CatalogSettings, warehouse: Warehouse) -> Self:
        """Open the configured catalog, or start the embedded one; a configured one is not connected to yet.

        Raises: OperatorError.
        """
        if settings.catalog_database_url is not None:
            return cls(settings.catalog_database_url.get_secret_value(), warehouse)
        embedded = PrivatePostgres(settings.data_dir / "catalog", settings={"shared_buffers": "16MB"})
        try:
            embedded.start()
        except PostgresFailed as error:
            raise OperatorError("BEMIDB_DATA_DIR", str(error), "mend it, or set CATALOG_DATABASE_URL") from error
        return cls(embedded.url(), warehouse, embedded)

    def close(self) -> None:
        """Close connections; the embedded PostgreSQL ends with its last user."""
        self._pointers.close()
        if self._iceberg is not None:
            self._iceberg.engine.dispose()
        if self._embedded is not None:
            self._embedded.stop()

    @property
    def iceberg(self) -> "LakeSqlCatalog":
        """PyIceberg's own catalog over the same tables, for what is not done here."""
        with self._lock:
            if self._iceberg is None:
                from catalog.sql_catalog import LakeSqlCatalog

                properties = self._warehouse.file_io_properties | {"warehouse": self._warehouse.location}
                self._iceberg = LakeSqlCatalog("bemidb", self._connect, **properties)
            return self._iceberg

    def ensure_schema(self) -> None:
        """Make the catalog's tables, or add our column to them, if need be. Programs may do so at the same time.

        Raises: OperatorError when the user may not; NotReachable.
        """
        try:
            with self._connect() as connection:
                row = connection.execute(SCHEMA_IS_COMPLETE).fetchone()
                if row is not None and row[0]:
                    return
                with transaction(connection):
                    connection.execute(DDL)
        except errors.InsufficientPrivilege as error:
            raise OperatorError(
                VARIABLE, "its user may not make or alter the catalog's tables", "grant it, or start the syncer first"
            ) from error
        except psycopg.OperationalError as error:
            raise connection_error(VARIABLE, error) from None
        log.info("catalog_prepared")

    def read_tables(self) -> list[TableRow]:
        """Return all tables as they are now. Cheap: a view is fetched and decoded only when its row has changed.

        Raises: NotReachable; OperatorError.
        """
        return self._pointers.read()

    def read_table(self, namespace: str, name: str) -> TableRow | None:
        """Return one table as it is now; none where there is none.

        Raises: NotReachable; OperatorError.
        """
        return self.run(lambda connection: read_row(connection, namespace, name))

    def set_view(self, row: TableRow, view: TableView) -> bool:
        """Replace the view of a table whose rows stay as they are. Returns: False when the table has moved on.

        Raises: NotReachable; OperatorError.
        """
        return self.run(lambda connection: set_view(connection, row, view))

    def put_relation(self, namespace: str, name: str, row: TableRow | None, view: TableView) -> bool:
        """Write a relation that has no files in place of what was read (none: nothing).

        Returns: False when the row has moved on.
        Raises: NotReachable; OperatorError.
        """
        location = location_without_files(view)
        if row is not None and row.metadata_location == location:
            return self.set_view(row, view)
        old = row.metadata_location if row is not None else None
        return self.run(lambda connection: put_relation(connection, namespace, name, old, location, view))

    def read_runs(self) -> list[RunRow]:
        """Return the latest runs of the syncer, the newest first.

        Raises: NotReachable; OperatorError.
        """
        return read_runs(self.run, RUNS_SHOWN)

    def drop_table(self, row: TableRow) -> bool:
        """Take a table out of the lake; its files stay. Returns: False when it has moved on.

        Raises: NotReachable; OperatorError.
        """
        return self.run(lambda connection: drop_pointer(connection, row))

    def locks(self) -> Locks:
        """Return the locks of one run. Close them."""
        return Locks(self._connect)

    def run(self, act: Callable[[Connection], T]) -> T:
        """Do something over a connection of its own.

        Raises: NotReachable; OperatorError.
        """
        try:
            with self._connect() as connection:
                return act(connection)
        except psycopg.OperationalError as error:
            raise connection_error(VARIABLE, error) from None

    def prepare_table(self, namespace: str, name: str, columns: Sequence[Column]) -> TableTarget:
        """Say where the next content of a table goes and which field ids its columns have.

        Raises: NotReachable, OperatorError (catalog); OSError, CorruptMetadata (storage).
        """
        _, base = self._load(namespace, name, self._file_io())
        numbered, schema = assign_field_ids(columns, base)
        location = base.location if base is not None else self._new_location(namespace, name)
        return TableTarget(
            namespace, name, numbered, schema, file_schema(numbered, schema), location, f"{location.rstrip('/')}/data"
        )

    def read_content(self, row: TableRow) -> Content:
        """Return what is in the metadata of a table.

        Raises: OSError (storage); CorruptMetadata.
        """
        metadata = snapshot.load_metadata(self._file_io(), row.metadata_location)
        return Content(metadata.schema(), tuple(snapshot.summaries(metadata)))

    def plan(self, row: TableRow, row_filter: BooleanExpression = ALWAYS) -> ScanPlan:
        """Return the data files of a table that may hold rows for which a condition is true.

        Raises: OSError (storage); CorruptMetadata.
        """
        return plan_scan(row.metadata_location, self._warehouse.file_io_properties, row_filter)

    def remove_orphans(self, row: TableRow) -> int:
        """Delete old files of a table that none of its snapshots knows; hold its lock. Returns: how many.

        Raises: OSError (storage); CorruptMetadata.
        """
        return remove_orphans(self._warehouse, self._file_io(), row.metadata_location)

    def commit_table(
        self,
        target: TableTarget,
        files: Sequence[WrittenFile],
        view: TableView,
        summary: Mapping[str, str] = MappingProxyType({}),
        part: Part | None = None,
    ) -> Committed:
        """Replace the content of a table in one snapshot, the whole or a part, and make the table where it is new.

        Old snapshots stay readable; a reader sees the old content or the new one, never an empty table.
        Args: what `prepare_table` said; the files; the view, with the target's columns (its schema id is filled in
        here); what else to note in the snapshot's summary; which files go (none: all of whatever snapshot is there).
        Raises: CommitConflict when others changed the table's columns meanwhile; NotReachable when the catalog cannot
        be written to, or stays locked: in both nothing was changed. CommitOutcomeUnknown. OSError (storage).
        """
        assert [c.field_id for c in view.columns] == [c.field_id for c in target.columns], (
            "the view is of other columns"
        )
        io = self._file_io()
        commit_id = uuid4().hex
        notes = {**summary, snapshot.COMMIT_ID: commit_id}
        entries = [data_file(file, target.schema) for file in files]
        for attempt in range(COMMIT_ATTEMPTS):
            base_location, base = self._load(target.namespace, target.name, io)
            if part is not None and part.metadata_location != base_location:
                raise CommitConflict(f"another writer changed {target.namespace}.{target.name}")
            if not fits(target.schema, base):
                raise CommitConflict(f"another writer changed the columns of {target.namespace}.{target.name}")
            schema = adopt(target.schema, base)
            staged = snapshot.stage_replacement(
                base or snapshot.new_metadata(target.location, schema),
                base_location,
                io,
                schema,
                entries,
                notes,
                part.replaced if part is not None else None,
            )
            new_view = replace(
                view, schema_id=schema.schema_id, file_count=staged.file_count, snapshot_id=staged.snapshot_id
            )
            try:
                landed = self._swap(target, base_location, staged, new_view, commit_id, io)
            except NotReachable:
                snapshot.delete_quietly(io, staged.written)
                raise
            if landed:
                if base is not None:
                    snapshot.delete_quietly(io, snapshot.obsolete_metadata(base, staged.metadata))
                return Committed(staged.metadata_location, staged.snapshot_id, new_view)
            snapshot.delete_quietly(io, staged.written)
            log.info("commit_conflict", namespace=target.namespace, table=target.name, attempt=attempt + 1)
            time.sleep(RETRY_SECONDS * 2**attempt)
        raise CommitConflict(f"other writers kept changing {target.namespace}.{target.name}")

    def _swap(
        self,
        target: TableTarget,
        base_location: str | None,
        staged: snapshot.StagedSnapshot,
        view: TableView,
        commit_id: str,
        io: FileIO,
    ) -> bool:
        """Move the pointer. Returns: whether it moved; False means that another writer moved it.

        Raises: NotReachable: it did not move. CommitOutcomeUnknown.

        A failed UPDATE is sent again: if the first one landed after all, the second finds another pointer than the old.
        """
        deadline = time.monotonic() + SWAP_TIMEOUT_SECONDS
        uncertain = False
        while True:
            try:
                with self._connect() as connection:
                    if swap(connection, target.namespace, target.name, base_location, staged.metadata_location, view):
                        return True
                # Lost against another writer, or against a COMMIT of our own whose reply was lost.
                return uncertain and self._landed(target, staged, commit_id, io)
            except NotReachable as error:
                problem = error
            except psycopg.OperationalError as error:
                uncertain = uncertain or not is_passing(error)
                problem = NotReachable(VARIABLE, f"the commit failed ({type(error).__name__})")
            if time.monotonic() > deadline and uncertain:
                raise CommitOutcomeUnknown(f"the reply to the commit of {target.namespace}.{target.name} was lost")
            if time.monotonic() > deadline:
                raise problem
            log.warning("commit_retried", namespace=target.namespace, table=target.name, problem=problem.problem)
            time.sleep(RETRY_SECONDS)

    def _landed(self, target: TableTarget, staged: snapshot.StagedSnapshot, commit_id: str, io: FileIO) -> bool:
        """Look whether a commit is in the table, be it that others have committed since."""
        location, metadata = self._load(target.namespace, target.name, io)
        if location == staged.metadata_location:
            return True
        return metadata is not None and snapshot.find_commit(metadata, commit_id)

    def _load(self, namespace: str, name: str, io: FileIO) -> tuple[str | None, TableMetadata | None]:
        try:
            with self._connect() as connection:
                location = read_pointer(connection, namespace, name)
        except errors.UndefinedTable:
            return None, None
        except psycopg.OperationalError as error:
            raise connection_error(VARIABLE, error) from None
        return location, snapshot.load_metadata(io, location) if location is not None else None

    def _connect(self) -> Connection:
        return connect(VARIABLE, self.url)

    def _file_io(self) -> FileIO:
        return load_file_io(self._warehouse.file_io_properties, self._warehouse.location)

    def _new_location(self, namespace: str, name: str) -> str:
        return f"{self._warehouse.location}/{encode_name(namespace)}/{encode_name(name)}"


def encode_name(name: str) -> str:
    """Return a name as one part of a location: no two names share one, and no part of it means anything to a URL."""
    return "".join(chr(byte) if chr(byte) in PLAIN else f"~{byte:02x}" for byte in name.encode())
