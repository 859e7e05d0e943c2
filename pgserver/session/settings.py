"""How a session reads texts: known from ParameterStatus, asked of the twin where that may be behind."""

from pgserver.plan.backends import AnalysisContext
from pgserver.plan.statement import Kind, Statement
from pgserver.session import lake
from pgserver.session.state import Session

FAILED = ord("E")
HARMLESS = frozenset(("BEGIN", "START", "COMMIT", "END", "SHOW", "LISTEN", "NOTIFY", "UNLISTEN", ""))


def may_change_settings(statement: Statement) -> bool:
    """Whether a statement of the twin's may change what `SessionState` holds.

    ROLLBACK may: it takes back a SET. A query may by `set_config`.
    """
    if statement.kind in (Kind.QUERY, Kind.FETCH, Kind.CLOSE):
        return "set_config" in statement.text.lower()
    return statement.word not in HARMLESS


async def analysis_context(session: Session) -> AnalysisContext:
    """Return how the session reads texts now.

    PostgreSQL 18 reports all settings of the context but the role, when it is idle; `settings` is None after anything
    that may have changed them. In the middle of a group of messages the reports are behind; but in a failed transaction
    nothing has run before a ROLLBACK, and nothing can be asked.
    """
    aborted = session.twin.status == FAILED and not session.executed
    if session.settings is None and session.twin.sent and not aborted:
        await lake.ask_state(session)
    if session.settings is None:
        parameters = session.twin.parameters
        return AnalysisContext(
            role=session.user,
            search_path=parameters["search_path"],
            time_zone=parameters["TimeZone"],
            date_style=parameters["DateStyle"],
            interval_style=parameters["IntervalStyle"],
            client_encoding=parameters["client_encoding"],
            standard_conforming_strings=parameters["standard_conforming_strings"],
        )
    return session.settings.analysis
