"""Questions to the session's own backend, within its transaction and unseen by the client."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from pgserver.encode.rows import RowChunk
from pgserver.plan.analysis import bind_message, parse_message
from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import Probe
from pgserver.session import lake
from pgserver.session.state import FLUSH, Session
from pgserver.twin.backend import BackendFailed, Message

NAME = b"_bemidb_probe"
ROWS_AT_ONCE = 10_000
ERROR_RESPONSE, COMPLETE = ord("E"), ord("C")


@dataclass(frozen=True, slots=True)
class Question:
    """Messages and how many of them are answered by a completion."""

    frames: bytes
    answers: int

    def __add__(self, other: "Question") -> "Question":
        """Ask one after the other, in one go."""
        return Question(self.frames + other.frames, self.answers + other.answers)


NOTHING = Question(b"", 0)
CLOSING = Question(lake.named(b"C", b"P" + NAME) + lake.named(b"C", b"S" + NAME), 2)
STATE = Question(lake.STATE_FRAMES.removesuffix(FLUSH), lake.STATE_ANSWERS)


def question(
    text: bytes,
    types: Sequence[int] = (),
    parameters: Sequence[Parameter] = (),
    formats: Sequence[int] = (),
) -> Question:
    """Return what runs a statement of ours; its RowDescription is among the answers."""
    values = [parameter.value for parameter in parameters]
    codes = [parameter.format for parameter in parameters]
    frames = (
        lake.named(b"C", b"S" + NAME)  # one may be left of a question that failed
        + parse_message(text, types, NAME)
        + bind_message(values, codes, formats, NAME)
        + lake.named(b"D", b"P" + NAME)
        + lake.named(b"E", NAME, tail=b"\0\0\0\0")
        + lake.named(b"C", b"P" + NAME)
        + lake.named(b"C", b"S" + NAME)
    )
    return Question(frames, 7)


def stepwise(
    text: bytes, types: Sequence[int], parameters: Sequence[Parameter], formats: Sequence[int]
) -> tuple[Question, Question, Question]:
    """Return what prepares a statement of ours, what runs it for some rows more, and what ends it."""
    values = [parameter.value for parameter in parameters]
    codes = [parameter.format for parameter in parameters]
    frames = lake.named(b"C", b"S" + NAME) + parse_message(text, types, NAME)
    begin = Question(frames + bind_message(values, codes, formats, NAME), 3)
    more = Question(lake.named(b"E", NAME, tail=ROWS_AT_ONCE.to_bytes(4)), 1)
    return begin, more, CLOSING


# After an Execute the next statement of the group begins an implicit transaction block, as it does within a Query of
# several statements. SHOW takes no snapshot: SET TRANSACTION may still follow.
# Source: start_xact_command in Postgres' postgres.c.
IMPLICIT_BLOCK = question(b"SHOW server_version_num")


async def ask(session: Session, asked: Question) -> list[Message]:
    """Ask, and return all answers.

    Raises: BackendFailed.
    """
    return await session.twin.ask(asked.frames + FLUSH, asked.answers)


async def copy_in(session: Session, sql: str, rows: AsyncGenerator[RowChunk, None]) -> list[Message]:
    """Run COPY FROM STDIN with data of ours. No Close may come before the data: it is asked behind it.

    Raises: what the rows raise; BackendFailed.
    """
    frames = lake.named(b"C", b"S" + NAME) + parse_message(sql.encode(), (), NAME) + bind_message((), (), (), NAME)
    messages = await session.twin.bring(frames + lake.named(b"E", NAME, tail=b"\0\0\0\0"), 4, rows)
    await ask(session, CLOSING)
    return messages


async def ask_with_state(session: Session, asked: Question) -> tuple[list[Message], SessionState]:
    """Ask, and then for the session's state.

    Raises: BackendFailed.
    """
    messages = await ask(session, asked + STATE)
    row = max(place for place, (tag, _) in enumerate(messages) if tag == ord("D"))
    session.settings = lake.read_state(messages[row:])
    return messages[:row], session.settings


async def check(session: Session, probe: Probe, types: Sequence[int], parameters: Sequence[Parameter]) -> list[Message]:
    """Have the twin run a text on its empty tables, and read the session's state.

    Raises: BackendFailed, with positions in the client's text.
    """
    try:
        return (await ask_with_state(session, question(probe.text.encode(), types, parameters)))[0]
    except BackendFailed as failure:
        raise moved_back(failure, probe) from None


def moved_back(failure: BackendFailed, probe: Probe) -> BackendFailed:
    """Return the failure with its position in the client's text."""
    return moved(failure, probe.original_position) if probe.moved else failure


def moved(failure: BackendFailed, change: Callable[[int], int]) -> BackendFailed:
    """Return the failure with another position."""
    if failure.frame is None:
        return failure
    fields = failure.frame[5:].split(b"\0")
    for place, part in enumerate(fields):
        if part[:1] == b"P":
            fields[place] = b"P%d" % change(int(part[1:]))
    body = b"\0".join(fields)
    return BackendFailed(failure.frame[:1] + (len(body) + 4).to_bytes(4) + body)


def tag_of(messages: Sequence[Message]) -> str:
    """Return the tag of the CommandComplete among the answers."""
    return next(frame for tag, frame in messages if tag == COMPLETE)[5:-1].decode()


def rows_of(messages: Sequence[Message]) -> list[list[bytes | None]]:
    """Return the values of all rows among the answers."""
    return [values_of(frame) for tag, frame in messages if tag == ord("D")]


def values_of(frame: bytes) -> list[bytes | None]:
    """Decode a DataRow."""
    values: list[bytes | None] = []
    position = 7
    for _ in range(int.from_bytes(frame[5:7])):
        size = int.from_bytes(frame[position : position + 4], signed=True)
        values.append(None if size < 0 else frame[position + 4 : position + 4 + size])
        position += 4 + max(size, 0)
    return values
