"""The extended protocol: Parse, Bind and Describe go to the twin; Execute of a lake portal is ours."""

from dataclasses import replace
from functools import partial

from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import classify, mentions
from pgserver.plan.utility import Commit
from pgserver.protocol.buffer import Reader
from pgserver.protocol.errors import InFailedSqlTransaction, ObjectNotInPrerequisiteState, ProtocolViolation
from pgserver.protocol.frontend import Bind, Close, Execute, Parse
from pgserver.protocol.message import decode_body
from pgserver.session import cursors, lake, observers, outcomes, probes, utilities
from pgserver.session.cursor import LakePortal
from pgserver.session.portals import Portal, UtilityPortal
from pgserver.session.settings import may_change_settings
from pgserver.session.state import FAILED, FLUSH, IDLE, Session

CLOSE_UNNAMED = probes.Question(lake.named(b"C", b"S"), 1)


async def parse(session: Session, frame: bytes) -> None:
    """Have the twin check a statement, and find out whether it is the lake's."""
    try:
        message = decode_body(Parse, Reader(frame, 5))
    except ProtocolViolation:
        refuse(session, frame)
        return
    await observers.show_named(session, message.query)
    statement = classify(message.query.decode("utf-8", "replace"))
    found = await utilities.look(session, statement, message.query, message.parameter_types)
    if may_change_settings(session, statement):
        session.forget_settings()
    if mentions(message.query, observers.ACTIVITY):
        session.looking.add(message.statement)
    else:
        session.looking.discard(message.statement)
    session.twin.queue(frame)
    session.portals.set_statement(session.twin.sent, message.statement, found)
    if not message.statement:
        session.unnamed_parsed = True
        session.portals.when_confirmed(session.twin.sent, session.keep_unnamed)


async def drop_unnamed(session: Session) -> None:
    """Do in the twin what a Query that did not go there as it is has done: none is left of the unnamed statement."""
    if session.unnamed_gone and not session.unnamed_parsed:
        await probes.ask(session, CLOSE_UNNAMED)
        session.portals.put_statement("", None)
        session.unnamed_gone = False


def refuse(session: Session, frame: bytes) -> None:
    """Have Postgres say what is wrong with a message; it does not wait for Sync with that."""
    session.twin.send(frame, 1)


async def bind(session: Session, frame: bytes) -> None:
    """Have the twin check the parameters, and keep those of a lake statement."""
    try:
        message = decode_body(Bind, Reader(frame, 5))
    except ProtocolViolation:
        refuse(session, frame)
        return
    if not message.statement:
        await drop_unnamed(session)
    if message.statement in session.looking:
        await observers.tell(session, in_group=True)
    session.bound.add(message.portal)
    portal = bound(session, message)
    if isinstance(portal, LakePortal):
        # Now, because Bind locks its tables in the twin, which then could not follow the lake.
        await session.services.lake.refresh()
    session.twin.queue(frame)
    session.portals.set_portal(session.twin.sent, message.portal, portal)


def bound(session: Session, message: Bind) -> Portal | None:
    """Return what Bind makes of a lake statement or a utility statement; None for what the twin alone knows."""
    found = session.portals.statement(message.statement)
    if found is None:
        return None
    values = enumerate(message.parameters)
    parameters = tuple(Parameter(message.parameter_format(index), value) for index, value in values)
    if isinstance(found, LakeStatement):
        formats = lake.spread(message.result_formats, len(found.fields))
        return LakePortal(found, parameters, formats, name=message.portal)
    return UtilityPortal(message.portal, found, parameters, message.result_formats)


async def describe(session: Session, frame: bytes) -> None:
    """Describe is the twin's."""
    if frame[5:7] == b"S\0":
        await drop_unnamed(session)
    if frame[5:6] in (b"S", b"P"):
        session.twin.queue(frame)
    else:
        refuse(session, frame)


async def close(session: Session, frame: bytes) -> None:
    """Close in the twin, and forget what we know of it."""
    try:
        message = decode_body(Close, Reader(frame, 5))
    except ProtocolViolation:
        refuse(session, frame)
        return
    session.twin.queue(frame)
    change = session.portals.set_statement if message.kind == "S" else session.portals.set_portal
    change(session.twin.sent, message.name, None)


async def flush(session: Session, frame: bytes) -> None:
    """Have the twin send its answers so far."""
    session.twin.send(frame)


async def sync(session: Session, frame: bytes) -> None:
    """End the group."""
    await cursors.sync(session, frame)


async def execute(session: Session, frame: bytes) -> None:
    """Run a portal: in the twin, or in the engine when it reads the lake."""
    try:
        message = decode_body(Execute, Reader(frame, 5))
    except ProtocolViolation:
        refuse(session, frame)
        return
    if session.twin.status == FAILED and not session.executed and message.portal not in session.bound:
        await refuse_old_portal(session, message.portal)
    portal = session.portals.portal(message.portal)
    max_rows = max(message.max_rows, 0)
    if isinstance(portal, LakePortal):
        await settle(session)
        portal.check()
        state = None if portal.running or portal.at_end else await lake.state_of(session)
        await session.interruptible(run(session, portal, state, max_rows))
        session.ran_here = True
        return
    await open_block(session)
    if portal is None:
        session.forget_settings()  # it may be a SET that was parsed long ago
        session.executed = True
        session.twin.queue(frame)
    else:
        await execute_utility(session, portal, frame, max_rows)


async def open_block(session: Session) -> None:
    """Have the twin know that a statement of this group has run: the others are in an implicit transaction block.

    Raises: BackendFailed.
    """
    if session.ran_here and not session.executed and session.twin.status == IDLE:
        await probes.ask(session, probes.IMPLICIT_BLOCK)
    session.ran_here = False


async def refuse_old_portal(session: Session, name: str) -> None:
    """Refuse a portal that was bound before its transaction failed, or is not there, as Postgres does.

    Postgres 18 itself may crash: it looks for a ROLLBACK among the statements of the portal (exec_execute_message),
    which the failure has freed where they came from an unnamed statement.
    Raises: BackendFailed, InFailedSqlTransaction.
    """
    await probes.ask(session, probes.Question(lake.named(b"D", b"P" + name.encode()), 1))
    raise InFailedSqlTransaction("current transaction is aborted, commands ignored until end of transaction block")


async def settle(session: Session) -> None:
    """Have the client's messages so far answered.

    Raises: BackendFailed when one of them failed.
    """
    await session.twin.settle(FLUSH)
    session.portals.confirm(session.twin.answered)


async def run(session: Session, portal: LakePortal, state: SessionState | None, max_rows: int) -> None:
    """Send a portal's rows, as many as the client wants now. The state is given when the portal has not started."""
    if not portal.formats:
        portal.formats = (0,) * len(portal.statement.fields)
    if state is not None:
        # The timeout is that of each Execute, see `Session.interruptible`; a portal may live longer than one.
        await lake.start(session, portal, replace(state, statement_timeout_ms=0) if max_rows else state)
    sent = await lake.send(session, portal.forward(max_rows or None))
    if max_rows and not portal.at_end:
        session.client.write(outcomes.PORTAL_SUSPENDED)
    else:
        session.client.write(lake.command_complete(f"SELECT {sent}"))


async def execute_utility(session: Session, portal: UtilityPortal, frame: bytes, max_rows: int) -> None:
    """Run a utility statement: in the twin, or here when it reads the lake."""
    if utilities.names_another(portal.utility):
        await settle(session)  # whether there is that name, and what it is
    if utilities.is_the_twins(session, portal.utility):
        if isinstance(portal.utility, Commit) and session.portals.unpersisted:
            await settle(session)
            await cursors.before_commit(session)
        session.executed = True
        session.forget_settings()  # it may be a COMMIT, or an EXECUTE of what calls set_config
        session.twin.queue(frame)
        session.portals.when_confirmed(session.twin.sent, partial(utilities.note, session, portal.utility))
        return
    await settle(session)
    if portal.outcome is None:
        portal.outcome = await utilities.begin(session, portal.utility, portal)
    elif portal.outcome.done and not portal.outcome.returns_rows:
        raise ObjectNotInPrerequisiteState(f'portal "{portal.name}" cannot be run')
    await session.interruptible(outcomes.send_some(session, portal.outcome, max_rows))
