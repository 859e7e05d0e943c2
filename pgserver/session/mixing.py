"""Statements over the lake and what the session alone has, temporary tables or locks: the bridge, into its own backend.

What is made there has the names of the lake's tables and is dropped behind the statement: nobody else may see it.
"""

from collections.abc import Iterable

from pgserver.executors.base import BRIDGE
from pgserver.executors.bridge import Bound, Conditions, Filling, row_chunk
from pgserver.executors.temporary import lake_names, temporary_tables
from pgserver.plan.analysis import RELATION
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.rewrite import use_temporary_tables
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import Kind, classify
from pgserver.plan.utility import Mix, quoted
from pgserver.protocol.errors import FeatureNotSupported
from pgserver.session import lake, probes
from pgserver.session.cursor import Rows
from pgserver.session.own_analysis import SessionAnalyst
from pgserver.session.portals import Outcome, UtilityPortal
from pgserver.session.settings import analysis_context
from pgserver.session.state import Session

SUSPENDED = ord("s")


async def begin(session: Session, mix: Mix, portal: UtilityPortal | None) -> Outcome:
    """Return what runs the statement.

    Raises: BackendFailed.
    """
    state = await lake.ask_state(session)
    lake.check_encoding(state, mix.query)
    outcome = Outcome("", counted=False, description=mix.query.description, returns_rows=bool(mix.query.fields))
    session.executed = True
    outcome.at_once = True  # to its end, which is that of its tables
    outcome.chunks = _rows(session, mix.query, portal, state, outcome)
    return outcome


async def _rows(
    session: Session, query: LakeStatement, portal: UtilityPortal | None, state: SessionState, outcome: Outcome
) -> Rows:
    """Run the statement; at its end the outcome has the tag that the twin gives."""
    parameters, formats = ((), ()) if portal is None else (portal.parameters, portal.formats)
    pins = await lake.pins_of(session, state)
    bound = Bound(query, parameters, formats, state, pins, query.reason, Conditions.SURE)
    planner = session.services.planner
    await session.services.lake.refresh()
    async for filling in session.services.dispatcher.bridge.fillings(bound):
        await _fill(session, filling)
    text = await _rewritten(session, query)
    session.progress.started(BRIDGE.lower(), 0)
    begun, more, closed = probes.stepwise(text, query.parameters, parameters, formats)
    await probes.ask(session, begun)
    if classify(query.text.decode()).kind is Kind.QUERY:
        yield row_chunk(())  # its RowDescription comes before what running it says
    suspended = True
    while suspended:
        messages = await probes.ask(session, more)
        suspended = messages[-1][0] == SUSPENDED
        yield row_chunk(messages)
    outcome.tag = probes.tag_of(messages)
    if outcome.tag.startswith("SELECT "):
        outcome.tag, outcome.counted = "SELECT", True  # by what each Execute gets
    await probes.ask(session, closed)
    session.forget_settings()  # it may have called set_config
    await _drop(session, (planner.table(relid).name for relid in query.views), "VIEW")
    await _drop(session, (item.name for item in temporary_tables(query, planner)), "TABLE")


async def _fill(session: Session, filling: Filling) -> None:
    if filling.rows is None:
        await probes.ask(session, probes.question(filling.sql.encode()))
    else:
        await probes.copy_in(session, filling.sql, filling.rows)


async def _rewritten(session: Session, query: LakeStatement) -> bytes:
    """Write the statement with the new tables in it, and see that none of the lake's, which are empty, is left.

    Raises: FeatureNotSupported (0A000).
    """
    text = use_temporary_tables(query.text.decode(), lake_names(query, session.services.planner)).encode()
    analysed = await SessionAnalyst(session).analyse(text, query.parameters, await analysis_context(session))
    left = set() if analysed is None else {int(relid) for relid in RELATION.findall(analysed.tree)}
    if analysed is None or left & {*query.relids, *query.views}:
        raise FeatureNotSupported("this spelling of a table's name is not supported beside temporary tables")
    return text


async def _drop(session: Session, names: Iterable[str], kind: str) -> None:
    listed = ", ".join(f"pg_temp.{quoted(name)}" for name in names)
    if listed:
        await probes.ask(session, probes.question(f"DROP {kind} {listed} CASCADE".encode()))
