"""The copying of one run's tables: for each its lock, its owner, the way it is copied, and how that ended."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import psycopg
import structlog

from catalog.columns import TableView
from catalog.errors import (
    CommitConflict,
    CommitOutcomeUnknown,
    CorruptMetadata,
    LockLost,
    NotReachable,
    OperatorError,
    TableBusy,
)
from catalog.locks import Locks
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog, TableRow
from syncer.convert import NotText
from syncer.describe import SourceTable, log_text_backed
from syncer.extract import RewrittenMeanwhile, count_rows
from syncer.full import FullCopy
from syncer.incremental import IncrementalCopy, NeedsFull
from syncer.ownership import ForeignTable, check_owner, same_source
from syncer.progress import Outcome, RunProgress, TableProgress
from syncer.readers import Readers, SnapshotLost, Stopped
from syncer.settings import SyncSettings
from syncer.source import Source
from syncer.unchanged import may_be_unchanged, wait_until_settled

KNOWN_FAILURES = (
    RewrittenMeanwhile,
    NotText,
    NotReachable,
    OperatorError,
    CommitConflict,
    CommitOutcomeUnknown,
    CorruptMetadata,
    TableBusy,
    LockLost,
    ForeignTable,
    SnapshotLost,
    Stopped,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stage:
    """What is open during a run."""

    settings: SyncSettings
    source: Source
    lake: LakeCatalog
    warehouse: Warehouse
    locks: Locks
    progress: RunProgress


class Copying:
    """Copies tables, a few at a time; a table that fails does not stop the others."""

    def __init__(self, stage: Stage) -> None:
        """Take what is open."""
        self._stage = stage
        self._readers = Readers(stage.source, stage.settings.sync_jobs)
        self._full = FullCopy(self._readers, stage.lake, stage.warehouse)
        self._incremental = IncrementalCopy(self._readers, stage.lake, stage.warehouse, stage.settings)

    def copy_all(self, tables: list[SourceTable]) -> list[Outcome]:
        """Copy all. When it is interrupted, the tables that are under way keep their previous content."""
        jobs = max(1, min(self._readers.jobs, len(tables)))
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="table") as pool:
            try:
                return list(pool.map(self._copy, tables))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._readers.stop()
                raise
            finally:
                self._readers.close()

    def _copy(self, table: SourceTable) -> Outcome:
        progress = self._stage.progress.table(table)
        log_text_backed(table)
        try:
            self._readers.check()
            with self._stage.locks.table(*table.destination, self._stage.settings.lock_wait_s) as waited:
                row = self._stage.lake.read_table(*table.destination)
                if not self._stage.settings.take_over:
                    check_owner(table, row)
                if waited and row is not None and is_newer(row, table):
                    return progress.leave(row.view, "superseded")
                outcome = self._copy_locked(table, row, progress)
                if table.view.columns and (row is None or row.view is None or day_of(row.view) != day_of(table.view)):
                    self._clean_up(table)
                return outcome
        except psycopg.Error as error:
            return progress.fail(source_problem(error))
        except KNOWN_FAILURES as error:
            return progress.fail(str(error))
        except OSError as error:
            log.warning("store_failed", table=table.label, error=type(error).__name__)
            return progress.fail(f"the warehouse failed: {_first_line(error)}")
        except Exception as error:  # whatever it is, it must not stop the other tables
            log.exception("table_failed_unexpectedly", table=table.label)
            return progress.fail(f"{type(error).__name__}: {error}")

    def _copy_locked(self, table: SourceTable, row: TableRow | None, progress: TableProgress) -> Outcome:
        confirm = self._stage.locks.confirm
        if not table.view.columns:
            return self._count(table, row, progress)
        if row is not None and self._is_unchanged(table, row):
            return self._leave(table, row, progress, "unchanged")
        if table.cursor is not None and row is not None:
            try:
                committed = self._incremental.copy(table, row, progress, confirm)
                if committed is None:
                    return self._leave(table, row, progress, "incremental")
                return progress.finish(committed.view.row_count, committed.view.byte_count, "incremental")
            except NeedsFull as error:
                log.info("full_copy_needed", table=table.label, reason=str(error))
        whole = self._full.copy(table, progress, confirm)
        return progress.finish(whole.view.row_count, whole.view.byte_count)

    def _count(self, table: SourceTable, row: TableRow | None, progress: TableProgress) -> Outcome:
        """Note how many rows a table without columns has: there is nothing else to copy."""
        rows = self._readers.submit(partial(count_rows, table=table), table.label).result()
        self._stage.locks.confirm(*table.destination)
        if not self._stage.lake.put_relation(*table.destination, row, replace(table.view, row_count=rows)):
            raise CommitConflict("another writer changed it")
        return progress.finish(rows, 0)

    def _clean_up(self, table: SourceTable) -> None:
        """Delete what failed runs have left of a table, once a day; it is no failure where that does not work."""
        try:
            row = self._stage.lake.read_table(*table.destination)
            if row is not None:
                self._stage.lake.remove_orphans(row)
        except (OSError, CorruptMetadata, NotReachable, OperatorError) as error:
            log.warning("orphans_left", table=table.label, problem=type(error).__name__)

    def _is_unchanged(self, table: SourceTable, row: TableRow) -> bool:
        """Tell whether the source proves that nobody has written to the table since it was copied."""
        source = self._stage.source
        if not self._stage.settings.skip_unchanged or not may_be_unchanged(table, row):
            return False
        wait_until_settled(source.snapshot_at, self._readers.check)
        return source.counters_now().get(table.relation.oid) == table.view.origin.counters

    def _leave(self, table: SourceTable, row: TableRow, progress: TableProgress, mode: str) -> Outcome:
        """Note that the table is as it is at the source at this run's snapshot, too."""
        assert row.view is not None
        here = table.view
        view = replace(row.view, origin=here.origin, parents=here.parents, children=here.children, bound=here.bound)
        if not self._stage.lake.set_view(row, view):
            raise CommitConflict("another writer changed it")
        return progress.leave(view, mode)


def day_of(view: TableView) -> str:
    """Return the day on which a table was copied."""
    return view.origin.synced_at[: len("2026-01-01")]


def is_newer(row: TableRow, table: SourceTable) -> bool:
    """Tell whether another run has copied the table meanwhile, from a later moment of the same source."""
    if row.view is None:
        return False
    theirs, ours = row.view.origin, table.view.origin
    return same_source(theirs, ours) and lsn_number(theirs.lsn) > lsn_number(ours.lsn)


def lsn_number(text: str) -> int:
    """Return a log position as a number: 16/B374D848."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def source_problem(error: psycopg.Error) -> str:
    """Return what the source says, without the values that it may quote in its detail."""
    message = error.diag.message_primary or "the connection to the source broke"
    return f"{message} ({error.sqlstate})" if error.sqlstate else message


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
