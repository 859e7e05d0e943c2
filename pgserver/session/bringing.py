"""CREATE TEMP TABLE AS, SELECT INTO and INSERT ... SELECT from the lake: the rows go into the session's own backend."""

from dataclasses import dataclass, replace

from pgserver.encode.copy import CopyLayout
from pgserver.executors.bridge import row_chunk
from pgserver.plan.bringing import ROWS
from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import Bring
from pgserver.session import lake, probes
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.portals import Outcome, UtilityPortal
from pgserver.session.state import Session
from pgserver.twin.backend import Message

DESCRIPTION, COMPLETE = ord("T"), ord("C")
EXISTS = "SELECT to_regclass({}) IS NOT NULL"


@dataclass(slots=True)
class Count:
    """What the tag says."""

    rows: int = 0


async def begin(session: Session, bring: Bring, portal: UtilityPortal | None) -> Outcome:
    """Make the table, and return what fills it.

    Raises: BackendFailed; PostgresError.
    """
    how, types = bring.how, bring.query.parameters
    parameters = () if portal is None else portal.parameters
    if how.unless_exists and await _exists(session, how.table):
        await probes.check(session, how.make, types, parameters)  # its notice
        return Outcome("CREATE TABLE AS", counted=False, returns_rows=False)
    await probes.check(session, how.make, types, parameters)
    session.may_have_temporary = True
    formats = () if portal is None else portal.formats
    description = b""
    if how.then is not None:  # of no rows: it checks, and describes what RETURNING gives
        asked = probes.question(how.then.text.encode(), (), (), formats)
        description = b"".join(frame for tag, frame in await probes.ask(session, asked) if tag == DESCRIPTION)
    assert session.settings is not None
    count = Count()
    rows = _rows(session, bring, parameters, formats, session.settings, count)
    session.settings = None
    return Outcome(
        how.tag,
        rows,
        description=description,
        whole=True,
        returns_rows=bool(description),
        result=lambda _: count.rows,
    )


async def _exists(session: Session, table: str) -> bool:
    literal = "'" + table.replace("'", "''") + "'"
    messages = await probes.ask(session, probes.question(EXISTS.format(literal).encode()))
    return probes.rows_of(messages) == [[b"t"]]


async def _rows(
    session: Session,
    bring: Bring,
    parameters: tuple[Parameter, ...],
    formats: tuple[int, ...],
    state: SessionState,
    count: Count,
) -> Rows:
    """Fill the table; then, for INSERT, run it and give what it returns."""
    portal = LakePortal(bring.query, parameters, (0,) * len(bring.query.fields))
    exact = replace(state, extra_float_digits=max(state.extra_float_digits, 1))
    copy, after = probes.copying(bring.how.table)
    try:
        await lake.start(session, portal, exact, CopyLayout())
        messages = await session.twin.bring(copy.frames, copy.answers, portal.forward(None))
    finally:
        await portal.close()
    await probes.ask(session, after)
    count.rows = completed(messages)
    if bring.how.then is None:
        return
    messages = await probes.ask(session, probes.question(bring.how.then.text.encode(), (), (), formats))
    count.rows = completed(messages)
    yield row_chunk(messages)
    await probes.ask(session, probes.question(f"DROP TABLE {ROWS}".encode()))


def completed(messages: list[Message]) -> int:
    """Return how many rows a CommandComplete among the answers tells of."""
    tag = next(frame for tag, frame in messages if tag == COMPLETE)
    return int(tag[5:-1].rsplit(b" ", 1)[-1])
