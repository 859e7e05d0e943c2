"""One client in front of one twin backend. Read `HANDLERS` first: what happens to each message."""

import time
from collections.abc import Awaitable, Callable

import structlog

from pgserver.protocol.codec import FramingError
from pgserver.protocol.errors import InternalError, PostgresError, error_response
from pgserver.session import extended, simple
from pgserver.session.client import ConnectionLost
from pgserver.session.observed import OBSERVED, observe
from pgserver.session.state import Session, shut_down, sync
from pgserver.twin.backend import BackendFailed, BackendLost

log = structlog.get_logger()

QUERY, SYNC, TERMINATE = ord("Q"), ord("S"), ord("X")
CONNECTION_LOST = "08006"


async def pass_unasked(session: Session, frame: bytes) -> None:
    """Give the twin a message that has no answer of its own: CopyData outside COPY, for example."""
    session.twin.send(frame)


Handler = Callable[[Session, bytes], Awaitable[None]]

HANDLERS: dict[int, Handler] = {
    ord("Q"): simple.query,
    ord("P"): extended.parse,
    ord("B"): extended.bind,
    ord("D"): extended.describe,
    ord("E"): extended.execute,
    ord("C"): extended.close,
    ord("H"): extended.flush,
    ord("S"): extended.sync,
    ord("F"): simple.function_call,
    ord("d"): pass_unasked,
    ord("c"): pass_unasked,
    ord("f"): pass_unasked,
}


async def serve(session: Session) -> None:
    """Serve a session that has logged in, until one side ends it."""
    try:
        while True:
            if session.services.activity.draining and session.between_transactions:
                session.farewell = shut_down()
                break
            message = session.client.poll()
            if message is None:
                session.rest()
                message = await session.client.next_message()
                session.resting = False
            tag, frame = message
            if tag == TERMINATE:
                break
            if not session.skipping or tag in (SYNC, QUERY):
                await handle(session, tag, frame)
    except FramingError as error:
        if not error.silent:
            session.client.write(error_response(error))
    except (ConnectionLost, BackendLost):
        pass


async def handle(session: Session, tag: int, frame: bytes) -> None:
    """Serve one message; whatever goes wrong becomes an ErrorResponse."""
    observation = observe(session, tag, frame) if tag in OBSERVED else None
    if observation is None:
        await attempt(session, tag, frame)
        return
    sqlstate = CONNECTION_LOST
    try:
        sqlstate = await attempt(session, tag, frame)
    finally:
        observation.end(sqlstate)


async def attempt(session: Session, tag: int, frame: bytes) -> str:
    """Serve one message; return the SQLSTATE of its error, empty when there was none.

    Raises: ConnectionLost, BackendLost, FramingError: the session ends.
    """
    errors = session.twin.errors
    session.statement_at = time.monotonic()
    try:
        await HANDLERS[tag](session, frame)
        return session.twin.sqlstate if session.twin.errors > errors else ""
    except (ConnectionLost, BackendLost, FramingError):
        raise
    except BackendFailed as failure:
        sqlstate = session.twin.sqlstate
        if failure.frame is not None:
            session.client.write(failure.frame)
    except PostgresError as error:
        sqlstate = error.sqlstate
        await session.fail(error)
    except Exception:
        sqlstate = InternalError.sqlstate
        log.exception("session_failed", message_type=chr(tag))
        await session.fail(InternalError("internal error", hint="The server's log has the details."))
    await recover(session, tag)
    return sqlstate


async def recover(session: Session, tag: int) -> None:
    """After an error: a Query ends with ReadyForQuery, other messages are skipped until Sync."""
    if tag != QUERY:
        session.skipping = True
    elif session.twin.failed or session.twin.sent:
        await sync(session)
    else:
        session.client.write(b"Z\x00\x00\x00\x05" + bytes([session.twin.status]))
