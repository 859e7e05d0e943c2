"""Locks on tables of the lake, kept by the catalog's PostgreSQL and freed by it when their holder dies.

They are session-level advisory locks inside one transaction that stays open for the run: so pgbouncer, in transaction
mode too, keeps the server's connection for us alone, and closes it when we are gone. They order syncers; what keeps a
table right whoever holds what is the compare-and-set of its pointer.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import structlog
from psycopg import Connection

from catalog.database import connection_error
from catalog.errors import LockLost, TableBusy
from catalog.pointers import VARIABLE

log = structlog.get_logger()

PAUSE_SECONDS = 0.25
# The server may need a moment to see that our old connection is gone.
REGAIN_SECONDS = 5.0
# The transaction is idle for as long as a table takes to copy.
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

    @contextmanager
    def table(self, namespace: str, name: str, wait_seconds: float) -> Iterator[bool]:
        """Hold a table's lock. Yields: whether it had to be waited for.

        Raises: TableBusy when another holds it all that time; NotReachable, OperatorError.
        """
        key = ("table", namespace, name)
        deadline = time.monotonic() + wait_seconds
        waited = False
        while not self.try_lock(key):
            if not waited:
                log.info("table_locked_by_another", namespace=namespace, table=name, wait_s=wait_seconds)
            waited = True
            if time.monotonic() >= deadline:
                raise TableBusy(f"another sync is copying it to {namespace}.{name}, waited {wait_seconds:.0f} s for it")
            time.sleep(PAUSE_SECONDS)
        try:
            yield waited
        finally:
            self.unlock(key)

    def try_lock(self, key: Name) -> bool:
        """Take a lock if nobody has it."""
        with self._mutex:
            got = self._try(key)
            if got:
                self._held.add(key)
            return got

    def unlock(self, key: Name) -> None:
        """Give a lock back; where the connection is lost it is free already."""
        with self._mutex:
            if key in self._held and self._connection is not None:
                with suppress(psycopg.Error):
                    self._connection.execute("SELECT pg_advisory_unlock(%s)", (number(key),))
            self._held.discard(key)

    def confirm(self, namespace: str, name: str) -> None:
        """See that a table's lock is still ours, over a new connection where the old one broke.

        Raises: LockLost; NotReachable, OperatorError.
        """
        key = ("table", namespace, name)
        with self._mutex:
            if self._alive() and key in self._held:
                return
            deadline = time.monotonic() + REGAIN_SECONDS
            while key not in self._held or not self._alive():
                if self._try(key):
                    self._held.add(key)
                    return
                if time.monotonic() >= deadline:
                    raise LockLost(f"the lock on {namespace}.{name} was lost, and another sync has it now")
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

    def _try(self, key: Name) -> bool:
        if not self._alive():
            self._reopen()
        assert self._connection is not None
        try:
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (number(key),)).fetchone()
        except psycopg.OperationalError as error:
            raise connection_error(VARIABLE, error) from None
        return row is not None and bool(row[0])

    def _reopen(self) -> None:
        """Connect, and take again what was held; what others have meanwhile is lost, which `confirm` tells."""
        self._connection = self._connect()
        try:
            self._connection.execute(BEGIN)
            if self._connection.info.server_version >= TRANSACTION_TIMEOUT_SINCE:
                self._connection.execute("SET LOCAL transaction_timeout = 0")
            for key in list(self._held):
                row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (number(key),)).fetchone()
                if row is None or not row[0]:
                    self._held.discard(key)
        except psycopg.OperationalError as error:
            self._connection.close()
            self._connection = None
            raise connection_error(VARIABLE, error) from None


def number(key: Name) -> int:
    """Return the 64-bit number that stands for a lock."""
    text = "\0".join(("bemidb", *key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
