"""Locks on tables of the lake, kept by the catalog's PostgreSQL and freed by it when their holder dies.

They are session-level advisory locks inside one transaction that stays open for the run: so pgbouncer, in transaction
mode too, keeps the server's connection for us alone, and closes it when we are gone. They order syncers; what keeps a
table right whoever holds what is the compare-and-set of its pointer.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psycopg
from psycopg import Connection

from catalog.database import connection_error
from catalog.pointers import VARIABLE

PAUSE_SECONDS = 0.25
TAKE = "SELECT n, pg_try_advisory_lock(n) FROM unnest(%s::int8[]) AS n"
# The server may need a moment to see that our old connection is gone.
REGAIN_SECONDS = 5.0
# The transaction is idle for as long as the run takes.
BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = '15s'"
TRANSACTION_TIMEOUT_SINCE = 170000

Name = tuple[str, ...]


class Locks:
    """The locks of one program. Safe to use from several threads."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._connection: Connection | None = None
        self._held: set[Name] = set()
        self._mutex = threading.Lock()

    def close(self) -> None:
        """Give all back."""
        with self._mutex:
            self._held.clear()
            if self._connection is not None:
                with suppress(psycopg.Error):
                    # Before the transaction ends: after it another client may have this server connection.
                    self._connection.execute("SELECT pg_advisory_unlock_all()")
                    self._connection.execute("COMMIT")
                self._connection.close()
                self._connection = None

    def take(self, keys: Collection[Name]) -> set[Name]:
        """Take those locks that nobody else has. Returns: them.

        Raises: NotReachable, OperatorError.
        """
        with self._mutex:
            got = self._take(keys)
            self._held |= got
            return got

    def release(self, keys: Collection[Name]) -> None:
        """Give locks back; where the connection is lost they are free already."""
        with self._mutex:
            ours = [number(key) for key in keys if key in self._held]
            if ours and self._connection is not None:
                with suppress(psycopg.Error):
                    self._connection.execute("SELECT pg_advisory_unlock(n) FROM unnest(%s::int8[]) AS n", (ours,))
            self._held.difference_update(keys)

    def lost(self, keys: Collection[Name]) -> set[Name]:
        """See that locks are still ours, over a new connection where the old one broke. Returns: those that are not.

        Raises: NotReachable, OperatorError.
        """
        with self._mutex:
            deadline = time.monotonic() + REGAIN_SECONDS
            while True:
                if not self._alive():
                    self._reopen()
                missing = set(keys) - self._held
                self._held |= self._take(missing)
                missing -= self._held
                if not missing or time.monotonic() >= deadline:
                    return missing
                time.sleep(PAUSE_SECONDS)

    def _alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = None
            return False
        return True

    def _take(self, keys: Collection[Name]) -> set[Name]:
        if not keys:
            return set()
        if not self._alive():
            self._reopen()
        assert self._connection is not None
        names = {number(key): key for key in keys}
        try:
            rows = self._connection.execute(TAKE, (list(names),)).fetchall()
        except psycopg.OperationalError as error:
            raise connection_error(VARIABLE, error) from None
        return {names[found] for found, got in rows if got}

    def _reopen(self) -> None:
        """Connect, and take again what was held; what others have meanwhile is lost, which `lost` tells."""
        self._connection = self._connect()
        try:
            self._connection.execute(BEGIN)
            if self._connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
                self._connection.execute("SET LOCAL transaction_timeout = 0")
            held = [number(key) for key in self._held]
            got = {found for found, is_ours in self._connection.execute(TAKE, (held,)) if is_ours}
            self._held = {key for key in self._held if number(key) in got}
        except psycopg.OperationalError as error:
            self._connection.close()
            self._connection = None
            raise connection_error(VARIABLE, error) from None


def number(key: Name) -> int:
    """Return the 64-bit number that stands for a lock."""
    text = "\0".join(("bemidb", *key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
