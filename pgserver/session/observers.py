"""What the twin is told when a client looks: who runs what, for `pg_stat_activity`; views that nobody else sees."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from pgserver.plan.planner import Parameter
from pgserver.plan.statement import mentions
from pgserver.session import probes
from pgserver.session.state import FAILED, FLUSH, IDLE, SYNC, Session

ACTIVITY = b"pg_stat_activity"
ON_DEMAND = {
    "pg_stat_statements": re.compile(rb"pg_stat_statements", re.IGNORECASE),
    "pg_event_trigger": re.compile(rb"pg_event_trigger", re.IGNORECASE),
    "bemidb": re.compile(rb"sync_runs|\bbemidb\"?\s*\.\s*\"?tables\b|\bschema\s+bemidb\b", re.IGNORECASE),
}
ON_DEMAND_WORDS = (
    b"pg_stat_statements",
    b"pg_event_trigger",
    b"sync_runs",
    b"bemidb",
)  # one of them stands in what a pattern finds
TELL = b"SELECT pg_catalog.set_config('bemidb.activity', $1, $2)"
TYPES = (25, 16)  # text, boolean
SHOWN_BYTES = 1023  # track_activity_query_size, less the end
STATES = {IDLE: "idle", ord("T"): "idle in transaction", FAILED: "idle in transaction (aborted)"}


async def show_named(session: Session, text: bytes) -> None:
    """Have there be what a statement names of `install.ON_DEMAND`: lists of all relations are as at the source."""
    if not mentions(text, *ON_DEMAND_WORDS):
        return
    for name, pattern in ON_DEMAND.items():
        if pattern.search(text):
            await session.services.twin.show(name)


async def tell(session: Session, *, in_group: bool) -> None:
    """Tell the session's backend who runs what, as far as its user may know.

    Args: the session; whether the client's Sync will end the transaction, with which it is forgotten. No Query ends a
    transaction that was begun so: outside of a block, what is told before a Query is forgotten by `forget`.
    Raises: BackendFailed.
    """
    if session.twin.status == FAILED and not session.executed:
        return  # its query fails anyway
    seen = [other for other in session.services.activity.sessions() if isinstance(other, Session)]
    text = json.dumps(list(shown(seen, {session.user, session.services.twin.owner})))
    await set_activity(session, text, local=in_group or session.twin.status != IDLE)


async def forget(session: Session) -> None:
    """Take back what was told before a Query.

    Raises: BackendFailed.
    """
    if session.twin.status == IDLE:
        await set_activity(session, "", local=False)


async def set_activity(session: Session, text: str, *, local: bool) -> None:
    """Set the setting: until the end of the transaction, or in one of its own."""
    values = (Parameter(0, text.encode()), Parameter(0, b"true" if local else b"false"))
    asked = probes.question(TELL, TYPES, values)
    await session.twin.ask(asked.frames + (FLUSH if local else SYNC), asked.answers, to_ready=not local)


def shown(sessions: Iterable[Session], users: set[str]) -> Iterable[dict[str, object]]:
    """Describe the sessions of these users, as far as the twin does not know."""
    for session in sessions:
        progress = session.progress
        if session.user not in users or not progress.statement:
            continue
        in_lake = not session.resting and session.runs_in_lake
        yield {
            "pid": session.process_id,
            "client_addr": session.client.peer or None,
            "client_port": session.client.peer_port or None,
            "state": STATES.get(session.twin.status) if session.resting else "active",
            "state_change": moment(progress.ended if session.resting else progress.began),
            "query": progress.statement.encode()[:SHOWN_BYTES].decode("utf-8", "ignore").replace("\0", ""),
            "query_start": moment(progress.began),
            "in_lake": in_lake,
        }


def moment(seconds: float) -> str:
    """Return a time of the system's clock as Postgres reads it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
