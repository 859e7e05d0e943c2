"""How the tables that were copied together become visible together: one commit for all that did not fail."""

from collections.abc import Iterable, Sequence

import structlog

from catalog.errors import CommitOutcomeUnknown, CorruptMetadata, NotReachable, OperatorError
from catalog.tables import Commit, TableRow
from syncer.copying import Copy, Stage, store_problem
from syncer.describe import SourceTable
from syncer.patterns import Name
from syncer.progress import Outcome, failed
from syncer.recording import Recorded, record_relations, tell_left
from syncer.write import discard

SNAPSHOT_LOST = "the source ended the connection that holds the run's snapshot; no table of the run is changed"

log = structlog.get_logger()


def lock_of(table: SourceTable) -> tuple[str, ...]:
    """Return the lock that whoever copies a table holds: that of its family."""
    return ("table", *table.family)


class Landing:
    """The tables of one turn, on their way to be seen."""

    def __init__(
        self, stage: Stage, commit: Commit, relations: Sequence[SourceTable], pending: set[Name], refused: set[Name]
    ) -> None:
        """Args: what is open; what becomes visible; relations without rows; tables whose turn comes later, or never."""
        self._stage = stage
        self._commit = commit
        self._relations = list(relations)
        self._pending = pending
        self._never = refused
        self._refused: list[Outcome] = []
        self.copies: list[Copy] = []

    def abandon(self) -> None:
        """Delete all that was written."""
        self._commit.leave_out(self._commit.names)
        discard(self._stage.warehouse.arrow_filesystem(), [path for copy in self.copies for path in copy.files])

    def land(self, *, snapshot_lost: bool) -> tuple[list[Outcome], list[SourceTable]]:
        """Make visible what can be. Returns: how each table ended; the relations that wait for others."""
        if snapshot_lost:
            self._fail(SNAPSHOT_LOST)
            return self._outcomes(), self._relations
        recorded = Recorded()
        try:
            recorded = self._try_to_land()
        except CommitOutcomeUnknown as error:  # all that is written may be in the lake
            self.copies = [copy if copy.outcome.error else _failed(copy, str(error)) for copy in self.copies]
        except (NotReachable, OperatorError, CorruptMetadata) as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(store_problem(error))
        else:
            self._clean_up()
        self._refused += recorded.failed
        return self._outcomes(), recorded.left

    def _try_to_land(self) -> Recorded:
        while True:
            rows = {(row.namespace, row.name): row for row in self._stage.lake.read_tables()}
            self._give_up_lost_locks()
            self._hold_families_back(rows)
            before = {copy.table.destination for copy in self.copies if copy.outcome.error}
            recorded = record_relations(
                self._relations,
                rows,
                self._commit.names,
                {"p": before | self._pending | self._never, "v": self._pending},
                take_over=self._stage.settings.take_over,
            )
            for change in recorded.changes.values():
                self._commit.put(change)
            conflicts = self._commit.land() if self._commit.names else {}
            if not conflicts:
                log.info("tables_swapped", tables=len(self._commit.names), lsn=self._stage.source.lsn)
                if not self._pending:
                    tell_left(recorded.left, rows)
                return recorded
            self._commit.leave_out({*conflicts, *recorded.changes})
            for name, conflict in conflicts.items():
                self._fail(str(conflict), {name})
                refused = [table for table in self._relations if table.destination == name]
                self._relations = [table for table in self._relations if table.destination != name]
                self._refused += [failed(table, str(conflict)) for table in refused]

    def _give_up_lost_locks(self) -> None:
        keys = {lock_of(copy.table) for copy in self.copies}
        lost = self._stage.locks.lost(keys)
        names = {copy.table.destination for copy in self.copies if lock_of(copy.table) in lost}
        if names:
            self._fail("its lock was lost, and another sync has it now", names)

    def _hold_families_back(self, rows: dict[Name, TableRow]) -> None:
        """Leave a family as it is in the lake where one of its tables failed: who reads it would see two runs."""
        broken = {copy.table.family: copy.table.label for copy in self.copies if copy.outcome.error is not None}
        for family, label in broken.items():
            if family in rows:
                members = {copy.table.destination for copy in self.copies if copy.table.family == family}
                self._fail(f"kept as it was: {label} failed, and both are read as one table", members)

    def _fail(self, problem: str, names: Iterable[Name] | None = None) -> None:
        """Let tables (all, if none are named) keep what the lake has of them."""
        named = None if names is None else set(names)
        done = []
        for copy in self.copies:
            if copy.outcome.error is None and (named is None or copy.table.destination in named):
                self._commit.leave_out([copy.table.destination])
                discard(self._stage.warehouse.arrow_filesystem(), copy.files)
                done.append(_failed(copy, problem))
            else:
                done.append(copy)
        self.copies = done

    def _clean_up(self) -> None:
        """Delete what failed runs have left of a table, once a day; it is no failure where that does not work."""
        for copy in self.copies:
            if copy.outcome.error is not None or not copy.is_first_today:
                continue
            try:
                row = self._stage.lake.read_table(*copy.table.destination)
                if row is not None:
                    self._stage.lake.remove_orphans(row)
            except (OSError, CorruptMetadata, NotReachable, OperatorError) as error:
                log.warning("orphans_left", table=copy.table.label, problem=type(error).__name__)

    def _outcomes(self) -> list[Outcome]:
        return [copy.outcome for copy in self.copies] + self._refused


def _failed(copy: Copy, problem: str) -> Copy:
    return Copy(copy.table, failed(copy.table, problem, copy.outcome.seconds))
