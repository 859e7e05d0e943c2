"""The copying of one table: its owner, the way it is copied, and how that ended."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import psycopg
import structlog

from catalog.columns import TableView
from catalog.errors import CommitConflict, CommitOutcomeUnknown, CorruptMetadata, NotReachable, OperatorError
from catalog.locks import Locks
from catalog.relations import relation_change, view_change
from catalog.storage import Warehouse
from catalog.tables import Commit, LakeCatalog, TableRow
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


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of one table: it is staged, or it has failed. `files` are of no use if it does not land."""

    table: SourceTable
    outcome: Outcome
    files: tuple[str, ...] = ()
    is_first_today: bool = False


class Copying:
    """Copies tables, a few at a time; a table that fails does not stop the others."""

    def __init__(self, stage: Stage) -> None:
        """Take what is open."""
        self._stage = stage
        self._readers = Readers(stage.source, stage.settings.sync_jobs)
        self._full = FullCopy(self._readers, stage.lake, stage.warehouse)
        self._incremental = IncrementalCopy(self._readers, stage.lake, stage.warehouse, stage.settings)

    @property
    def snapshot_lost(self) -> bool:
        """Whether the run can read no more of its snapshot."""
        return self._readers.snapshot_lost

    def close(self) -> None:
        """End the workers; who still works is waited for."""
        self._readers.close()

    def copy(self, tables: list[SourceTable], commit: Commit, copies: list[Copy]) -> None:
        """Copy tables, and stage them for a commit.

        Args: the tables; the commit; where each goes as soon as it is copied: an interruption ends this early.
        """
        jobs = max(1, min(self._readers.jobs, len(tables)))
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="table") as pool:
            try:
                list(pool.map(lambda table: copies.append(self._copy(table, commit)), tables))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._readers.stop()
                raise

    def _copy(self, table: SourceTable, commit: Commit) -> Copy:
        progress = self._stage.progress.table(table)
        log_text_backed(table)
        try:
            self._readers.check()
            row = self._stage.lake.read_table(*table.destination)
            if not self._stage.settings.take_over:
                check_owner(table, row)
            if row is not None and is_newer(row, table):
                return Copy(table, progress.leave(row.view, "superseded"))
            return self._copy_owned(table, row, commit, progress)
        except psycopg.Error as error:
            problem = source_problem(error)
        except KNOWN_FAILURES as error:
            problem = str(error)
        except OSError as error:
            log.warning("store_failed", table=table.label, error=type(error).__name__)
            problem = store_problem(error)
        except Exception as error:  # whatever it is, it must not stop the other tables
            log.exception("table_failed_unexpectedly", table=table.label)
            problem = f"{type(error).__name__}: {error}"
        return Copy(table, progress.fail(problem))

    def _copy_owned(self, table: SourceTable, row: TableRow | None, commit: Commit, progress: TableProgress) -> Copy:
        if not table.view.columns:
            return self._count(table, row, commit, progress)
        if row is not None and self._is_unchanged(table, row):
            return self._leave(table, row, commit, progress, "unchanged")
        first_today = row is None or row.view is None or day_of(row.view) != day_of(table.view)
        if table.cursor is not None and row is not None:
            try:
                staged = self._incremental.copy(table, row, commit, progress)
                if staged is None:
                    return self._leave(table, row, commit, progress, "incremental")
                view = staged.committed.view
                outcome = progress.finish(view.row_count, view.byte_count, "incremental")
                return Copy(table, outcome, staged.files, first_today)
            except NeedsFull as error:
                log.info("full_copy_needed", table=table.label, reason=str(error))
        staged = self._full.copy(table, commit, progress)
        view = staged.committed.view
        return Copy(table, progress.finish(view.row_count, view.byte_count), staged.files, first_today)

    def _count(self, table: SourceTable, row: TableRow | None, commit: Commit, progress: TableProgress) -> Copy:
        """Note how many rows a table without columns has: there is nothing else to copy."""
        rows = self._readers.submit(partial(count_rows, table=table), table.label).result()
        commit.put(relation_change(*table.destination, row, replace(table.view, row_count=rows)))
        return Copy(table, progress.finish(rows, 0))

    def _is_unchanged(self, table: SourceTable, row: TableRow) -> bool:
        """Tell whether the source proves that nobody has written to the table since it was copied."""
        source = self._stage.source
        if not self._stage.settings.skip_unchanged or not may_be_unchanged(table, row):
            return False
        wait_until_settled(source.snapshot_at, self._readers.check)
        return source.counters_now().get(table.relation.oid) == table.view.origin.counters

    def _leave(self, table: SourceTable, row: TableRow, commit: Commit, progress: TableProgress, mode: str) -> Copy:
        """Note that the table is as it is at the source at this run's snapshot, too."""
        assert row.view is not None
        here = table.view
        view = replace(row.view, origin=here.origin, parents=here.parents, children=here.children, bound=here.bound)
        commit.put(view_change(row, view))
        return Copy(table, progress.leave(view, mode))


def day_of(view: TableView) -> str:
    """Return the day on which a table was copied."""
    return view.origin.synced_at[: len("2026-01-01")]


def is_newer(row: TableRow, table: SourceTable) -> bool:
    """Tell whether another run has copied the table meanwhile, from a later moment of the same source.

    By the clock, too: a source that was restored from a backup begins again with lower log positions.
    """
    if row.view is None:
        return False
    theirs, ours = row.view.origin, table.view.origin
    is_later = lsn_number(theirs.lsn) > lsn_number(ours.lsn) and theirs.synced_at >= ours.synced_at
    return is_later and same_source(theirs, ours)


def lsn_number(text: str) -> int:
    """Return a log position as a number: 16/B374D848."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def source_problem(error: psycopg.Error) -> str:
    """Return what the source says, without the values that it may quote in its detail."""
    message = error.diag.message_primary or "the connection to the source broke"
    return f"{message} ({error.sqlstate})" if error.sqlstate else message


def store_problem(error: OSError) -> str:
    """Return what a store says."""
    return f"the warehouse failed: {next(iter(str(error).splitlines()), type(error).__name__)}"
