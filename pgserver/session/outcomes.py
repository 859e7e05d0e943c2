"""What running a utility statement gives, to the client."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pgserver.encode.rows import RowChunk
from pgserver.session import lake
from pgserver.session.portals import Outcome
from pgserver.session.spool import RowStore
from pgserver.session.state import Session

PORTAL_SUSPENDED = b"s\x00\x00\x00\x04"


async def send_all(session: Session, outcome: Outcome, *, describe: bool) -> None:
    """Send an outcome to its end; for the simple protocol with its RowDescription.

    Raises: PostgresError, BackendFailed, ConnectionLost.
    """
    session.client.write(outcome.head)
    head = outcome.description if describe else b""
    rows = 0
    if outcome.rest is not None:
        rows = len(outcome.rest)
        session.client.write(outcome.rest.data)
        outcome.rest = None
    if outcome.chunks is not None:
        try:
            async for chunk in outcome.chunks:
                session.client.write(head)
                head = b""
                rows += len(chunk)
                if not outcome.silent:
                    session.client.write(chunk.data)
                    await session.client.drain()
        finally:
            await outcome.chunks.aclose()
    outcome.done = True
    session.client.write(head + outcome.end + complete(outcome, rows))


async def send_some(session: Session, outcome: Outcome, max_rows: int) -> None:
    """Send what one Execute wants of an outcome.

    Raises: PostgresError, BackendFailed, ConnectionLost.
    """
    if not max_rows or outcome.whole or outcome.silent:
        await send_all(session, outcome, describe=False)
        return
    if outcome.at_once and outcome.chunks is not None:
        outcome.chunks, outcome.at_once = await _kept(session, outcome.chunks), False
    rows = 0
    while rows < max_rows:
        chunk, outcome.rest = outcome.rest, None
        if chunk is None:
            chunk = await _next(outcome)
        if chunk is None:
            outcome.done = True
            session.client.write(complete(outcome, rows))
            return
        if len(chunk) > max_rows - rows:
            chunk, outcome.rest = chunk.split(max_rows - rows)
        session.client.write(chunk.data)
        rows += len(chunk)
        await session.client.drain()
    session.client.write(PORTAL_SUSPENDED)


async def _kept(session: Session, chunks: AsyncGenerator[RowChunk, None]) -> AsyncGenerator[RowChunk, None]:
    """Run a statement to its end, and return what gives its rows piece by piece: they wait on disk."""
    store = RowStore(session.services.spill_folder)
    async with aclosing(chunks):
        async for chunk in chunks:
            if len(chunk):
                await store.append(chunk)
    return _from_disk(store)


async def _from_disk(store: RowStore) -> AsyncGenerator[RowChunk, None]:
    try:
        position = 0
        while position < store.end:
            chunk = await store.read(position, None)
            position += len(chunk)
            yield chunk
    finally:
        store.close()


async def _next(outcome: Outcome) -> RowChunk | None:
    if outcome.chunks is not None:
        async for chunk in outcome.chunks:
            return chunk
    return None


def complete(outcome: Outcome, rows: int) -> bytes:
    """Return CommandComplete."""
    return lake.command_complete(f"{outcome.tag} {outcome.result(rows)}" if outcome.counted else outcome.tag)
