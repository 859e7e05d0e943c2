"""CREATE TEMP TABLE AS, SELECT INTO and INSERT ... SELECT from the lake: the rows go into the session's own backend."""

from dataclasses import replace

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

DESCRIPTION = ord("T")
EXISTS = "SELECT to_regclass({}) IS NOT NULL"


async def begin(session: Session, bring: Bring, portal: UtilityPortal | None) -> Outcome:
    """Make the table, and return what fills it.

    Raises: BackendFailed; PostgresError.
    """
    lake.check_encoding(await lake.ask_state(session), bring.query)
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
    outcome = Outcome("", counted=False, description=description, at_once=True, returns_rows=bool(description))
    outcome.chunks = _rows(session, bring, parameters, formats, session.settings, outcome)
    return outcome


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
    outcome: Outcome,
) -> Rows:
    """Fill the table; then, for INSERT, run it and give what it returns. At the end the outcome has its tag."""
    portal = LakePortal(bring.query, parameters, (0,) * len(bring.query.fields))
    exact = replace(state, extra_float_digits=max(state.extra_float_digits, 1))
    try:
        await lake.start(session, portal, exact, CopyLayout())
        copy = f"COPY {bring.how.table} FROM STDIN (ENCODING 'UTF8')"
        messages = await probes.copy_in(session, copy, portal.forward(None))
    finally:
        await portal.close()
    session.forget_settings()  # with the first temporary table comes a schema
    outcome.tag = probes.tag_of(messages).replace("COPY", "SELECT")
    if bring.how.then is None:
        return
    messages = await probes.ask(session, probes.question(bring.how.then.text.encode(), (), (), formats))
    outcome.tag = probes.tag_of(messages)
    yield row_chunk(messages)
    await probes.ask(session, probes.question(f"DROP TABLE {ROWS}".encode()))
