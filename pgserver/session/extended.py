"""The extended protocol: Parse, Bind and Describe go to the twin; Execute of a lake portal is ours."""

from dataclasses import replace

from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import classify
from pgserver.protocol.buffer import Reader
from pgserver.protocol.errors import ProtocolViolation
from pgserver.protocol.frontend import Bind, Close, Execute, Parse
from pgserver.protocol.message import decode_body
from pgserver.session import lake
from pgserver.session.portals import LakePortal
from pgserver.session.refused import refuse_role_changes
from pgserver.session.settings import analysis_context, may_change_settings
from pgserver.session.state import FLUSH, Session
from pgserver.session.state import sync as end_with_sync

PORTAL_SUSPENDED = b"s\x00\x00\x00\x04"


async def parse(session: Session, frame: bytes) -> None:
    """Have the twin check a statement, and find out whether it is the lake's."""
    try:
        message = decode_body(Parse, Reader(frame, 5))
    except ProtocolViolation:
        session.twin.queue(frame)  # Postgres says what is wrong with it
        return
    context = await analysis_context(session)
    statement = classify(message.query.decode("utf-8", "replace"))
    refuse_role_changes(statement)
    found = await session.services.planner.look(statement, message.query, message.parameter_types, context)
    if may_change_settings(statement):
        session.settings = None
    session.twin.queue(frame)
    session.portals.set_statement(session.twin.sent, message.statement, found)


async def bind(session: Session, frame: bytes) -> None:
    """Have the twin check the parameters, and keep those of a lake statement."""
    try:
        message = decode_body(Bind, Reader(frame, 5))
    except ProtocolViolation:
        session.twin.queue(frame)
        return
    session.twin.queue(frame)
    statement = session.portals.statement(message.statement)
    portal = None
    if statement is not None:
        parameters = tuple(
            Parameter(message.parameter_format(index), value) for index, value in enumerate(message.parameters)
        )
        portal = LakePortal(statement, parameters, spread(message.result_formats, len(statement.fields)))
    session.portals.set_portal(session.twin.sent, message.portal, portal)


def spread(formats: tuple[int, ...], columns: int) -> tuple[int, ...]:
    """Return one format code per result column. Source: Message Formats, Bind."""
    if len(formats) == columns:
        return formats
    return (formats[0] if formats else 0,) * columns


async def describe(session: Session, frame: bytes) -> None:
    """Describe is the twin's."""
    session.twin.queue(frame)


async def close(session: Session, frame: bytes) -> None:
    """Close in the twin, and forget what we know of it."""
    session.twin.queue(frame)
    try:
        message = decode_body(Close, Reader(frame, 5))
    except ProtocolViolation:
        return
    change = session.portals.set_statement if message.kind == "S" else session.portals.set_portal
    change(session.twin.sent, message.name, None)


async def flush(session: Session, frame: bytes) -> None:
    """Have the twin send its answers so far."""
    session.twin.send(frame)


async def sync(session: Session, frame: bytes) -> None:
    """End the group."""
    await end_with_sync(session, frame)


async def execute(session: Session, frame: bytes) -> None:
    """Run a portal: in the twin, or in the engine when it reads the lake."""
    try:
        message = decode_body(Execute, Reader(frame, 5))
    except ProtocolViolation:
        session.twin.queue(frame)
        return
    portal = session.portals.portal(message.portal)
    if portal is None:
        session.twin.queue(frame)
        return
    await session.twin.settle(FLUSH)
    session.portals.confirm(session.twin.answered)
    state = None if portal.chunks or portal.done else await lake.ask_state(session)
    await session.interruptible(run(session, portal, state, message.max_rows))


async def run(session: Session, portal: LakePortal, state: SessionState | None, max_rows: int) -> None:
    """Send a portal's rows, as many as the client wants now. The state is given when the portal has not started."""
    if state is not None:
        # The timeout is that of each Execute, see `Session.interruptible`; a portal may live longer than one.
        await lake.start(session, portal, replace(state, statement_timeout_ms=0) if max_rows else state)
    sent = 0 if portal.done else await lake.send_rows(session, portal, max_rows)
    if max_rows and sent == max_rows and not portal.done:
        session.client.write(PORTAL_SUSPENDED)
    else:
        session.client.write(lake.command_complete(f"SELECT {sent}"))
