"""What `make run` shows: bars on a terminal, a line per step elsewhere."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sample import tpch

console = Console(highlight=False, soft_wrap=True)


@contextlib.contextmanager
def loading() -> Iterator[tpch.Progress]:
    """Show how many rows of each table are loaded."""
    if console.is_terminal:
        with _bars() as bars:
            yield _on_bars(bars)
    else:
        yield _as_lines


def _bars() -> Progress:
    columns = (TextColumn("  {task.description:10}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _on_bars(bars: Progress) -> tpch.Progress:
    tasks: dict[str, TaskID] = {}

    def show(table: str, done: int, total: int) -> None:
        if table not in tasks:
            tasks[table] = bars.add_task(table, total=total)
        bars.update(tasks[table], completed=done)

    return show


def _as_lines(table: str, done: int, total: int) -> None:
    if done == total:
        console.print(f"  {table}: {total:,} rows")
