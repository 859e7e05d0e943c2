"""The rows of `iceberg_tables`: PyIceberg's and Java's columns, and one of ours, `columns`.

A relation without files (a partitioned table, a view, a table without columns) is a row, too, of an `iceberg_type` that
other programs leave alone. Its pointer names no metadata, it only changes with what the row says.

Only psycopg here: a server reads these rows every second and should not load SQLAlchemy for it.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from psycopg import Connection, errors

from catalog.columns import TableView
from catalog.database import BEGIN, connection_error, transaction
from catalog.errors import OperatorError

log = structlog.get_logger()

VARIABLE = "CATALOG_DATABASE_URL"
CATALOG_NAME = "bemidb"
READ_SECONDS = 20.0

SCHEMA_IS_COMPLETE = """
SELECT count(*) = 2 AND to_regclass('iceberg_namespace_properties') IS NOT NULL
AND to_regclass('bemidb_sync_runs') IS NOT NULL FROM pg_attribute
WHERE attrelid = to_regclass('iceberg_tables') AND attname IN ('columns', 'iceberg_type') AND NOT attisdropped
"""

# As PyIceberg makes them. The lock (an arbitrary number) keeps two programs apart, which IF NOT EXISTS alone does not.
DDL = """
SELECT pg_advisory_xact_lock(4990563842176335);
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name varchar(255) NOT NULL,
    table_namespace varchar(255) NOT NULL,
    table_name varchar(255) NOT NULL,
    metadata_location varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type varchar(5),
    columns jsonb,
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);
ALTER TABLE iceberg_tables ADD COLUMN IF NOT EXISTS iceberg_type varchar(5);
ALTER TABLE iceberg_tables ADD COLUMN IF NOT EXISTS columns jsonb;
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name varchar(255) NOT NULL,
    namespace varchar(255) NOT NULL,
    property_key varchar(255) NOT NULL,
    property_value varchar(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
);
CREATE TABLE IF NOT EXISTS bemidb_sync_runs (
    run_id uuid PRIMARY KEY,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text NOT NULL,
    source_system text,
    source_database text,
    source_lsn text,
    tables int NOT NULL DEFAULT 0,
    tables_failed int NOT NULL DEFAULT 0,
    tables_unchanged int NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    error text
);
"""

TABLE, WITHOUT_FILES = "TABLE", "PGREL"
OURS = f"""catalog_name = 'bemidb' AND metadata_location IS NOT NULL
AND coalesce(iceberg_type, 'TABLE') IN ('TABLE', '{WITHOUT_FILES}')"""
READ_POINTERS = f"""{BEGIN}; SELECT table_namespace, table_name, metadata_location, xmin::text FROM iceberg_tables
WHERE {OURS}; COMMIT"""  # noqa: S608 - our own constants; one message, one round trip
READ_CHANGED = f"""SELECT t.table_namespace, t.table_name, t.metadata_location, t.xmin::text, k.name IS NOT NULL,
CASE WHEN k.name IS NULL THEN t.columns END
FROM iceberg_tables t
LEFT JOIN unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS k(namespace, name, version, location)
ON (k.namespace, k.name, k.version, k.location)
 = (t.table_namespace, t.table_name, t.xmin::text, t.metadata_location) WHERE {OURS}"""  # noqa: S608
READ_VIEWS = f"""SELECT table_namespace, table_name, metadata_location, columns, xmin::text FROM iceberg_tables
WHERE {OURS} AND (table_namespace, table_name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"""  # noqa: S608
READ_POINTER = """SELECT metadata_location FROM iceberg_tables WHERE catalog_name = 'bemidb'
AND table_namespace = %s AND table_name = %s AND coalesce(iceberg_type, 'TABLE') = 'TABLE'"""
ADD_NAMESPACES = """INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
SELECT DISTINCT 'bemidb', namespace, 'exists', 'true' FROM unnest(%s::text[]) AS namespace ON CONFLICT DO NOTHING"""
CHANGES = """unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
AS n(namespace, name, old, location, kind, columns)"""
# A table takes the place of a relation without files; that has no snapshot to build on.
ADD_POINTERS = f"""INSERT INTO iceberg_tables AS t
(catalog_name, table_namespace, table_name, metadata_location, columns, iceberg_type)
SELECT 'bemidb', n.namespace, n.name, n.location, n.columns::jsonb, n.kind FROM {CHANGES}
ON CONFLICT (catalog_name, table_namespace, table_name) DO UPDATE
SET metadata_location = excluded.metadata_location, columns = excluded.columns, iceberg_type = excluded.iceberg_type
WHERE t.iceberg_type = '{WITHOUT_FILES}' AND excluded.iceberg_type = '{TABLE}'
RETURNING t.table_namespace, t.table_name"""  # noqa: S608
MOVE_POINTERS = f"""UPDATE iceberg_tables AS t
SET metadata_location = n.location, columns = n.columns::jsonb, iceberg_type = n.kind, previous_metadata_location =
    CASE WHEN n.location = n.old THEN t.previous_metadata_location WHEN n.kind = '{TABLE}' THEN n.old END
FROM {CHANGES}
WHERE t.catalog_name = 'bemidb' AND t.table_namespace = n.namespace AND t.table_name = n.name
  AND t.metadata_location = n.old
RETURNING t.table_namespace, t.table_name"""  # noqa: S608
SET_VIEW = """UPDATE iceberg_tables SET columns = %s::jsonb
WHERE catalog_name = 'bemidb' AND table_namespace = %s AND table_name = %s AND metadata_location = %s"""
DROP_POINTER = """DELETE FROM iceberg_tables
WHERE catalog_name = 'bemidb' AND table_namespace = %s AND table_name = %s AND metadata_location = %s"""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table of the lake. `view` is none where another program made it, or a later version of this one."""

    namespace: str
    name: str
    metadata_location: str
    view: TableView | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a row is to become, if it is still as it was read."""

    namespace: str
    name: str
    old: str | None  # the metadata location that was read; none: there is no such table
    new: str
    kind: str  # TABLE or WITHOUT_FILES
    view: TableView

    @property
    def full_name(self) -> tuple[str, str]:
        """Schema and name."""
        return (self.namespace, self.name)


class Pointers:
    """Reads the rows over one connection that is kept, and opened again when it was lost."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._connection: Connection | None = None
        self._rows: dict[tuple[str, str], tuple[str, TableRow]] = {}  # with the row's version
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def read(self) -> list[TableRow]:
        """Return all rows. See `LakeCatalog.read_tables`."""
        with self._lock:
            reused = self._connection is not None
            try:
                return self._read()
            except psycopg.OperationalError as error:
                broken = self._connection is None or self._connection.broken
                self._drop()
                if not (reused and broken):
                    raise connection_error(VARIABLE, error) from None
            except psycopg.Error as error:
                self._drop()
                raise _refused(error) from None
            # The server was restarted, or went to sleep, since the last time.
            try:
                return self._read()
            except psycopg.OperationalError as error:
                self._drop()
                raise connection_error(VARIABLE, error) from None

    def _read(self) -> list[TableRow]:
        if self._connection is None:
            self._connection = self._connect()
        watchdog = threading.Timer(READ_SECONDS, hang_up, [self._connection.fileno()])
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._read_rows(self._connection)
        finally:
            watchdog.cancel()

    def _read_rows(self, connection: Connection) -> list[TableRow]:
        try:
            pointers = _rows_of(connection, READ_POINTERS)
        except errors.UndefinedTable:
            connection.execute("ROLLBACK")
            return []  # nobody has synced anything yet
        found = {(namespace, name): (version, location) for namespace, name, location, version in pointers}
        known = {name: (version, row.metadata_location) for name, (version, row) in self._rows.items()}
        if found != known:
            self._rows = self._read_changed(connection)
        return [row for _, row in self._rows.values()]

    def _read_changed(self, connection: Connection) -> dict[tuple[str, str], tuple[str, TableRow]]:
        """Read pointers again, now with the views of rows that have changed: all as they are at one moment."""
        rows = [(*name, version, row.metadata_location) for name, (version, row) in self._rows.items()]
        parameters = [[row[position] for row in rows] for position in range(4)]
        with transaction(connection):
            fetched = connection.execute(READ_CHANGED, parameters).fetchall()
        return {
            (namespace, name): self._rows[namespace, name]
            if is_known
            else (version, TableRow(namespace, name, location, _view(namespace, name, columns)))
            for namespace, name, location, version, is_known, columns in fetched
        }

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def hang_up(descriptor: int) -> None:
    """End a connection whose server hangs: its kernel answers keepalives, and only the server itself keeps timeouts."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def read_pointer(connection: Connection, namespace: str, name: str) -> str | None:
    """Return where a table's metadata is; none where there is no such table."""
    with transaction(connection):
        row = connection.execute(READ_POINTER, (namespace, name)).fetchone()
    return row[0] if row is not None else None


def swap(connection: Connection, changes: Sequence[Change]) -> list[Change]:
    """Change rows, all of them or none. Returns: those that are no longer as they were read; then none was changed."""
    lost: list[Change] = []
    with contextlib.suppress(_Moved), transaction(connection):
        added = [change for change in changes if change.old is None]
        moved = [change for change in changes if change.old is not None]
        connection.execute(ADD_NAMESPACES, ([change.namespace for change in added],))
        for statement, part in ((ADD_POINTERS, added), (MOVE_POINTERS, moved)):
            if part:
                done = set(connection.execute(statement, _columns_of(part)).fetchall())
                lost += [change for change in part if change.full_name not in done]
        if lost:
            raise _Moved
    return lost


class _Moved(Exception):
    """Rolls back."""


def _columns_of(changes: Sequence[Change]) -> list[list[str | None]]:
    return [
        [change.namespace for change in changes],
        [change.name for change in changes],
        [change.old for change in changes],
        [change.new for change in changes],
        [change.kind for change in changes],
        [change.view.to_json() for change in changes],
    ]


def read_row(connection: Connection, namespace: str, name: str) -> TableRow | None:
    """Return one table as it is now."""
    with transaction(connection):
        row = connection.execute(READ_VIEWS, ([namespace], [name])).fetchone()
    return TableRow(namespace, name, row[2], _view(namespace, name, row[3])) if row is not None else None


def set_view(connection: Connection, row: TableRow, view: TableView) -> bool:
    """Replace a table's view under the pointer that it was read with."""
    with transaction(connection):
        parameters = (view.to_json(), row.namespace, row.name, row.metadata_location)
        return connection.execute(SET_VIEW, parameters).rowcount == 1


def drop_pointer(connection: Connection, row: TableRow) -> bool:
    """Take a table out of the lake if it is still the one that was read."""
    with transaction(connection):
        parameters = (row.namespace, row.name, row.metadata_location)
        return connection.execute(DROP_POINTER, parameters).rowcount == 1


def _rows_of(connection: Connection, statements: str) -> list[tuple[Any, ...]]:
    """Send several statements as one message; return the rows of the one that has any."""
    cursor = connection.execute(statements)
    rows: list[tuple[Any, ...]] = []
    while True:
        if cursor.description is not None:
            rows = cursor.fetchall()
        if not cursor.nextset():
            return rows


def _view(namespace: str, name: str, columns: dict[str, Any] | None) -> TableView | None:
    if columns is None:
        return None
    try:
        return TableView.from_json(columns)
    except (ValueError, KeyError, TypeError) as error:
        log.warning("view_not_understood", namespace=namespace, table=name, problem=str(error))
        return None


def _refused(error: psycopg.Error) -> Exception:
    if isinstance(error, errors.UndefinedColumn):
        return OperatorError(VARIABLE, "its iceberg_tables lacks our column", "let the syncer or ensure_schema add it")
    if isinstance(error, errors.InsufficientPrivilege):
        return OperatorError(VARIABLE, "its user may not read iceberg_tables", "grant it")
    return error
