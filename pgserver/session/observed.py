"""A statement as the operator sees it: one line at its start and one at its end, and what is counted."""

import itertools
import time
from functools import cache, lru_cache

import structlog
from pglast.parser import ParseError, scan
from prometheus_client import Counter, Histogram

from catalog.logs import logs_debug
from pgserver import metrics
from pgserver.session.cursor import LakePortal
from pgserver.session.state import Session

log = structlog.get_logger()

LONGEST_TEXT = 100_000  # longer ones are not looked at
LONGEST_KEPT = 4_000  # of the last few hundred texts
SHOWN = 1000
LITERALS = frozenset(("SCONST", "USCONST", "ICONST", "FCONST", "BCONST", "XCONST"))
COMMENTS = frozenset(("SQL_COMMENT", "C_COMMENT"))
SUCCESS = "00000"
NEVER = -1
QUERY, EXECUTE, PARSE, SYNC = OBSERVED = b"QEPS"

_numbers = itertools.count(1)


class Observation:
    """One statement, from the message that starts it to its end."""

    def __init__(self, session: Session, text: str) -> None:
        """Begin."""
        self._session = session
        self._text = text
        self._number = next(_numbers)
        self._began = time.monotonic()
        session.progress.begin(text)
        metrics.queries_active.inc()
        if logs_debug():
            log.debug("statement_started", query_id=self._number, session_id=session.process_id)

    def end(self, sqlstate: str) -> None:
        """End, with the SQLSTATE of its error, if there was one."""
        progress = self._session.progress
        progress.ended = time.time()
        seconds = time.monotonic() - self._began
        executor = progress.way
        metrics.queries_active.dec()
        counted("error" if sqlstate else "success", (sqlstate or SUCCESS)[:2]).inc()
        timed(executor).observe(seconds)
        if progress.first_rows_at is not None:
            metrics.first_row_seconds.observe(progress.first_rows_at - self._began)
            metrics.rows_sent.inc(progress.rows or 0)
        key = self._session.user, executor, redacted(self._text)
        self._session.services.statistics.add(key, seconds * 1000, progress.rows or 0, progress.read_bytes)
        slow_ms = self._session.services.log_min_duration_ms
        if slow_ms != NEVER and seconds * 1000 >= slow_ms:
            log.info("statement_slow", statement=redacted(self._text), **self._fields(executor, seconds, sqlstate))
        elif logs_debug():
            log.debug("statement_finished", **self._fields(executor, seconds, sqlstate))

    def _fields(self, executor: str, seconds: float, sqlstate: str) -> dict[str, object]:
        return {
            "query_id": self._number,
            "session_id": self._session.process_id,
            "user": self._session.user,
            "client_addr": self._session.client.peer,
            "executor": executor,
            "rows": self._session.progress.rows,
            "duration_ms": round(seconds * 1000, 1),
            "sqlstate": sqlstate or SUCCESS,
        }


@cache
def counted(status: str, sqlstate_class: str) -> Counter:
    """Return the counter of statements that end so; looking it up by its labels costs more than counting."""
    return metrics.queries.labels(status, sqlstate_class)


@cache
def timed(executor: str) -> Histogram:
    """Return the histogram of a way's times."""
    return metrics.query_seconds.labels(executor)


def observe(session: Session, tag: int, frame: bytes) -> Observation | None:
    """Observe a message that runs something: Query, Execute of a lake portal, or Sync, with which the twin's run."""
    progress = session.progress
    if tag == QUERY:
        return Observation(session, frame[5:-1].decode("utf-8", "replace"))
    if tag == EXECUTE:
        name = frame[5 : frame.find(b"\0", 5)].decode("utf-8", "replace")
        portal = session.portals.portal(name)
        if portal is not None:
            text = portal.statement.text.decode("utf-8", "replace") if isinstance(portal, LakePortal) else progress.text
            return Observation(session, text)
        progress.queued += 1
    elif tag == PARSE:
        start = frame.find(b"\0", 5) + 1
        progress.text = frame[start : frame.find(b"\0", start)].decode("utf-8", "replace")
    elif tag == SYNC and progress.queued:
        text, progress.queued, progress.text = progress.text or "(prepared)", 0, ""
        return Observation(session, text)
    return None


def redacted(text: str) -> str:
    """Return a statement without its literals and comments: those may be anybody's data."""
    if len(text) > LONGEST_TEXT:
        return "(long)"
    return _redacted_again(text) if len(text) <= LONGEST_KEPT else _redacted(text)


def _redacted(text: str) -> str:
    shown = []
    at = 0
    try:
        for token in scan(text):
            if token.name in LITERALS or token.name in COMMENTS:
                shown.append(text[at : token.start])
                shown.append("?" if token.name in LITERALS else "")
                at = token.end + 1
    except ParseError:
        return "(not readable)"
    shown.append(text[at:])
    return " ".join("".join(shown).replace("\0", " ").split())[:SHOWN]  # Postgres has no NUL in a text


_redacted_again = lru_cache(maxsize=500)(_redacted)
