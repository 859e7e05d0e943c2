"""The simple protocol: a Query of one statement or several, in one implicit transaction."""

import time
from dataclasses import replace

from pgserver.plan.analysis import parse_message
from pgserver.plan.planner import LakeStatement
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import Statement, split
from pgserver.protocol.errors import PostgresError
from pgserver.session import lake
from pgserver.session.portals import LakePortal
from pgserver.session.refused import refuse_role_changes
from pgserver.session.settings import analysis_context, may_change_settings
from pgserver.session.state import Session, end_group, sync

DESCRIBE_UNNAMED = b"D\x00\x00\x00\x06S\x00"
RUN_UNNAMED = (
    lake.named(b"B", b"", b"", tail=b"\0\0\0\0\0\0") + b"D\x00\x00\x00\x06P\x00" + b"E\x00\x00\x00\x09\0\0\0\0\0"
)
HIDDEN = frozenset(b"12n")  # what a simple Query has no such messages for
STEPPED = frozenset(("SET", "RESET", "DISCARD"))


async def query(session: Session, frame: bytes) -> None:
    """Answer a Query."""
    session.skipping = False
    text = frame[5:-1]
    if frame[-1:] != b"\0" or b"\0" in text:
        await relay(session, frame)  # Postgres says what is wrong with it
        return
    statements = split(text.decode("utf-8", "replace"))
    if len(statements) == 1:
        await query_one(session, frame, statements[0], text)
    else:
        await query_many(session, frame, statements)


async def query_one(session: Session, frame: bytes, statement: Statement, text: bytes) -> None:
    """Answer a Query of one statement."""
    found = await look(session, statement, text)
    if found is None:
        if may_change_settings(statement):
            session.settings = None
        await relay(session, frame)
        return
    state = session.settings
    if state is not None and session.twin.status == ord("I") and not state.timed_by_twin:
        await session.interruptible(run_alone(session, found, state))
    else:
        await run_in_twin(session, found, text)
        await sync(session)


async def look(session: Session, statement: Statement, text: bytes) -> LakeStatement | None:
    """Find out whether a statement is the lake's."""
    refuse_role_changes(statement)
    return await session.services.planner.look(statement, text, (), await analysis_context(session))


async def run_alone(session: Session, found: LakeStatement, state: SessionState) -> None:
    """Run a statement outside a transaction whose session is known: the twin is not asked at all."""
    now_us = time.time_ns() // 1000
    await run(session, found, replace(state, now_us=now_us, statement_us=now_us))
    session.client.write(b"Z\x00\x00\x00\x05I")


async def run_in_twin(session: Session, found: LakeStatement, text: bytes) -> None:
    """Run a statement within a transaction of the twin; ReadyForQuery is the caller's."""
    frames = parse_message(text, ()) + DESCRIBE_UNNAMED + lake.STATE_FRAMES
    session.settings = lake.read_state(await session.twin.ask(frames, 2 + lake.STATE_ANSWERS))
    await session.interruptible(run(session, found, session.settings))


async def run(session: Session, found: LakeStatement, state: SessionState) -> None:
    """Send what a simple Query of one statement is answered with."""
    portal = LakePortal(found, (), (0,) * len(found.fields))
    try:
        await lake.start(session, portal, state)
        session.client.write(found.description)
        sent = await lake.send_rows(session, portal, 0)
    finally:
        await portal.close()
    session.client.write(lake.command_complete(f"SELECT {sent}"))


async def query_many(session: Session, frame: bytes, statements: tuple[Statement, ...]) -> None:
    """Answer a Query of several statements: as it is, if none is the lake's and none changes how the next is read."""
    step = any(statement.word in STEPPED for statement in statements)
    try:
        for statement in () if step else statements:
            step = step or await look(session, statement, statement.text.encode()) is not None
    except PostgresError:
        step = True  # the error belongs behind the results of the statements before it
    if not step:
        session.settings = None
        await relay(session, frame)
        return
    for statement in statements:
        await step_through(session, statement)
    session.twin.hidden = frozenset()
    await sync(session)


async def step_through(session: Session, statement: Statement) -> None:
    """Run one of several statements within their common transaction."""
    text = statement.text.encode()
    found = await look(session, statement, text)
    if found is not None:
        await run_in_twin(session, found, text)
        return
    session.twin.hidden = HIDDEN
    try:
        session.twin.send(parse_message(text, ()) + RUN_UNNAMED, 4)
        await session.twin.settle(b"H\x00\x00\x00\x04")
    finally:
        session.twin.hidden = frozenset()
    if may_change_settings(statement):
        await lake.ask_state(session)


async def relay(session: Session, frame: bytes) -> None:
    """Give a message to the twin and its answers to the client, until it is ready; COPY data goes the other way."""
    session.twin.send(frame)
    await session.twin.until_ready()
    while session.twin.copy_in:
        _, data = await session.client.next_message()
        session.twin.send(data)
        if data[:1] in (b"c", b"f"):
            session.twin.copy_in = False
            await session.twin.until_ready()
    await end_group(session)


async def function_call(session: Session, frame: bytes) -> None:
    """FunctionCall is the twin's: no function that reads the lake can be called by its OID."""
    await relay(session, frame)
