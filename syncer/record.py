"""What is kept of a run: its row in the catalog, and a summary in a file."""

import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from catalog.errors import NotReachable, OperatorError
from catalog.locks import Locks
from catalog.runs import RunResult, begin_run, end_run
from catalog.tables import LakeCatalog
from syncer.progress import Outcome
from syncer.source import Source

log = structlog.get_logger()


class Record:
    """The record of one run, written when it begins and when it ends, however that is."""

    def __init__(self, lake: LakeCatalog, locks: Locks) -> None:
        """Write nothing yet."""
        self._lake = lake
        self._locks = locks
        self._result: RunResult | None = None
        self.run_id = ""
        self.source: Source | None = None
        self.outcomes: list[Outcome] = []
        self.seconds = 0.0

    def __enter__(self) -> Self:
        """The run begins."""
        self.run_id = begin_run(self._lake.run, self._locks)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The run ends. A catalog that cannot be told does not make a failure of what succeeded."""
        self._result = self._result_of(error)
        try:
            end_run(self._lake.run, self.run_id, self._result)
        except (NotReachable, OperatorError) as problem:
            log.warning("run_not_recorded", run_id=self.run_id, problem=str(problem))

    def write_summary(self, path: Path) -> None:
        """Write what the run did as JSON.

        Raises: OperatorError.
        """
        assert self._result is not None
        summary = asdict(self._result) | {
            "run_id": self.run_id,
            "seconds": round(self.seconds, 3),
            "synced_at": self.source.synced_at if self.source is not None else None,
            "tables": [
                asdict(outcome) | {"rows_per_second": outcome.rows_per_second, "seconds": round(outcome.seconds, 3)}
                for outcome in self.outcomes
            ],
        }
        try:
            path.write_text(json.dumps(summary, indent=2) + "\n")
        except OSError as error:
            raise OperatorError(
                "BEMIDB_SYNC_SUMMARY_JSON", f"{path} cannot be written ({error.strerror})", "choose another file"
            ) from error

    def _result_of(self, error: BaseException | None) -> RunResult:
        failed = [outcome for outcome in self.outcomes if outcome.error is not None]
        problem = "; ".join(f"{outcome.label}: {outcome.error}" for outcome in failed) or None
        outcome = "failed" if failed else "ok"
        if error is not None:
            interrupted = isinstance(error, KeyboardInterrupt)
            outcome = "interrupted" if interrupted else "failed"
            problem = outcome if interrupted else str(error) or type(error).__name__
        source = self.source
        return RunResult(
            outcome=outcome,
            source_system=source.system_identifier if source else None,
            source_database=source.database if source else None,
            source_lsn=source.lsn if source else None,
            tables=len(self.outcomes),
            tables_failed=len(failed),
            tables_unchanged=sum(outcome.mode == "unchanged" for outcome in self.outcomes),
            rows=sum(outcome.rows for outcome in self.outcomes),
            bytes=sum(outcome.byte_count for outcome in self.outcomes),
            error=problem,
        )
