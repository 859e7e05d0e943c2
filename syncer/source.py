"""The source Postgres: one snapshot, read over several connections.

Behind pgbouncer in transaction mode a connection is a new one after every COMMIT, so nothing is set for a session:
all of it is `SET LOCAL`, inside the transaction.
"""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import LiteralString, Self

import psycopg
import structlog
from psycopg import sql
from psycopg.pq import TransactionStatus

from catalog import database
from catalog.database import wait_for
from syncer.settings import SOURCE_URL

PATIENCE_SECONDS = 60.0
CANCEL_SECONDS = 3.0

BEGIN: LiteralString = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# row_security: an error, not missing rows. Timeouts: a big table takes as long as it takes; a lock does not.
LOCAL_SETTINGS: LiteralString = """
SET LOCAL search_path = pg_catalog;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, MDY';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 3;
SET LOCAL xmloption = 'content';
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL lock_timeout = '5min'
"""
TRANSACTION_TIMEOUT_SINCE = 170000
COUNTERS_SINCE = 150000
QUERY_COUNTERS: LiteralString = """
SELECT t.relid::int8, concat_ws(' ', t.n_tup_ins, t.n_tup_upd, t.n_tup_del, extract(epoch FROM d.stats_reset),
                                extract(epoch FROM w.stats_reset), extract(epoch FROM pg_postmaster_start_time()))
FROM pg_stat_user_tables t, pg_stat_database d, pg_stat_bgwriter w
WHERE d.datname = current_database() AND current_setting('track_counts')::bool AND NOT pg_is_in_recovery()
"""

log = structlog.get_logger()


class Source:
    """A connection that holds one snapshot open, and what is known of the server."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        """Take the snapshot on an open connection."""
        self._url = url
        self._readers: set[psycopg.Connection] = set()
        self.connection = connection
        self.version = connection.info.server_version
        self.counters = read_counters(connection)  # before the snapshot: what is counted is in it
        self.snapshot_at = time.monotonic()
        self.snapshot = _export_snapshot(connection)
        row = connection.execute(
            "SELECT current_database(), CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_insert_lsn() END::text, now()"
        ).fetchone()
        assert row is not None
        self.database = str(row[0])
        self.lsn = str(row[1] or "0/0")
        self.synced_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.system_identifier = self._ask("SELECT system_identifier::text FROM pg_control_system()") or "unknown"

    @classmethod
    def open(cls, url: str, patience_seconds: float = PATIENCE_SECONDS) -> Self:
        """Connect, waiting for a source that is not up yet, and take the snapshot."""
        return cls(url, connect(url, patience_seconds))

    def close(self) -> None:
        """Let the snapshot go."""
        leave(self.connection)

    @contextlib.contextmanager
    def reader(self) -> Iterator[psycopg.Connection]:
        """Give a connection inside the snapshot, with a transaction of its own if the source can share snapshots."""
        if self.snapshot is None:
            self.connection.execute("SAVEPOINT one_table")
            try:
                yield self.connection
            finally:
                if not self.connection.closed:
                    self.connection.execute("ROLLBACK TO SAVEPOINT one_table")
            return
        connection = connect(self._url)
        self._readers.add(connection)
        try:
            begin(connection, self.snapshot)
            yield connection
        finally:
            self._readers.discard(connection)
            leave(connection)

    def alive(self) -> bool:
        """Tell whether a shared snapshot is still there."""
        try:
            self.connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def counters_now(self) -> dict[int, str]:
        """Read the counters again, as they are now, not as in the snapshot."""
        with contextlib.closing(connect(self._url)) as connection:
            return read_counters(connection)

    def cancel(self) -> None:
        """End what the readers are doing, from another thread: their statements fail."""
        for connection in {self.connection, *self._readers}:
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=CANCEL_SECONDS)

    def _ask(self, query: LiteralString) -> str | None:
        """Return the answer to what not every source allows, None then."""
        self.connection.execute("SAVEPOINT may_fail")
        try:
            row = self.connection.execute(query).fetchone()
        except psycopg.Error:
            self.connection.execute("ROLLBACK TO SAVEPOINT may_fail")
            return None
        return str(row[0]) if row else None


def read_counters(connection: psycopg.Connection) -> dict[int, str]:
    """Return for each table, by OID, what changes when anybody writes to it; of servers where that is sure.

    Before PostgreSQL 15 counts could get lost, a standby counts nothing of what it replays, and a crash or a reset
    begins to count anew: so the times of start and reset are part of it (a crash resets the bgwriter's, too).
    """
    if connection.info.server_version < COUNTERS_SINCE:
        return {}
    return {int(row[0]): str(row[1]) for row in connection.execute(QUERY_COUNTERS)}


def _export_snapshot(connection: psycopg.Connection) -> str | None:
    """Open the transaction and share its snapshot. Returns: None where the source cannot share one."""
    begin(connection)
    try:
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()  # not within a savepoint
    except psycopg.DatabaseError as error:
        log.warning(
            "snapshot_not_exported", sqlstate=error.sqlstate, consequence="all tables are read over one connection"
        )
        connection.execute("ROLLBACK")
        begin(connection)
        return None
    assert row is not None
    return str(row[0])


def begin(connection: psycopg.Connection, snapshot: str | None = None) -> None:
    """Open a transaction with our settings, in a snapshot that another connection exported."""
    connection.execute(BEGIN)
    if snapshot is not None:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
    connection.execute(LOCAL_SETTINGS)
    if connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
        connection.execute("SET LOCAL transaction_timeout = 0")


def leave(connection: psycopg.Connection) -> None:
    """Close a connection; pgbouncer keeps its server's only if no transaction is open."""
    if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK")
    connection.close()


def connect(url: str, patience_seconds: float = PATIENCE_SECONDS) -> psycopg.Connection:
    """Connect, with growing pauses while the source cannot be reached (it may be waking up).

    Raises: OperatorError at once when the source refuses us, after `patience_seconds` when it does not come.
    """
    return wait_for(lambda: database.connect(SOURCE_URL, url), what="the source", timeout_s=patience_seconds)
