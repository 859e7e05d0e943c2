"""The turns of a run: the tables that are free are copied and become visible together; those that another sync copies
are waited for, and come after. Nothing is held while another's lock is waited for, but locks that come before it by
name, so that no two syncs wait for each other.
"""

import time
from collections.abc import Sequence
from contextlib import closing

import structlog

from syncer.copying import Copying, Stage
from syncer.describe import SourceTable
from syncer.landing import Landing, lock_of
from syncer.patterns import Name
from syncer.progress import Outcome, failed

# A catalog has room for 6,400 locks by default, all its users together; what is staged takes memory, too.
MAX_LOCKS = 1000
PAUSE_SECONDS = 0.25

Lock = tuple[str, ...]

log = structlog.get_logger()


class Turns:
    """Copies all tables of a run."""

    def __init__(self, stage: Stage) -> None:
        """Take what is open."""
        self._stage = stage
        self._copying = Copying(stage)
        self._relations: list[SourceTable] = []
        self._left: list[SourceTable] = []
        self._refused: set[Name] = set()

    @property
    def snapshot_lost(self) -> bool:
        """Whether the source's snapshot was lost on the way; what was not visible by then is not changed."""
        return self._copying.snapshot_lost

    def copy_all(self, tables: list[SourceTable], relations: list[SourceTable]) -> list[Outcome]:
        """Copy tables, and record relations without rows. An interruption leaves all as it was before its turn."""
        self._relations, self._left = relations, list(tables)
        outcomes: list[Outcome] = []
        busy: list[Lock] = []
        with closing(self._copying):
            for keys in chunks(sorted({lock_of(table) for table in tables})) or [()]:
                got = self._stage.locks.take(keys)
                busy += [key for key in keys if key not in got]
                outcomes += self._turn(got)
            deadline = time.monotonic() + self._stage.settings.lock_wait_s
            for keys in chunks(busy):
                got = self._wait(keys, deadline)
                refused = set(keys) - got
                outcomes += self._refuse(refused)
                outcomes += self._turn(got)
        return outcomes

    def _turn(self, keys: set[Lock]) -> list[Outcome]:
        """Copy the tables of some families, let them be seen, give their locks back."""
        tables = [table for table in self._left if lock_of(table) in keys]
        self._left = [table for table in self._left if lock_of(table) not in keys]
        commit = self._stage.lake.begin()
        pending = {table.destination for table in self._left}
        landing = Landing(self._stage, commit, self._relations, pending, self._refused)
        try:
            try:
                self._copying.copy(tables, commit, landing.copies)
            except BaseException:
                landing.abandon()
                raise
            outcomes, self._relations = landing.land(snapshot_lost=self._copying.snapshot_lost)
        finally:
            self._stage.locks.release(keys)
        return outcomes

    def _wait(self, keys: Sequence[Lock], deadline: float) -> set[Lock]:
        """Take locks, in the order of their names, each as soon as it is free."""
        log.info("tables_locked_by_another", tables=[".".join(key[1:]) for key in keys])
        got: set[Lock] = set()
        for key in keys:
            while not (mine := self._stage.locks.take([key])) and time.monotonic() < deadline:
                time.sleep(PAUSE_SECONDS)
            got |= mine
        return got

    def _refuse(self, keys: set[Lock]) -> list[Outcome]:
        waited_s = self._stage.settings.lock_wait_s
        refused = [table for table in self._left if lock_of(table) in keys]
        self._left = [table for table in self._left if lock_of(table) not in keys]
        self._refused |= {table.destination for table in refused}
        return [failed(table, f"another sync is copying it, waited {waited_s:.0f} s for it") for table in refused]


def chunks(keys: Sequence[Lock]) -> list[Sequence[Lock]]:
    """Cut into pieces of bounded length."""
    return [keys[start : start + MAX_LOCKS] for start in range(0, len(keys), MAX_LOCKS)]
