"""What `pg_stat_statements` shows: the statements that the server has run, those of one text together.

The server keeps them and writes them to a file in the twin's data folder, which a function of the twin reads: so that
counting writes nothing to a table.
"""

import asyncio
import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

from pgserver.twin.folder import replace_file

log = structlog.get_logger()

MAX_ENTRIES = 1000  # the ones that were not run for longest are dropped
PUBLISH_EVERY_S = 1.0
FILE_NAME = "bemidb_statements.json"  # as `sql/060_statements.sql` has it

Key = tuple[str, str, str]  # user, way, text


@dataclass(slots=True)
class Figures:
    """Sums over the calls of a statement. Times are in milliseconds."""

    calls: int = 0
    total_ms: float = 0.0
    min_ms: float = math.inf
    max_ms: float = 0.0
    mean_ms: float = 0.0
    squares: float = 0.0  # of the distances from the mean: Welford's algorithm, as Postgres does
    rows: int = 0
    read_bytes: int = 0

    def add(self, ms: float, rows: int, read_bytes: int) -> None:
        """Count a call."""
        self.calls += 1
        self.total_ms += ms
        self.min_ms, self.max_ms = min(self.min_ms, ms), max(self.max_ms, ms)
        distance = ms - self.mean_ms
        self.mean_ms += distance / self.calls
        self.squares += distance * (ms - self.mean_ms)
        self.rows += rows
        self.read_bytes += read_bytes


class StatementStatistics:
    """Figures by user, way and text without its literals."""

    def __init__(self) -> None:
        """Nothing has run."""
        self._figures: OrderedDict[Key, Figures] = OrderedDict()
        self._changed = True  # the file of an earlier server goes

    def add(self, key: Key, ms: float, rows: int, read_bytes: int) -> None:
        """Count a call. Args: user, way ("lake", "bridge", "postgres") and text; its time; rows sent; bytes read."""
        figures = self._figures.get(key)
        if figures is None:
            figures = self._figures[key] = Figures()
            if len(self._figures) > MAX_ENTRIES:
                self._figures.popitem(last=False)
        else:
            self._figures.move_to_end(key)
        figures.add(ms, rows, read_bytes)
        self._changed = True

    def records(self) -> list[dict[str, str | int | float]]:
        """Return a record for each statement."""
        return [
            {
                "username": user,
                "way": way,
                "query": text,
                "calls": figures.calls,
                "total_exec_time": figures.total_ms,
                "min_exec_time": figures.min_ms,
                "max_exec_time": figures.max_ms,
                "mean_exec_time": figures.mean_ms,
                "stddev_exec_time": math.sqrt(figures.squares / figures.calls),
                "rows": figures.rows,
                "read_bytes": figures.read_bytes,
            }
            for (user, way, text), figures in self._figures.items()
        ]

    async def publish(self, folder: Path) -> None:
        """Write the file whenever there is news, for ever. Args: the twin's data folder."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            if self._changed:
                self._changed = False
                try:
                    await asyncio.to_thread(replace_file, folder / FILE_NAME, json.dumps(self.records()))
                except OSError as error:  # the twin comes back with a new folder
                    self._changed = True
                    log.warning("statistics_not_written", problem=type(error).__name__)
