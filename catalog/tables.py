"""The catalog: rows of `iceberg_tables`, read cheaply by servers, swapped by compare-and-set by syncers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import psycopg
import structlog
from psycopg import Connection, errors
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from catalog import snapshot
from catalog.columns import Column, TableView
from catalog.commits import NOTHING, Commit, Committed, Part, TableTarget
from catalog.database import connect, connection_error, transaction
from catalog.errors import OperatorError
from catalog.files import WrittenFile
from catalog.locks import Locks
from catalog.orphans import remove_orphans
from catalog.pointers import (
    DDL,
    SCHEMA_IS_COMPLETE,
    VARIABLE,
    Pointers,
    TableRow,
    drop_pointer,
    read_pointer,
    read_row,
    set_view,
)
from catalog.postgres import PostgresFailed, PrivatePostgres
from catalog.runs import RunRow, read_runs
from catalog.scan import ScanPlan, plan_scan
from catalog.schemas import assign_field_ids, file_schema
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse

if TYPE_CHECKING:
    from catalog.sql_catalog import LakeSqlCatalog

__all__ = ["Commit", "Committed", "LakeCatalog", "Part", "TableRow", "TableTarget"]

log = structlog.get_logger()

T = TypeVar("T")
ALWAYS = AlwaysTrue()

RUNS_SHOWN = 10_000
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True, slots=True)
class Content:
    """What an incremental copy must know of a table. The summaries are of its history, the newest first."""

    schema: Schema
    summaries: tuple[Mapping[str, str], ...]


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

    def begin(self) -> Commit:
        """Return an empty commit: what is staged for it becomes visible together."""
        return Commit(self._connect, lambda name: self._load(*name, self._file_io()), self._file_io)

    def commit_table(
        self,
        target: TableTarget,
        files: Sequence[WrittenFile],
        view: TableView,
        summary: Mapping[str, str] = NOTHING,
        part: Part | None = None,
    ) -> Committed:
        """Replace the content of one table in one snapshot. See `Commit`.

        Raises: what `Commit.stage_table` and `Commit.land` raise; CommitConflict: nothing was changed.
        """
        name = (target.namespace, target.name)
        commit = self.begin()
        commit.stage_table(target, files, view, summary, part)
        conflicts = commit.land()
        if conflicts:
            commit.leave_out([name])
            raise conflicts[name]
        return commit.committed(name)

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
