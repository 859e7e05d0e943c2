"""What one session knows: its client, its twin backend, its lake portals; how a running statement is ended."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog

from pgserver import metrics
from pgserver.activity import Activity
from pgserver.executors.dispatch import Dispatcher
from pgserver.limits import Door
from pgserver.plan.backends import GUCS, AnalysisContext
from pgserver.plan.pin import Lake
from pgserver.plan.planner import Planner
from pgserver.plan.session_state import SessionState
from pgserver.protocol.errors import AdminShutdown, CrashShutdown, PostgresError, QueryCanceled, error_response
from pgserver.session.client import Client, ConnectionLost
from pgserver.session.portals import Portals
from pgserver.statistics import StatementStatistics
from pgserver.twin.backend import BackendFailed, BackendLost, TwinBackend, cancel_backend
from pgserver.twin.cluster import Twin

log = structlog.get_logger()
T = TypeVar("T")

SYNC = b"S\x00\x00\x00\x04"
IDLE, FAILED = b"IE"  # of a transaction, as ReadyForQuery has it
UNREPORTED = frozenset(("role", "transform_null_equals", "array_nulls", "xmloption"))  # Postgres tells of the others
REPORTED = {name: guc for name, guc in GUCS.items() if name not in UNREPORTED}
POSTGRES = "postgres"  # the way of what the twin answers
FLUSH = b"H\x00\x00\x00\x04"
EXECUTE_NOTHING = b"E\x00\x00\x00\x1f_bemidb_no_such_portal\x00\x00\x00\x00\x00"  # fails: 34000
assert EXECUTE_NOTHING[4] == len(EXECUTE_NOTHING) - 1


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What is asked of a client before its session begins."""

    authentication_timeout_s: float = 60.0
    tls_required: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions share."""

    twin: Twin
    lake: Lake
    planner: Planner
    dispatcher: Dispatcher
    activity: Activity
    door: Door
    login_rules: LoginRules
    log_min_duration_ms: int  # of statements that are logged at INFO; -1: none
    spill_folder: Path  # of cursors that keep their rows
    statistics: StatementStatistics = field(default_factory=StatementStatistics)


@dataclass(slots=True)
class Progress:
    """What the operator hears of the statement that runs."""

    rows: int | None = None  # of the lake's sent so far; None: it is the twin's
    first_rows_at: float | None = None
    way: str = POSTGRES
    read_bytes: int = 0
    queued: int = 0  # portals of the twin that will run with the next Sync
    text: str = ""  # of the last Parse of the group
    statement: str = ""  # the last one, that runs or has run
    began: float = 0.0  # when, by the system's clock
    ended: float = 0.0

    def begin(self, statement: str) -> None:
        """Forget the statement before."""
        self.rows = self.first_rows_at = None
        self.way, self.read_bytes = POSTGRES, 0
        self.statement = statement
        self.began = time.time()

    def started(self, way: str, read_bytes: int) -> None:
        """Hear that a lake statement has its first rows."""
        self.way, self.read_bytes = way, read_bytes
        metrics.read_bytes.inc(read_bytes)
        self.rows = 0
        self.first_rows_at = time.monotonic()

    def sent(self, rows: int) -> None:
        """Hear that rows were sent."""
        self.rows = (self.rows or 0) + rows


class Session:
    """The state of one client's session; the message handlers are functions in the modules of this package."""

    def __init__(self, client: Client, services: Services) -> None:
        """Args: the client's socket; what sessions share."""
        self.client = client
        self.services = services
        self.twin = TwinBackend(client.write, self.twin_event)
        self.twin.on_told = self.twin_told
        self.portals = Portals()
        self.pins: dict[int, str] = {}  # snapshots that the open transaction has read, and those that share its own
        self.exporter = ""  # whose snapshot the open transaction has taken, as pg_locks names it; its pins are not yet
        self.unnamed_gone = False  # a Query has dropped the unnamed statement, which the twin need not know yet
        self.ran_here = False  # a statement of this group has run outside of the twin
        self.bound: set[str] = set()  # portals of this group of messages
        self.unnamed_parsed = False  # there may be another one, with this group of messages
        self.skipping = False  # an error: all is dropped until Sync
        self.settings: SessionState | None = None  # as last asked; None when they may have changed
        self._settings_changed = False  # in the open transaction, whose end may take that back
        self._errors_of_groups = 0  # of the twin, up to the last ReadyForQuery
        self.looking: set[str] = set()  # prepared statements that read pg_stat_activity
        self.executed = False  # the twin has run a statement of this group of messages
        self.statement_at = 0.0  # when the statement that runs came: reading it counts for statement_timeout
        self.group_now_us = 0  # now() of the lake statements of a group of messages; 0: none yet
        self.may_have_temporary = False  # a text of this session may have made temporary objects
        self.progress = Progress()
        self.user = ""
        self.database = ""
        self.resting = False  # waits for the client's next message
        self.farewell: PostgresError | None = None  # why this server ends the session
        self._canceling: asyncio.Future[None] | None = None
        self._canceled = False  # a cancel request came before the statement began to run
        self._runner: asyncio.Task[object] | None = None
        self._interruption: Exception | None = None

    @property
    def between_transactions(self) -> bool:
        """Whether nothing is lost when the session ends now."""
        return self.twin.status == ord("I") and not self.twin.sent

    @property
    def runs_in_lake(self) -> bool:
        """Whether a statement runs here, outside of the twin."""
        return self._runner is not None and not self._runner.done()

    @property
    def process_id(self) -> int:
        """The twin backend's, which `pg_backend_pid()` tells too."""
        return self.twin.process_id

    @property
    def key(self) -> bytes:
        """The twin backend's cancel key, which the client was given."""
        return self.twin.key

    # settings

    @property
    def reported(self) -> AnalysisContext:
        """How the session reads texts, as far as Postgres has reported it: when it is idle, nearly all of it."""
        parameters = self.twin.parameters
        return AnalysisContext(self.user, **{name: parameters[guc] for name, guc in REPORTED.items()})

    def forget_settings(self) -> None:
        """Hear that the twin may change settings: what was asked does not hold, nor does what is asked meanwhile."""
        self.settings = None
        self._settings_changed = True

    def _is_reported(self, state: SessionState) -> bool:
        reported = self.reported
        return all(getattr(state.analysis, name) == getattr(reported, name) for name in REPORTED)

    def end_settings(self) -> None:
        """Hear that a group of messages has ended: an error, or the transaction's end, takes settings back."""
        over = self.twin.status == IDLE
        if self.twin.errors != self._errors_of_groups or (over and self._settings_changed):
            self.settings = None
        elif self.settings is not None and not self._is_reported(self.settings):
            self.settings = None  # a text would be read as it is not: it may find other tables, or none
        self._errors_of_groups = self.twin.errors
        self._settings_changed &= not over

    # errors

    async def fail(self, error: PostgresError) -> None:
        """Send an error of ours, and put the twin's transaction into the state that it belongs to.

        Raises: BackendLost when the session has ended meanwhile, and the client knows why.
        """
        if self.twin.fatal or self.twin.lost:
            raise BackendLost
        log.debug("statement_failed", sqlstate=error.sqlstate)
        self.client.write(error_response(error))
        if self.twin.sent or self.twin.status != ord("I"):
            await self._fail_transaction()

    async def _fail_transaction(self) -> None:
        if not self.twin.failed:
            try:
                await self.twin.ask(EXECUTE_NOTHING + FLUSH, 1)
            except BackendFailed:
                return

    # interruption of a running lake statement

    async def interruptible(self, work: Coroutine[None, None, T]) -> T:
        """Await work that a cancel request, a timeout or a lost client ends; return what it returns.

        Raises: what `interrupt` was given.
        """
        if self._canceled:
            self._canceled = False
            work.close()
            raise canceled()
        self._interruption = None
        runner = self._runner = asyncio.create_task(work)
        timer = None
        if self.settings is not None and self.settings.statement_timeout_ms:
            end = self.statement_at + self.settings.statement_timeout_ms / 1000
            timer = asyncio.get_running_loop().call_later(end - time.monotonic(), self.interrupt, timed_out())
        try:
            return await runner
        except asyncio.CancelledError:
            if self._interruption is None:
                runner.cancel()
                raise
            raise self._interruption from None
        finally:
            self._runner = None
            if timer is not None:
                timer.cancel()

    def interrupt(self, reason: Exception) -> bool:
        """End the running lake statement with this error; False when none runs."""
        if self._runner is None or self._runner.done():
            return False
        self._interruption = reason
        self._runner.cancel()
        return True

    async def cancel(self, *, twin_knows: bool = False) -> None:
        """Cancel the statement that runs, here or in the twin; one that has not begun is not to be hit."""
        if self.resting or self.interrupt(canceled()):
            return
        self._canceled = True
        if not twin_knows:
            await cancel_backend(self.services.twin.socket_path, self.twin)

    def keep_unnamed(self) -> None:
        """Hear that there is an unnamed statement since the last Query."""
        self.unnamed_gone = False

    def rest(self) -> None:
        """Hear that the session waits for the client's next message."""
        self.resting = True
        if not self.twin.sent:
            self._canceled = False

    def end(self, error: PostgresError) -> None:
        """End the session now, whatever it does; the client is told why."""
        self.farewell = error
        if not self.interrupt(ConnectionLost()):
            self.client.end_input()
            self.twin.close()

    def say_farewell(self) -> None:
        """Tell the client why its session ends, unless it knows or has gone."""
        if self.twin.inside_row or self.twin.fatal:
            return
        error = self.farewell
        if error is None and self.twin.lost:
            error = CrashShutdown("terminating connection because its PostgreSQL backend ended unexpectedly")
        if error is not None:
            error.severity = "FATAL"
            self.client.write(error_response(error))

    def twin_event(self) -> None:
        """Hear of an error or a lost connection from the twin: a statement timeout fires there, for example."""
        if self.twin.lost:
            if not self.interrupt(BackendLost()):
                self.client.end_input()
        elif self.twin.failed:
            self.interrupt(BackendFailed())

    def twin_told(self, process_id: str) -> None:
        """Hear that this session has called `pg_cancel_backend`, and may: the twin sees no lake statement run."""
        self._canceling = asyncio.ensure_future(self.services.activity.cancel_process(int(process_id)))

    def client_lost(self) -> None:
        """Hear that the client has gone: its statement stops, here or in the twin."""
        if not self.interrupt(ConnectionLost()):
            self.twin.close()

    def client_slow(self, slow: bool) -> None:
        """Hear that the client is behind, or has caught up: the twin is not read meanwhile."""
        if slow:
            self.twin.pause()
        else:
            self.twin.resume()


def canceled() -> QueryCanceled:
    """Return the error of a canceled statement."""
    return QueryCanceled("canceling statement due to user request")


def timed_out() -> QueryCanceled:
    """Return the error of a statement that took too long."""
    return QueryCanceled("canceling statement due to statement timeout")


def shut_down() -> AdminShutdown:
    """Return the error of a session that the operator ends."""
    return AdminShutdown("terminating connection due to administrator command")


async def sync(session: Session, frame: bytes = SYNC) -> None:
    """End a group of messages: ReadyForQuery comes from the twin."""
    session.twin.send(frame)
    await session.twin.until_ready()
    await end_group(session)


async def end_group(session: Session) -> None:
    """Forget what does not outlive the group, or the transaction."""
    session.skipping = False
    session.executed = False
    session.unnamed_parsed = False
    session.bound.clear()
    session.ran_here = False
    session.group_now_us = 0
    session.end_settings()
    session.portals.confirm(session.twin.answered_in_group)
    await session.portals.close_dropped()
    if session.twin.status == ord("I"):
        session.pins = {}  # a new one: others may share it
        session.exporter = ""
        await session.portals.close_all()
