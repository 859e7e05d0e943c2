"""A lake statement within a session: what it must know of the session, its rows to the client, its end."""

from pgserver.plan.analysis import parse_message
from pgserver.plan.session_state import STATE_SQL, SessionState
from pgserver.session.portals import LakePortal
from pgserver.session.state import FLUSH, Session
from pgserver.twin.backend import Message

STATE_NAME = b"_bemidb_state"


def named(kind: bytes, *strings: bytes, tail: bytes = b"") -> bytes:
    """Encode a message of strings."""
    body = b"".join(string + b"\0" for string in strings) + tail
    return kind + (len(body) + 4).to_bytes(4) + body


STATE_FRAMES = (
    parse_message(STATE_SQL, (), STATE_NAME)
    + named(b"B", STATE_NAME, STATE_NAME, tail=b"\0\0\0\0\0\0")
    + named(b"E", STATE_NAME, tail=b"\0\0\0\0")
    + named(b"C", b"P" + STATE_NAME)
    + named(b"C", b"S" + STATE_NAME)
    + FLUSH
)
STATE_ANSWERS = 5


def read_state(messages: list[Message]) -> SessionState:
    """Read the session's state out of the answers to `STATE_FRAMES`."""
    row = next(frame for tag, frame in messages if tag == ord("D"))
    values = []
    position = 7
    for _ in range(int.from_bytes(row[5:7])):
        size = int.from_bytes(row[position : position + 4])
        values.append(row[position + 4 : position + 4 + size].decode("utf-8", "replace"))
        position += 4 + size
    return SessionState.read(values)


async def ask_state(session: Session) -> SessionState:
    """Ask the session's backend for its state, within the statement's transaction.

    Raises: BackendFailed when the transaction is aborted, for example.
    """
    session.settings = read_state(await session.twin.ask(STATE_FRAMES, STATE_ANSWERS))
    return session.settings


async def start(session: Session, portal: LakePortal, state: SessionState) -> None:
    """Start a portal's stream.

    Raises: PostgresError.
    """
    pins = session.pins if isolated(state) else {}
    portal.start(
        await session.services.dispatcher.run(portal.statement, portal.parameters, portal.formats, state, pins)
    )


def isolated(state: SessionState) -> bool:
    """Whether the transaction keeps one snapshot for all of its statements."""
    return state.isolation in ("repeatable read", "serializable")


async def send_rows(session: Session, portal: LakePortal, max_rows: int) -> int:
    """Send rows until the portal's end or the limit (0: none), and return how many.

    Raises: PostgresError, BackendFailed, ConnectionLost: what the engine, the twin or the client says meanwhile.
    """
    sent = 0
    while not max_rows or sent < max_rows:
        chunk = await portal.next_chunk()
        if chunk is None:
            break
        if max_rows and sent + len(chunk) > max_rows:
            chunk, portal.rest = chunk.split(max_rows - sent)
        session.client.write(chunk.data)
        sent += len(chunk)
        await session.client.drain()
    return sent


def command_complete(tag: str) -> bytes:
    """Encode CommandComplete."""
    return named(b"C", tag.encode())
