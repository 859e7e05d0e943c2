"""A lake statement within a session: what it must know of the session, its rows to the client, its end."""

import time
from dataclasses import replace

from pgserver.encode.copy import CopyLayout
from pgserver.executors.base import Result
from pgserver.plan.analysis import parse_message
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.session_state import STATE_SQL, SessionState
from pgserver.plan.statement import classify
from pgserver.protocol.errors import FeatureNotSupported, InvalidParameterValue, IoError, PostgresError
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.state import FLUSH, Session
from pgserver.twin.backend import Message

STATE_NAME = b"_bemidb_state"


def named(kind: bytes, *strings: bytes, tail: bytes = b"") -> bytes:
    """Encode a message of strings."""
    body = b"".join(string + b"\0" for string in strings) + tail
    return kind + (len(body) + 4).to_bytes(4) + body


def run_frames(sql: bytes) -> bytes:
    """Return the messages that run a query of ours under names of its own: the unnamed ones are the client's."""
    return (
        parse_message(sql, (), STATE_NAME)
        + named(b"B", STATE_NAME, STATE_NAME, tail=b"\0\0\0\0\0\0")
        + named(b"E", STATE_NAME, tail=b"\0\0\0\0")
        + named(b"C", b"P" + STATE_NAME)
        + named(b"C", b"S" + STATE_NAME)
    )


RUN_ANSWERS = 5
EXPORTER_SQL = """
SELECT coalesce((SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'virtualxid' AND virtualxid = '{}' LIMIT 1), 0)
"""
STATE_FRAMES = run_frames(STATE_SQL) + FLUSH
STATE_ANSWERS = RUN_ANSWERS


def read_state(messages: list[Message]) -> SessionState:
    """Read the session's state out of the answers to `STATE_FRAMES`."""
    return SessionState.read(read_row(messages))


def read_row(messages: list[Message]) -> list[str]:
    """Return the one row, without NULLs, that a query of ours was answered with."""
    row = next(frame for tag, frame in messages if tag == ord("D"))
    values = []
    position = 7
    for _ in range(int.from_bytes(row[5:7])):
        size = int.from_bytes(row[position : position + 4])
        values.append(row[position + 4 : position + 4 + size].decode("utf-8", "replace"))
        position += 4 + size
    return values


async def ask_state(session: Session) -> SessionState:
    """Ask the session's backend for its state, within the statement's transaction.

    Raises: BackendFailed when the transaction is aborted, for example.
    """
    session.settings = read_state(await session.twin.ask(STATE_FRAMES, STATE_ANSWERS))
    return session.settings


async def state_of(session: Session) -> SessionState:
    """Return the session's state for a statement: asked, unless only the time can differ from what was asked before.

    Outside of a transaction block that is so; `now()` stays the same for a group of messages, which is one transaction.
    """
    if session.settings is None or session.twin.status != ord("I"):
        return await ask_state(session)
    session.group_now_us = session.group_now_us or time.time_ns() // 1000
    return replace(session.settings, now_us=session.group_now_us, statement_us=time.time_ns() // 1000)


async def start(session: Session, portal: LakePortal, state: SessionState, layout: CopyLayout | None = None) -> None:
    """Start a portal's stream; with a layout its chunks are CopyData messages.

    Raises: PostgresError.
    """
    check_encoding(state, portal.statement)
    for code in portal.formats:
        if code not in (0, 1):
            raise InvalidParameterValue(f"unsupported format code: {code}")
    if portal.now_us is not None:
        state = replace(state, now_us=portal.now_us)
    portal.statement = await current(session, portal.statement, state)
    pins = portal.pins or await pins_of(session, state)
    try:
        result = await _run(session, portal, state, pins, layout)
        portal.start(result)
    except BaseException:
        portal.failed = True
        raise
    session.progress.started(result.way.lower(), result.read_bytes)


async def current(session: Session, statement: LakeStatement, state: SessionState) -> LakeStatement:
    """Return a statement compiled for the lake and the settings as they are now: it may have been prepared long ago.

    Raises: FeatureNotSupported where that would change its columns, as in Postgres; drivers prepare it again then.
    """
    lake, planner = session.services.lake, session.services.planner
    await lake.refresh()
    if statement.schema_version == lake.schema.version and state.reads_as_reported:
        return statement
    if session.may_have_temporary:  # its names may mean the session's own tables, which only its backend knows
        members = {member for relid in statement.relids for member in planner.members(relid)}
        if lake.holds((*statement.relids, *statement.views)) and members <= set(statement.relids):
            return statement
    else:
        text = statement.text.decode("utf-8", "replace")
        found = await planner.look(classify(text), statement.text, statement.parameters, state.analysis)
        if isinstance(found, LakeStatement) and found.description == statement.description:
            return found
    raise FeatureNotSupported("cached plan must not change result type")


def check_encoding(state: SessionState, statement: LakeStatement) -> None:
    """Refuse a text that would be read in the wrong encoding.

    Raises: FeatureNotSupported (0A000).
    """
    if state.converts and not statement.text.isascii():
        raise FeatureNotSupported(
            f"statements over the lake with client_encoding {state.client_encoding} must be in ASCII",
            hint="SET client_encoding = 'UTF8'.",
        )


async def _run(
    session: Session, portal: LakePortal, state: SessionState, pins: dict[int, str], layout: CopyLayout | None
) -> Result:
    """Run a statement; again where its files are not there because the catalog has newer ones by now."""
    bound = bool(pins)
    run = session.services.dispatcher.run
    try:
        return await run(portal.statement, portal.parameters, portal.formats, state, pins, layout)
    except PostgresError as error:
        if error.sqlstate != IoError.sqlstate or bound or not await session.services.lake.has_moved(pins):
            raise
    pins.clear()
    return await run(portal.statement, portal.parameters, portal.formats, state, pins, layout)


def isolated(state: SessionState) -> bool:
    """Whether the transaction keeps one snapshot for all of its statements."""
    return state.isolation in ("repeatable read", "serializable")


async def pins_of(session: Session, state: SessionState) -> dict[int, str]:
    """Return the snapshots that a statement must read: the transaction's, which another may share by its own snapshot.

    Raises: BackendFailed.
    """
    if not isolated(state):
        return {}
    if session.exporter:
        frames = run_frames(EXPORTER_SQL.format(session.exporter).encode()) + FLUSH
        [process_id] = read_row(await session.twin.ask(frames, RUN_ANSWERS))
        session.exporter = ""
        exporter = session.services.activity.session(int(process_id))
        if exporter is not None:
            session.pins = exporter.pins
    return session.pins


async def send(session: Session, chunks: Rows) -> int:
    """Send rows, and return how many.

    Raises: PostgresError, BackendFailed, ConnectionLost: what the engine, the twin or the client says meanwhile.
    """
    sent = 0
    async for chunk in chunks:
        session.client.write(chunk.data)
        sent += len(chunk)
        session.progress.sent(len(chunk))
        await session.client.drain()
    return sent


def with_formats(description: bytes, formats: tuple[int, ...]) -> bytes:
    """Return a RowDescription with these format codes."""
    if not any(formats):
        return description
    changed = bytearray(description)
    position = 7
    for code in formats:
        position = description.index(b"\0", position) + 19
        changed[position - 2 : position] = code.to_bytes(2)
    return bytes(changed)


def spread(formats: tuple[int, ...], columns: int) -> tuple[int, ...]:
    """Return one format code per result column. Source: Message Formats, Bind."""
    if len(formats) == columns:
        return formats
    return (formats[0] if formats else 0,) * columns


def command_complete(tag: str) -> bytes:
    """Encode CommandComplete."""
    return named(b"C", tag.encode())
