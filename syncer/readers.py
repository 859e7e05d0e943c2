"""Workers that read the source, each over a connection of its own inside the run's snapshot."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import psycopg
import structlog

from syncer.source import Source

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 1.0
GONE = ("08", "57P01", "57P02", "57P03")  # SQLSTATEs of a connection that was lost, or ended by the server

T = TypeVar("T")

log = structlog.get_logger()


class SnapshotLost(Exception):
    """The connection that holds the run's snapshot is gone: what is not copied yet would be of another moment."""


class Stopped(Exception):
    """The run, or this table's copy, is being given up."""


class Readers:
    """The workers of one run."""

    def __init__(self, source: Source, jobs: int) -> None:
        """Args: the source; how many may read at a time (one, if the source cannot share its snapshot)."""
        self._source = source
        self.jobs = jobs if source.snapshot is not None else 1
        self._pool = ThreadPoolExecutor(max_workers=self.jobs, thread_name_prefix="reader")
        self._stopped = threading.Event()
        self.snapshot_lost = False

    def close(self) -> None:
        """End the workers; who still works is waited for."""
        self._pool.shutdown()

    def stop(self) -> None:
        """Give up: statements under way are cancelled, what has not begun will not."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._source.cancel()

    def submit(self, act: Callable[[psycopg.Connection], T], label: str) -> "Future[T]":
        """Do something with a connection. What is done must be repeatable: it is, when a connection or a store fails.

        The future raises what the last attempt raised; SnapshotLost when no attempt can work any more.
        """
        return self._pool.submit(self._try, act, label)

    def check(self) -> None:
        """Raise Stopped when the run is being given up."""
        if self._stopped.is_set():
            raise Stopped("the run was interrupted")

    def _try(self, act: Callable[[psycopg.Connection], T], label: str) -> T:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            self.check()
            try:
                with self._source.reader() as connection:
                    return act(connection)
            except (psycopg.Error, OSError) as error:
                self.check()
                if isinstance(error, psycopg.Error):
                    self._check_snapshot(error)
                if attempt == ATTEMPTS or not is_passing(error):
                    raise
                log.warning("read_again", table=label, problem=type(error).__name__, attempt=attempt)
            self._stopped.wait(pause)
            pause *= 3
        raise AssertionError("unreachable")

    def _check_snapshot(self, error: psycopg.Error) -> None:
        lost = is_lost(error) if self._source.snapshot is None else not self._source.alive()
        if lost:
            self.snapshot_lost = True
            raise SnapshotLost("the source ended the connection that holds the run's snapshot") from error


def is_lost(error: psycopg.Error) -> bool:
    """Tell a connection that broke from a statement that failed."""
    return error.sqlstate is None or error.sqlstate.startswith(GONE)


def is_passing(error: psycopg.Error | OSError) -> bool:
    """Tell what may work the next time: of errors of a store, those that no number of the system stands for."""
    return is_lost(error) if isinstance(error, psycopg.Error) else error.errno is None
