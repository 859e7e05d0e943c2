"""Utility statements that read the lake, or act on names that do: which of them are the twin's, and how others run."""

from collections.abc import Coroutine

from pgserver.plan.compiler import THE_TWINS
from pgserver.plan.gate import refuse_changes
from pgserver.plan.inner import find_inner
from pgserver.plan.statement import Kind, Statement
from pgserver.plan.utility import (
    Bring,
    Commit,
    CopyOut,
    Declare,
    ExecutePrepared,
    Explain,
    ExplainPrepared,
    Fetch,
    Forget,
    Mix,
    Prepare,
    Rename,
    TakeSnapshot,
    Utility,
    executes_prepared,
    read_named,
    read_rename,
)
from pgserver.protocol.errors import FeatureNotSupported
from pgserver.session import bringing, copy, cursors, explain, lake, mixing, prepared, probes
from pgserver.session.own_analysis import group, note_text, planner_of
from pgserver.session.portals import Found, Outcome, UtilityPortal
from pgserver.session.refused import refuse_role_changes
from pgserver.session.settings import analysis_context
from pgserver.session.state import FAILED, Session
from pgserver.twin.backend import BackendFailed

LONG_TEXT = 1 << 16  # bytes


async def look(session: Session, statement: Statement, text: bytes, declared: tuple[int, ...] = ()) -> Found | None:
    """Find out whether a statement is the lake's, or acts on names of the session; None says that it is the twin's.

    Raises: PostgresError.
    """
    refuse_role_changes(statement)
    named = read_named(statement)
    if named is not None:
        return named
    name = executes_prepared(statement)
    if name is not None and prepared.prepared(session, name) is not None:
        raise FeatureNotSupported(f"{statement.word} of a statement that reads the lake is not supported yet")
    if statement.kind in THE_TWINS:  # asks the session's backend nothing: SET TRANSACTION comes before any query
        refuse_changes(statement)
        note_text(session, text)
        return None
    planner = await planner_of(session)
    looking = planner.look(statement, text, declared, await analysis_context(session))
    try:
        found = await (looking_long(session, looking) if len(text) > LONG_TEXT else looking)
    except BackendFailed as failure:  # the session's own backend has read the query inside, if there is one
        inner = None if statement.kind in (Kind.QUERY, Kind.WRITE) else find_inner(statement)
        raise probes.moved(failure, lambda position: position + (inner.start if inner else 0)) from None
    if found is None:
        note_text(session, text)
    return read_rename(statement) if found is None else found


async def looking_long(session: Session, looking: Coroutine[None, None, Found | None]) -> Found | None:
    """Look at a statement that takes long to read: what ends statements ends that, too.

    Raises: as `look`; QueryCanceled.
    """
    if session.may_have_temporary:
        return await looking  # which asks the session's own backend: it must be heard to its end
    if session.settings is None and session.twin.status != FAILED:
        async with group(session.twin):
            await lake.ask_state(session)
    return await session.interruptible(looking)


def is_the_twins(session: Session, utility: Utility) -> bool:
    """Whether the twin runs a statement itself; `note` is for what follows."""
    match utility:
        case Fetch():
            return session.portals.cursor(utility.name) is None
        case ExecutePrepared():
            return prepared.prepared(session, utility.name) is None
        case ExplainPrepared():
            return prepared.prepared(session, utility.execute.name) is None
        case CopyOut() | Explain() | Declare() | Bring() | Mix():
            return False
        case Prepare() | Forget() | Rename() | Commit() | TakeSnapshot():
            return True


def names_another(utility: Utility) -> bool:
    """Whether a statement runs what another has named."""
    return isinstance(utility, Fetch | ExecutePrepared | ExplainPrepared)


def is_concerned(session: Session, utility: Utility) -> bool:
    """Whether a statement needs this server among several of a Query."""
    match utility:
        case Prepare() | TakeSnapshot():
            return True
        case Commit():
            return bool(session.portals.unpersisted)
        case Forget():
            return bool(session.portals.portals or session.portals.statements)
        case Rename():
            return utility.cursor in session.portals.portals or utility.statement in session.portals.statements
        case _:
            return not is_the_twins(session, utility)


def note(session: Session, utility: Utility) -> None:
    """Do what a statement that the twin has run does to the names."""
    portals = session.portals
    match utility:
        case Prepare():
            portals.put_statement(utility.name, utility.query)
        case Forget():
            portals.forget(utility.cursors, utility.statements)
        case Rename():
            if utility.cursor is not None:
                portals.put_portal(utility.cursor, None)
            if utility.statement is not None:
                portals.put_statement(utility.statement, None)
        case TakeSnapshot():
            session.exporter = utility.exporter
        case _:
            pass


async def begin(session: Session, utility: Utility, portal: UtilityPortal | None) -> Outcome:
    """Ask the twin what must be asked, and return what runs then; without a portal it is a simple Query.

    Raises: BackendFailed; PostgresError.
    """
    formats = () if portal is None else portal.formats
    match utility:
        case CopyOut():
            return await copy.begin(session, utility)
        case Explain():
            return await explain.begin(session, utility, () if portal is None else portal.parameters)
        case ExplainPrepared():
            return await explain.begin_prepared(session, utility)
        case ExecutePrepared():
            return await prepared.begin(session, utility, formats)
        case Declare():
            return await cursors.declare(session, utility, portal)
        case Mix():
            return await mixing.begin(session, utility, portal)
        case Bring():
            return await bringing.begin(session, utility, portal)
        case Fetch():
            return await cursors.fetch(session, utility, portal)
        case _:
            raise AssertionError("the twin runs it")
