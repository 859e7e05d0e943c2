"""EXECUTE of a statement that reads the lake: the session's own backend reads the arguments."""

from catalog.types import BY_ARRAY_OID, BY_OID
from pgserver.plan.analysis import parse_message
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import ExecutePrepared, Probe
from pgserver.protocol.errors import FeatureNotSupported
from pgserver.session import lake, probes
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.portals import Outcome
from pgserver.session.state import Session
from pgserver.twin.backend import BackendFailed

ARGUMENTS = "_bemidb_arguments"  # a statement that returns its parameters


def prepared(session: Session, name: str) -> LakeStatement | None:
    """Return the lake statement that EXECUTE of a name runs, None when the twin runs it.

    Raises: FeatureNotSupported (0A000) for a utility statement that a client has parsed under that name.
    """
    found = session.portals.statement(name)
    if found is None or isinstance(found, LakeStatement):
        return found
    raise FeatureNotSupported("EXECUTE of a utility statement that reads the lake is not supported")


async def begin(session: Session, execute: ExecutePrepared, formats: tuple[int, ...]) -> Outcome:
    """Read the arguments, and return the statement's rows.

    Raises: BackendFailed; FeatureNotSupported.
    """
    statement = prepared(session, execute.name)
    assert statement is not None
    parameters = await evaluate(session, execute, statement)
    assert session.settings is not None
    portal = LakePortal(statement, parameters, lake.spread(formats, len(statement.fields)))
    chunks = _rows(session, portal, session.settings)
    return Outcome("SELECT", chunks, description=statement.description)


async def _rows(session: Session, portal: LakePortal, state: SessionState) -> Rows:
    try:
        await lake.start(session, portal, state)
        async for chunk in portal.forward(None):
            yield chunk
    finally:
        await portal.close()


async def evaluate(session: Session, execute: ExecutePrepared, statement: LakeStatement) -> tuple[Parameter, ...]:
    """Have the session's backend evaluate the arguments and cast them to the parameters' types; reads its state, too.

    Raises: BackendFailed.
    """
    types = statement.parameters
    if not types:  # Postgres does not look at the arguments then
        await probes.ask_with_state(session, probes.NOTHING)
        return ()
    if execute.count != len(types):  # the twin's own EXECUTE says how many there should be
        await probes.ask(session, probes.question(execute.text.encode()))
        raise AssertionError("EXECUTE with a wrong number of parameters did not fail")
    start, end = execute.name_span
    name_size = end - start
    moved = ((0, -execute.start), (execute.start + start + min(name_size, len(ARGUMENTS)), len(ARGUMENTS) - name_size))
    probe = Probe(execute.text[:start] + ARGUMENTS + execute.text[end:], moved)
    formats = [int(oid in BY_OID or oid in BY_ARRAY_OID) for oid in types]
    name = ARGUMENTS.encode()
    returning = f"SELECT {', '.join(f'${number + 1}' for number in range(len(types)))}".encode()
    forget = lake.named(b"C", b"S" + name)
    define = probes.Question(forget + parse_message(returning, types, name), 2)
    asked = define + probes.question(probe.text.encode(), formats=formats) + probes.Question(forget, 1)
    try:
        messages, _ = await probes.ask_with_state(session, asked)
    except BackendFailed as failure:
        raise probes.moved_back(failure, probe) from None
    (values,) = probes.rows_of(messages)
    return tuple(Parameter(code, value) for code, value in zip(formats, values, strict=True))
