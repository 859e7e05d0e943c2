"""What the user sees: bars on a terminal, a log line per event elsewhere, a table at the end."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from catalog.columns import TableView
from syncer.describe import SourceTable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the copy of one table ended."""

    label: str
    destination: str
    rows: int
    byte_count: int
    seconds: float
    error: str | None = None
    mode: str = "full"  # full, incremental, unchanged; superseded: another run has copied it meanwhile

    @property
    def rows_per_second(self) -> int:
        """The rate, 0 where nothing was copied."""
        return round(self.rows / self.seconds) if self.seconds else 0


class RunProgress:
    """Follows the tables of one run. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        """Bars only if the console is a terminal."""
        self._bars = (
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("rows"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        """Show."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        if self._bars is not None:
            self._bars.stop()

    def table(self, table: SourceTable) -> "TableProgress":
        """Begin with a table."""
        return TableProgress(self._bars, table)


class TableProgress:
    """Follows one table."""

    def __init__(self, bars: Progress | None, table: SourceTable) -> None:
        """Say that the copy begins."""
        self._bars = bars
        self._table = table
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._rows = 0
        self._task = bars.add_task(table.label, total=table.relation.rows or None) if bars is not None else None
        if bars is None:
            log.info("table_started", table=table.label, rows_estimated=table.relation.rows)

    def advance(self, rows: int) -> None:
        """Count rows that are written."""
        with self._lock:
            self._rows += rows
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=self._rows)

    def again(self) -> None:
        """The copy begins anew."""
        self.advance(-self._rows)

    def finish(self, rows: int, byte_count: int, mode: str = "full") -> Outcome:
        """The table is copied."""
        outcome = replace(self._outcome(rows, byte_count), mode=mode)
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=rows, total=rows)
        else:
            log.info(
                "table_copied",
                table=outcome.label,
                mode=mode,
                rows=rows,
                bytes=byte_count,
                seconds=round(outcome.seconds, 2),
                rows_per_second=outcome.rows_per_second,
            )
        return outcome

    def leave(self, view: TableView | None, why: str) -> Outcome:
        """The table in the lake is as it should be already."""
        rows, byte_count = (view.row_count, view.byte_count) if view is not None else (0, 0)
        return self.finish(rows, byte_count, why)

    def fail(self, error: str) -> Outcome:
        """The table could not be copied; the lake has what it had."""
        if self._bars is not None and self._task is not None:
            self._bars.remove_task(self._task)
        return failed(self._table, error, time.monotonic() - self._started)

    def _outcome(self, rows: int, byte_count: int, error: str | None = None) -> Outcome:
        seconds = time.monotonic() - self._started
        return Outcome(self._table.label, ".".join(self._table.destination), rows, byte_count, seconds, error)


def failed(table: SourceTable, error: str, seconds: float = 0) -> Outcome:
    """Say that the lake keeps what it had of a table."""
    log.error("table_failed", table=table.label, error=error)
    return Outcome(table.label, ".".join(table.destination), 0, 0, seconds, error)


def say(console: Console, line: str) -> None:
    """Print a line as it is, however long, without a colour."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_summary(console: Console, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print the table that a run ends with."""
    total = Outcome(
        "total",
        "",
        sum(outcome.rows for outcome in outcomes),
        sum(outcome.byte_count for outcome in outcomes),
        seconds,
    )
    if not console.is_terminal:
        for outcome in (*outcomes, total):
            say(console, _line(outcome))
        return
    grid = Table()
    for name in ("table", "in the lake", "mode"):
        grid.add_column(name, overflow="fold")
    for name in ("rows", "bytes", "seconds", "rows/s"):
        grid.add_column(name, justify="right")
    for outcome in outcomes:
        grid.add_row(*map(Text, _cells(outcome)), style="red" if outcome.error else None)
    grid.add_section()
    grid.add_row(*map(Text, _cells(total)), style="bold")
    console.print(grid)
    for outcome in outcomes:
        if outcome.error:
            console.print(f"{outcome.label}: {outcome.error}", style="red", markup=False, highlight=False)


def _line(outcome: Outcome) -> str:
    place = f" -> {outcome.destination}" if outcome.destination else ""
    if outcome.error:
        return f"{outcome.label}{place}: failed: {outcome.error}"
    how = f", {outcome.mode}" if outcome.mode != "full" else ""
    return (
        f"{outcome.label}{place}: {outcome.rows} rows, {outcome.byte_count} bytes, {outcome.seconds:.1f} s, "
        f"{outcome.rows_per_second} rows/s{how}"
    )


def _cells(outcome: Outcome) -> tuple[str, ...]:
    if outcome.error:
        return (outcome.label, "failed", "", "", "", f"{outcome.seconds:.1f}", "")
    return (
        outcome.label,
        outcome.destination,
        outcome.mode if outcome.destination else "",
        f"{outcome.rows:,}",
        _size(outcome.byte_count),
        f"{outcome.seconds:.1f}",
        f"{outcome.rows_per_second:,}",
    )


def _size(byte_count: int) -> str:
    size = float(byte_count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
