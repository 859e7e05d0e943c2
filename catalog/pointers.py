"""The rows of `iceberg_tables`: PyIceberg's and Java's columns, and one of ours, `columns`.

A relation without files (a partitioned table, a view, a table without columns) is a row, too, of an `iceberg_type` that
other programs leave alone. Its pointer names no metadata, it only changes with what the row says.

Only psycopg here: a server reads these rows every second and should not load SQLAlchemy for it.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
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

WITHOUT_FILES = "PGREL"
OURS = f"""catalog_name = 'bemidb' AND metadata_location IS NOT NULL
AND coalesce(iceberg_type, 'TABLE') IN ('TABLE', '{WITHOUT_FILES}')"""
READ_POINTERS = f"""{BEGIN}; SELECT table_namespace, table_name, metadata_location, xmin::text FROM iceberg_tables
WHERE {OURS}; COMMIT"""  # noqa: S608 - our own constants; one message, one round trip
READ_VIEWS = f"""SELECT table_namespace, table_name, metadata_location, columns, xmin::text FROM iceberg_tables
WHERE {OURS} AND (table_namespace, table_name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"""  # noqa: S608
READ_POINTER = """SELECT metadata_location FROM iceberg_tables WHERE catalog_name = 'bemidb'
AND table_namespace = %s AND table_name = %s AND coalesce(iceberg_type, 'TABLE') = 'TABLE'"""
ADD_NAMESPACE = """INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
VALUES ('bemidb', %s, 'exists', 'true') ON CONFLICT DO NOTHING"""
ADD_POINTER = f"""INSERT INTO iceberg_tables AS t
(catalog_name, table_namespace, table_name, metadata_location, columns, iceberg_type)
VALUES ('bemidb', %s, %s, %s, %s::jsonb, 'TABLE') ON CONFLICT (catalog_name, table_namespace, table_name) DO UPDATE
SET metadata_location = excluded.metadata_location, columns = excluded.columns, iceberg_type = 'TABLE'
WHERE t.iceberg_type = '{WITHOUT_FILES}'"""  # noqa: S608
MOVE_POINTER = """UPDATE iceberg_tables
SET metadata_location = %s, previous_metadata_location = metadata_location, columns = %s::jsonb
WHERE catalog_name = 'bemidb' AND table_namespace = %s AND table_name = %s AND metadata_location = %s"""
PUT_RELATION = f"""INSERT INTO iceberg_tables AS t
(catalog_name, table_namespace, table_name, metadata_location, columns, iceberg_type)
VALUES ('bemidb', %s, %s, %s, %s::jsonb, '{WITHOUT_FILES}')
ON CONFLICT (catalog_name, table_namespace, table_name) DO UPDATE
SET metadata_location = excluded.metadata_location, previous_metadata_location = NULL, columns = excluded.columns,
    iceberg_type = excluded.iceberg_type
WHERE t.metadata_location = %s"""  # noqa: S608
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
        rows = {}
        moved = []
        for namespace, name, location, version in pointers:
            known = self._rows.get((namespace, name))
            if known is not None and (known[0], known[1].metadata_location) == (version, location):
                rows[namespace, name] = known
            else:
                moved.append((namespace, name))
        if moved:
            with transaction(connection):
                names = [[namespace for namespace, _ in moved], [name for _, name in moved]]
                fetched = connection.execute(READ_VIEWS, names).fetchall()
            for namespace, name, location, columns, version in fetched:
                row = TableRow(namespace, name, location, _view(namespace, name, columns))
                rows[namespace, name] = version, row
        self._rows = rows
        return [row for _, row in rows.values()]

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


def swap(connection: Connection, namespace: str, name: str, old: str | None, new: str, view: TableView) -> bool:
    """Move a pointer and its view together, if it is still the old one (none: if there is no such table)."""
    with transaction(connection):
        if old is None:
            connection.execute(ADD_NAMESPACE, (namespace,))
            return connection.execute(ADD_POINTER, (namespace, name, new, view.to_json())).rowcount == 1
        return connection.execute(MOVE_POINTER, (new, view.to_json(), namespace, name, old)).rowcount == 1


def put_relation(connection: Connection, namespace: str, name: str, old: str | None, new: str, view: TableView) -> bool:
    """Write a relation without files over what was there (none: if there is nothing)."""
    with transaction(connection):
        connection.execute(ADD_NAMESPACE, (namespace,))
        parameters = (namespace, name, new, view.to_json(), old)
        return connection.execute(PUT_RELATION, parameters).rowcount == 1


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
