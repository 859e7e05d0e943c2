"""Which tables the lake holds, which snapshot a statement reads, and which files that is."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

import psycopg
import structlog
from pyiceberg.expressions import AlwaysTrue, BooleanExpression

from catalog.columns import TableView
from catalog.errors import NotReachable, OperatorError
from catalog.runs import RunRow
from catalog.scan import ScanPlan, plan_scan
from catalog.tables import TableRow
from pgserver.emit.parts import Condition
from pgserver.emit.reading.families import Family, find_families
from pgserver.emit.reading.names import CatalogNames
from pgserver.plan.names import read_names
from pgserver.plan.prune import row_filter
from pgserver.protocol.errors import CannotConnectNow, ConnectionFailure, DataCorrupted, IoError
from pgserver.twin.cluster import Twin
from pgserver.twin.hierarchy import kin
from pgserver.twin.schema import LakeSchema

log = structlog.get_logger()

EVERYTHING = AlwaysTrue()
PATIENCE_S = 2.0  # what a statement waits for the catalog when an older answer does
LAST_PATIENCE_S = 12.0  # the same when there is no answer that does
WARN_EVERY_S = 30.0
TOGETHER_S = 10.0  # how long tables wait for others that the twin cannot be changed for

ReadTables = Callable[[], Sequence[TableRow]]
ReadRuns = Callable[[], Sequence[RunRow]]


class Lake:
    """The catalog's last answer, and the twin kept equal to it.

    The catalog is asked only when a statement arrives and the last answer is older than `staleness_s`, so that an idle
    server lets a scale-to-zero catalog sleep.
    """

    def __init__(
        self,
        twin: Twin,
        read_tables: ReadTables,
        io_properties: Mapping[str, str],
        staleness_s: float,
        max_staleness_s: float = 600.0,
        read_runs: ReadRuns = list,
    ) -> None:
        """Args: the twin; how to read the catalog (blocking); PyIceberg's file settings; for how many seconds an answer
        is good, and for how many it must do while the catalog cannot be asked; how to read the runs (blocking).
        """
        self._twin = twin
        self._read_tables = read_tables
        self._read_runs = read_runs
        self._runs = ""
        self._io_properties = dict(io_properties)
        self._staleness_s = staleness_s
        self._max_staleness_s = max_staleness_s
        self._asked_at = float("-inf")
        self._known_at = float("-inf")
        self._away_since: float | None = None
        self._warned_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        self._rows: tuple[TableRow, ...] = ()
        self._pointers: dict[tuple[str, str], str] = {}
        self._plans: dict[str, ScanPlan] = {}
        self._retry = False
        self._pending_since: float | None = None
        self.schema = LakeSchema(version=0, tables={})
        self.families: Mapping[int, Family] = {}
        self.names = CatalogNames({}, {}, {})
        self.ready = False

    async def has_moved(self, pins: Mapping[int, str]) -> bool:
        """Ask the catalog, however fresh its last answer is, and tell whether tables have other snapshots now."""
        self._asked_at = float("-inf")
        await self.refresh()
        return self.holds(pins) and any(self.pointer(relid) != location for relid, location in pins.items())

    async def refresh(self) -> None:
        """Ask the catalog if the last answer is too old; every waiting statement shares one question."""
        if time.monotonic() - self._asked_at < self._staleness_s:
            return
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        patience_s = 0.0  # a catalog that hangs slows nobody down for long
        if not self.ready or self.too_old:
            patience_s = LAST_PATIENCE_S
        elif self.reachable:
            patience_s = PATIENCE_S
        if patience_s:
            _, late = await asyncio.wait({self._refreshing}, timeout=patience_s)
            if late:
                self._is_away("it does not answer")

    async def refresh_runs(self) -> None:
        """Have the twin show the syncer's runs as the catalog has them; the ones it has do while that is away."""
        try:
            runs = [asdict(row) for row in await asyncio.to_thread(self._read_runs)]
            text = json.dumps([run | run.pop("result") for run in runs], default=str)
            if text != self._runs:
                await self._twin.note_runs(text)
                self._runs = text
        except (NotReachable, OperatorError, psycopg.Error) as error:
            log.warning("runs_not_read", problem=type(error).__name__)

    @property
    def age_s(self) -> float:
        """Seconds since the catalog has answered last."""
        return time.monotonic() - self._known_at

    @property
    def reachable(self) -> bool:
        """Whether the catalog answered when it was asked last."""
        return self._away_since is None

    @property
    def too_old(self) -> bool:
        """Whether what is known may not be read any more unless the catalog says so."""
        return self.age_s > self._max_staleness_s

    def require_ready(self) -> None:
        """Raise CannotConnectNow (57P03) while the catalog has never answered."""
        if not self.ready:
            raise CannotConnectNow(
                "the database system is starting up",
                detail="The catalog is not reachable yet.",
                hint="Try again in a moment.",
            )

    async def _refresh(self) -> None:
        asked_at = time.monotonic()
        try:
            rows = tuple(await asyncio.to_thread(self._read_tables))
            if rows != self._rows or self._retry:
                schema = await self._twin.apply(rows)
                if schema.version != self.schema.version:
                    self.names = await read_names(self._twin)
                self.families = find_families(
                    {oid: ((table.namespace, table.name), table.view) for oid, table in schema.tables.items()}
                )
                before, self.schema = self.schema, schema
                self._retry = bool(self.schema.pending)
                self._move(rows, before)
                self._rows = rows
                log.info("catalog_read", tables=len(rows), version=self.schema.version)
            self._known_at = asked_at
            self.ready = True
            self._is_back()
        except (NotReachable, OperatorError) as error:
            self._is_away(str(error))
        except psycopg.Error as error:
            self._retry = True
            log.warning("twin_not_changed", problem=type(error).__name__)
        finally:
            self._asked_at = time.monotonic()
            self._refreshing = None

    def _move(self, rows: Sequence[TableRow], before: LakeSchema) -> None:
        """Take the tables' new snapshots over.

        Not for tables that the twin cannot be changed for yet, because somebody uses them: their files may have other
        columns, and rows that have moved to a partition that is not there yet would be missing. The others wait with
        them for a while, so that what is read is of one moment; but a client must not hold up the lake for long.
        """
        pointers = {(row.namespace, row.name): row.metadata_location for row in rows}
        if self.schema.pending:
            self._pending_since = self._pending_since or time.monotonic()
            now = {(row.namespace, row.name): row.view for row in rows if row.view is not None}
            then = {(table.namespace, table.name): table.view for table in before.tables.values()}
            held = kin(self.schema.pending, now, then)
            if time.monotonic() - self._pending_since < TOGETHER_S:
                held |= {name for name in now.keys() & then.keys() if now[name].columns == then[name].columns}
            pointers |= {name: self._pointers[name] for name in held & self._pointers.keys()}
        else:
            self._pending_since = None
        self._pointers |= pointers

    def _is_away(self, problem: str) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since, self._warned_at = now, float("-inf")
        if now - self._warned_at >= WARN_EVERY_S:
            self._warned_at = now
            log.warning("catalog_unreachable", problem=problem, known_tables=len(self._rows))

    def _is_back(self) -> None:
        if self._away_since is not None:
            log.info("catalog_back", away_s=round(time.monotonic() - self._away_since, 1))
            self._away_since = None

    def holds(self, relids: Iterable[int]) -> bool:
        """Whether all these tables are still there, under these OIDs of the twin."""
        return all(relid in self.schema.tables for relid in relids)

    def pointer(self, relid: int) -> str:
        """Return the metadata location that a table of the twin has now.

        Raises: ConnectionFailure (08006) when the catalog has not been reachable for too long.
        """
        if self.too_old and not self.reachable:
            raise ConnectionFailure(
                "the catalog is not reachable",
                detail=f"It has not answered for {self.age_s:.0f} seconds.",
                hint="Try again later; the server reads the lake as soon as its catalog is back.",
            )
        table = self.schema.tables[relid]
        return self._pointers[table.namespace, table.name]

    async def plan(self, location: str) -> ScanPlan:
        """Return the files of a snapshot. A plan made before costs no thread and no request.

        Raises: IoError (58030), DataCorrupted (XX001).
        """
        plan = self._plans.get(location)
        if plan is None:
            plan = await _read_plan(location, self._io_properties)
            live = set(self._pointers.values())
            self._plans = {known: kept for known, kept in self._plans.items() if known in live} | {location: plan}
        return plan

    async def prune(
        self, plan: ScanPlan, view: TableView, conditions: Sequence[Condition], few_files: int = 1
    ) -> ScanPlan:
        """Leave out the files that no row of the statement can come from. `few_files` are not worth the look."""
        if len(plan.files) <= few_files or not conditions:
            return plan
        kept = row_filter(view, dict(plan.fields), conditions)
        return await _read_plan(plan.metadata_location, self._io_properties, kept)


async def _read_plan(location: str, io_properties: Mapping[str, str], kept: BooleanExpression = EVERYTHING) -> ScanPlan:
    """Read metadata and manifests. The log says what is wrong with them, the client is told no place."""
    try:
        return await asyncio.to_thread(plan_scan, location, io_properties, kept)
    except OSError as error:
        log.warning("metadata_unreadable", location=location, problem=str(error))
        raise IoError("could not read the metadata of a table of the lake") from error
    except (ValueError, EOFError) as error:  # of JSON, of Avro
        log.error("metadata_corrupted", location=location, problem=str(error))
        raise DataCorrupted("the metadata of a table of the lake is corrupted") from error


def pin(lake: Lake, relids: Iterable[int], pins: dict[int, str]) -> dict[int, str]:
    """Choose a snapshot per table, those of `pins` first, and remember the others there."""
    for relid in relids:
        pins.setdefault(relid, lake.pointer(relid))
    return {relid: pins[relid] for relid in relids}
