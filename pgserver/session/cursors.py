"""DECLARE, FETCH, MOVE on lake streams, and what becomes of cursors at the end of a transaction.

The twin declares each cursor, too: names, transaction blocks and SQLSTATEs are its to judge.
"""

from dataclasses import replace

from pglast.enums import FetchDirection

from pgserver.plan.utility import FETCH_ALL, HOLD, NO_SCROLL, SCROLL, Declare, Fetch, quoted
from pgserver.protocol.errors import FeatureNotSupported, PostgresError, error_response
from pgserver.session import lake, probes
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.portals import Outcome, UtilityPortal
from pgserver.session.state import SYNC, Session
from pgserver.session.state import sync as end_with_sync
from pgserver.twin.backend import BackendFailed

IS_SCROLLABLE = "SELECT is_scrollable FROM pg_catalog.pg_cursors WHERE name = {}"
HOLDABLE = probes.question(b"SELECT name FROM pg_catalog.pg_cursors WHERE is_holdable")
ROLLBACK = probes.question(b"ROLLBACK")


async def declare(session: Session, utility: Declare, portal: UtilityPortal | None) -> Outcome:
    """Have the twin declare a cursor, and keep the snapshots that it reads.

    Raises: BackendFailed.
    """
    parameters = portal.parameters if portal is not None else ()
    await probes.check(session, utility.probe, utility.query.parameters, parameters)
    options = utility.options
    if not options & (SCROLL | NO_SCROLL | HOLD):
        name = "'" + utility.name.replace("'", "''") + "'"
        rows = probes.rows_of(await probes.ask(session, probes.question(IS_SCROLLABLE.format(name).encode())))
        options |= 0 if rows == [[b"t"]] else NO_SCROLL
    state = session.settings
    assert state is not None
    pins = session.services.planner.pin(utility.query, await lake.pins_of(session, state))
    cursor = LakePortal(utility.query, parameters, (), options, utility.name, pins, state.now_us)
    cursor.folder = session.services.spill_folder
    session.portals.put_portal(utility.name, cursor)
    await session.portals.close_dropped()
    return Outcome("DECLARE CURSOR", counted=False, returns_rows=False)


async def fetch(session: Session, utility: Fetch, portal: UtilityPortal | None) -> Outcome:
    """Have the twin say whether there is such a cursor now, and return its rows.

    Raises: BackendFailed; PostgresError.
    """
    cursor = session.portals.cursor(utility.name)
    assert cursor is not None
    try:
        await probes.ask_with_state(session, probes.question(f"MOVE 0 FROM {quoted(utility.name)}".encode()))
    except BackendFailed:
        if session.twin.sqlstate == "34000":
            session.portals.put_portal(utility.name, None)
        raise
    cursor.check()
    columns = len(cursor.statement.fields)
    wanted = lake.spread(portal.formats, columns) if portal is not None else (int(cursor.binary),) * columns
    if utility.move:
        return _move(session, cursor, utility)
    await in_format(cursor, wanted)
    description = lake.with_formats(cursor.statement.description, wanted)
    return Outcome("FETCH", running(session, cursor, fetched(cursor, utility)), description=description)


def _move(session: Session, cursor: LakePortal, utility: Fetch) -> Outcome:
    count = utility.count
    backward_all = utility.direction == FetchDirection.FETCH_BACKWARD and count == FETCH_ALL
    backward_all |= utility.direction == FetchDirection.FETCH_FORWARD and count == -FETCH_ALL
    if backward_all:  # Postgres makes it a rewind
        passed = max(cursor.position - (0 if cursor.at_end else 1), 0)
        cursor.rewind()
        return Outcome("MOVE", silent=True, returns_rows=False, result=lambda _rows: passed)
    if utility.direction not in (FetchDirection.FETCH_ABSOLUTE,) and count == 0:
        on_row = int(not cursor.at_start and not cursor.at_end)
        return Outcome("MOVE", silent=True, returns_rows=False, result=lambda _rows: on_row)
    return Outcome("MOVE", running(session, cursor, fetched(cursor, utility)), silent=True, returns_rows=False)


async def in_format(cursor: LakePortal, formats: tuple[int, ...]) -> None:
    """Choose how the rows are sent; a stream that has begun keeps its formats.

    Raises: FeatureNotSupported (0A000).
    """
    if cursor.formats == formats:
        return
    if cursor.touched:
        raise FeatureNotSupported("a cursor that has returned rows in one format cannot return others in another")
    if cursor.running:
        await cursor.close()
    cursor.formats = formats


async def running(session: Session, cursor: LakePortal, rows: Rows) -> Rows:
    """Start a cursor's stream if it has not begun, and return rows of it."""
    try:
        await started(session, cursor)
        async for chunk in rows:
            yield chunk
    finally:
        await rows.aclose()


async def started(session: Session, cursor: LakePortal) -> None:
    """Start a cursor's stream if it has not begun.

    Raises: PostgresError.
    """
    if not cursor.formats:
        cursor.formats = (int(cursor.binary),) * len(cursor.statement.fields)
    if not cursor.running:
        assert session.settings is not None
        await lake.start(session, cursor, replace(session.settings, statement_timeout_ms=0))  # each FETCH has its own
        if cursor.persisted:
            await cursor.persist()


async def fetched(cursor: LakePortal, utility: Fetch) -> Rows:
    """Return the rows of one FETCH. Source: DoPortalRunFetch in Postgres' pquery.c.

    Raises: PostgresError.
    """
    direction, count = utility.direction, utility.count
    if direction == FetchDirection.FETCH_ABSOLUTE:
        rows = _absolute(cursor, count)
    elif direction == FetchDirection.FETCH_RELATIVE and count:
        rows = _relative(cursor, count)
    else:
        forward = (direction != FetchDirection.FETCH_BACKWARD) == (count >= 0)
        rows = _straight(cursor, abs(count), forward)
    async for chunk in rows:
        yield chunk


async def _straight(cursor: LakePortal, count: int, forward: bool) -> Rows:
    if count == 0:
        if cursor.at_start or cursor.at_end:
            return
        await skip(cursor.backward(1))
        count, forward = 1, True
    limit = None if count == FETCH_ALL else count
    async for chunk in cursor.forward(limit) if forward else cursor.backward(limit):
        yield chunk


async def _absolute(cursor: LakePortal, count: int) -> Rows:
    if count > 0:
        if count - 1 <= cursor.position // 2:
            cursor.rewind()
            await skip(cursor.forward(count - 1))
        else:
            position = cursor.position + cursor.at_end
            if count <= position:
                await skip(cursor.backward(position - count + 1))
            elif count > position + 1:
                await skip(cursor.forward(count - position - 1))
        rows = cursor.forward(1)
    elif count < 0:
        await skip(cursor.forward(None))
        if count < -1:
            await skip(cursor.backward(-count - 1))
        rows = cursor.backward(1)
    else:
        cursor.rewind()
        return
    async for chunk in rows:
        yield chunk


async def _relative(cursor: LakePortal, count: int) -> Rows:
    move = cursor.forward if count > 0 else cursor.backward
    if abs(count) > 1:
        await skip(move(abs(count) - 1))
    async for chunk in move(1):
        yield chunk


async def skip(rows: Rows) -> None:
    """Pass rows."""
    async for _ in rows:
        pass


async def persist_all(session: Session) -> None:
    """Fill the cursors WITH HOLD before their transaction commits.

    Raises: PostgresError, BackendFailed.
    """
    if not session.portals.unpersisted or session.twin.failed or session.twin.status == ord("E"):
        return
    messages, _ = await probes.ask_with_state(session, HOLDABLE)
    alive = {value.decode() for row in probes.rows_of(messages) for value in row if value is not None}
    for cursor in session.portals.unpersisted:
        if cursor.name in alive:
            await session.interruptible(_persist(session, cursor))
        else:  # it was declared within a savepoint that is gone
            session.portals.put_portal(cursor.name, None)


async def _persist(session: Session, cursor: LakePortal) -> None:
    await started(session, cursor)
    await cursor.persist()


async def before_commit(session: Session) -> None:
    """Fill the cursors WITH HOLD before COMMIT; what fails ends the transaction, as it does in Postgres.

    Raises: BackendFailed.
    """
    try:
        await persist_all(session)
    except PostgresError as error:
        await probes.ask(session, ROLLBACK)
        raise BackendFailed(error_response(error)) from error


async def sync(session: Session, frame: bytes = SYNC) -> None:
    """End a group of messages, whose implicit transaction commits."""
    if session.portals.unpersisted and session.twin.status == ord("I") and not session.skipping:
        try:
            await persist_all(session)
        except PostgresError as error:
            await session.fail(error)
        except BackendFailed as failure:
            session.client.write(failure.frame or b"")
    await end_with_sync(session, frame)
