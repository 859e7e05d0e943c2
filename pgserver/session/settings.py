"""How a session reads texts: known from ParameterStatus, asked of the twin where that may be behind."""

from pgserver.plan.backends import AnalysisContext
from pgserver.plan.statement import Kind, Statement, mentions
from pgserver.session import lake
from pgserver.session.state import Session

HARMLESS = frozenset(("BEGIN", "START", "SHOW", "LISTEN", "NOTIFY", "UNLISTEN", ""))
MAY_CALL_SET_CONFIG = (b"set_config", b'u&"')  # which U&"set\005Fconfig" does, too


def may_change_settings(session: Session, statement: Statement) -> bool:
    """Whether a statement of the twin's may change what `SessionState` holds.

    The end of a transaction may: it takes back a SET, or a SET LOCAL. A query may by `set_config`, also from within a
    temporary view; FETCH, by the query of its cursor.
    """
    if statement.kind is Kind.QUERY:
        return session.may_have_temporary or mentions(statement.text.encode(), *MAY_CALL_SET_CONFIG)
    return statement.word not in HARMLESS and statement.kind is not Kind.CLOSE


async def analysis_context(session: Session) -> AnalysisContext:
    """Return how the session reads texts now.

    PostgreSQL 18 reports all settings of the context but the role, when it is idle; `settings` is None after anything
    that may have changed them. The reports are behind once a statement of a group of messages has run. Before that
    nothing must be asked: it would make the group an implicit transaction block.
    """
    if session.settings is None and session.executed:
        await lake.ask_state(session)
    return session.reported if session.settings is None else session.settings.analysis
