"""The simple protocol: a Query of one statement or several, in one implicit transaction."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pgserver.plan.analysis import parse_message
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import Statement, mentions, split
from pgserver.plan.utility import Commit, Explain, Prepare, Utility
from pgserver.protocol.errors import PostgresError
from pgserver.session import cursors, lake, observers, outcomes, probes, utilities
from pgserver.session.cursor import LakePortal
from pgserver.session.own_analysis import HINT
from pgserver.session.portals import Found
from pgserver.session.settings import analysis_context, may_change_settings
from pgserver.session.state import FLUSH, Session, end_group, sync
from pgserver.twin.backend import BackendFailed

DESCRIBE_UNNAMED = b"D\x00\x00\x00\x06S\x00"
RUN_UNNAMED = (
    lake.named(b"B", b"", b"", tail=b"\0\0\0\0\0\0") + b"D\x00\x00\x00\x06P\x00" + b"E\x00\x00\x00\x09\0\0\0\0\0"
)
HIDDEN = frozenset(b"12n")  # what a simple Query has no such messages for
ENDINGS = frozenset(("COMMIT", "END", "ROLLBACK", "ABORT"))
MAX_OFFSET = 1 << 16
COPY_END = frozenset(b"cf")


async def query(session: Session, frame: bytes) -> None:
    """Answer a Query."""
    session.skipping = False
    session.unnamed_gone = True
    text = frame[5:-1]
    if frame[-1:] != b"\0" or b"\0" in text:
        await relay(session, frame)  # Postgres says what is wrong with it
        return
    await observers.show_named(session, text)
    looks = mentions(text, observers.ACTIVITY)
    if looks:
        await observers.tell(session, in_group=False)
    whole = text.decode("utf-8", "replace")
    statements = split(whole)
    if len(statements) == 1:
        await query_one(session, frame, statements[0], text)
    elif not await session.services.planner.is_many(whole, await analysis_context(session)):
        await relay(session, frame)  # an error anywhere in a text comes before all of its results
    else:
        await query_many(session, frame, statements)
    if looks:
        await observers.forget(session)


async def query_one(session: Session, frame: bytes, statement: Statement, text: bytes) -> None:
    """Answer a Query of one statement."""
    found = await look(session, statement, text)
    if isinstance(found, LakeStatement):
        state = session.settings
        if state is not None and session.between_transactions and not state.timed_by_twin:
            await session.interruptible(run_alone(session, found, state))
        else:
            await run_in_twin(session, found, text)
            await sync(session)
    elif found is None or utilities.is_the_twins(session, found):
        await run_as_it_is(session, frame, statement, found)
    else:
        await run_utility(session, found)
        await cursors.sync(session)


async def look(session: Session, statement: Statement, text: bytes) -> Found | None:
    """Find out whether a statement is the lake's. One with parameters is not: the twin says that there are none."""
    found = await utilities.look(session, statement, text)
    if isinstance(found, Prepare) or (isinstance(found, Explain) and found.generic):
        return found
    query = found if isinstance(found, LakeStatement) else getattr(found, "query", None)
    return None if query is not None and query.parameters else found


async def run_as_it_is(session: Session, frame: bytes, statement: Statement, found: Utility | None) -> None:
    """Have the twin answer a Query."""
    if may_change_settings(session, statement):
        session.forget_settings()
    if isinstance(found, Commit):
        await cursors.before_commit(session)
    if await relay(session, frame) and found is not None:
        utilities.note(session, found)
        await session.portals.close_dropped()


async def run_utility(session: Session, found: Utility) -> None:
    """Run a utility statement within a transaction of the twin; ReadyForQuery is the caller's."""
    outcome = await utilities.begin(session, found, None)
    await session.interruptible(outcomes.send_all(session, outcome, describe=True))


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
    session.client.write(found.description)
    try:
        await lake.start(session, portal, state)
        sent = await lake.send(session, portal.forward(None))
    finally:
        await portal.close()
    session.client.write(lake.command_complete(f"SELECT {sent}"))


async def query_many(session: Session, frame: bytes, statements: tuple[Statement, ...]) -> None:
    """Answer a Query of several statements: as it is, if none is the lake's and none changes how the next is read."""
    if not await needs_steps(session, statements):
        if may_change_settings(session, statements[-1]):
            session.forget_settings()
        await relay(session, frame)
        return
    steps = Steps(session)
    for statement in statements:
        await steps.run(statement)
    await cursors.sync(session)


async def needs_steps(session: Session, statements: tuple[Statement, ...]) -> bool:
    """Whether the statements of a Query go to the twin one by one.

    What one makes of settings and temporary tables changes what the next one means: none is looked at before its turn.
    """
    if any(may_change_settings(session, statement) for statement in statements[:-1]):
        return True
    if session.may_have_temporary or any(mentions(statement.text.encode(), HINT) for statement in statements):
        return True
    try:
        for statement in statements:
            found = await look(session, statement, statement.text.encode())
            if isinstance(found, LakeStatement) or (found is not None and utilities.is_concerned(session, found)):
                return True
    except PostgresError:
        return True  # the error belongs behind the results of the statements before it
    return False


class Steps:
    """The statements of one Query, one by one in their common transaction."""

    def __init__(self, session: Session) -> None:
        """Args: the session, which waits for the first of them."""
        self._session = session
        self._in_block = session.twin.status != ord("I")

    async def run(self, statement: Statement) -> None:
        """Run the next statement."""
        session = self._session
        session.statement_at = time.monotonic()
        if not self._in_block:  # they are one implicit transaction block in Postgres
            await probes.ask(session, probes.IMPLICIT_BLOCK)
            self._in_block = True
        text = statement.text.encode()
        placed = b" " * min(statement.offset, MAX_OFFSET) + text  # for the positions in errors
        with moved_by(statement.offset):
            found = await look(session, statement, text)
        if isinstance(found, LakeStatement):
            await run_in_twin(session, found, placed)
        elif found is None or utilities.is_the_twins(session, found):
            await self._run_in_twin(statement, placed, found)
        else:
            with moved_by(statement.offset):
                await run_utility(session, found)

    async def _run_in_twin(self, statement: Statement, text: bytes, found: Utility | None) -> None:
        session = self._session
        if isinstance(found, Commit):
            await cursors.before_commit(session)
        session.twin.hidden = HIDDEN
        try:
            session.executed = True
            session.twin.send(parse_message(text, ()) + RUN_UNNAMED + FLUSH, 4)
            await answered(session)
        finally:
            session.twin.hidden = frozenset()
        if found is not None:
            utilities.note(session, found)
        if may_change_settings(session, statement):
            session.forget_settings()
        if statement.word in ENDINGS:
            self._in_block = False


@contextmanager
def moved_by(offset: int) -> Iterator[None]:
    """Move the places in errors of a statement that stands in a longer text."""
    try:
        yield
    except BackendFailed as failure:
        raise probes.moved(failure, lambda position: position + offset) from None


async def answered(session: Session) -> None:
    """Wait for the answers to a statement, and give it the COPY data that it asks for.

    Raises: BackendFailed.
    """
    twin = session.twin
    while True:
        await twin.until(lambda: twin.answered >= twin.sent or twin.failed or twin.copy_in)
        if twin.failed:
            raise BackendFailed
        if not twin.copy_in:
            return
        await feed_copy(session)


async def relay(session: Session, frame: bytes) -> bool:
    """Give a message to the twin and its answers to the client, until it is ready; return whether nothing failed."""
    twin = session.twin
    seen, errors = twin.ready, twin.errors
    twin.send(frame)
    while twin.ready == seen:
        await twin.until(lambda: twin.ready > seen or twin.copy_in)
        if twin.copy_in:
            await feed_copy(session)
    await end_group(session)
    return twin.errors == errors


async def feed_copy(session: Session) -> None:
    """Give the client's COPY data to the twin, to its end or to the twin's error."""
    twin = session.twin
    over = asyncio.ensure_future(twin.until(lambda: twin.failed or not twin.copy_in))
    try:
        while twin.copy_in and not twin.failed:
            message = asyncio.ensure_future(session.client.next_message())
            await asyncio.wait((over, message), return_when=asyncio.FIRST_COMPLETED)
            if not message.done():
                message.cancel()
                await asyncio.wait((message,))
                break
            tag, frame = message.result()
            if tag in COPY_END:
                twin.copy_in = False
                frame += FLUSH  # of no effect in a simple Query
            twin.send(frame)
            await twin.drain()
        twin.copy_in = False
    finally:
        over.cancel()
        await asyncio.wait((over,))


async def function_call(session: Session, frame: bytes) -> None:
    """FunctionCall is the twin's: no function that reads the lake can be called by its OID."""
    await relay(session, frame)
