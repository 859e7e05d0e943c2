"""Analysis on the session's own backend: only that knows the session's temporary objects, which may hide the lake's.

The statement is parsed under another name, within the transaction that is open; the settings that have Postgres print
its tree are taken back in the same breath.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from pgserver.plan.analysis import RELATION, Analysed, Analyst, parse_message, read_analysis
from pgserver.plan.backends import AnalysisContext
from pgserver.plan.planner import Planner
from pgserver.plan.statement import mentions
from pgserver.session import lake
from pgserver.session.state import FLUSH, SYNC, Session
from pgserver.twin.backend import Message, TwinBackend

LOOK = b"_bemidb_look"
HINT = b"temp"  # no temporary object is made without this in a text
SET_UP = b"""SELECT current_setting('client_min_messages'), current_setting('debug_print_rewritten'),
current_setting('debug_pretty_print'),
(SELECT coalesce(string_agg(oid::text, ','), '') FROM pg_catalog.pg_class WHERE relnamespace = pg_my_temp_schema()),
set_config('client_min_messages', 'log', true), set_config('debug_print_rewritten', 'on', true),
set_config('debug_pretty_print', 'off', true)"""
NAMES = b"""SELECT coalesce(json_agg(relname)::text, '') FROM pg_catalog.pg_class
WHERE relnamespace = pg_my_temp_schema()"""
SETTINGS = ("client_min_messages", "debug_print_rewritten", "debug_pretty_print")


def note_text(session: Session, text: bytes) -> None:
    """Look whether a statement of the twin's may make temporary objects."""
    if mentions(text, HINT):
        session.may_have_temporary = True
        session.forget_settings()


async def planner_of(session: Session) -> Planner:
    """Return the planner for the session's next statement: the common one, or one that asks the session's own backend.

    Raises: BackendFailed when the transaction is aborted.
    """
    if not session.may_have_temporary:
        return session.services.planner
    async with group(session.twin):
        (names,) = lake.read_row(await run(session.twin, NAMES))
    if not names:
        return session.services.planner
    return Planner(session.services.lake, SessionAnalyst(session), hidden=frozenset(json.loads(names)))


@asynccontextmanager
async def group(twin: TwinBackend) -> AsyncIterator[None]:
    """Send messages of ours in a group of their own, or within the client's where that has begun.

    An open group would become the implicit transaction of what the client sends next.
    """
    alone = not twin.sent
    yield
    if alone:
        await twin.ask(SYNC, 0, to_ready=True)


async def run(twin: TwinBackend, sql: bytes) -> list[Message]:
    """Run a query of ours and keep all that it is answered with."""
    return await twin.ask(lake.run_frames(sql) + FLUSH, lake.RUN_ANSWERS, notices_kept=True)


class SessionAnalyst(Analyst):
    """Compiles texts where the session's temporary objects are."""

    def __init__(self, session: Session) -> None:
        """Args: the session; what does not depend on its temporary objects is asked elsewhere."""
        super().__init__(session.services.planner.backends)
        self._session = session

    async def analyse(
        self,
        text: bytes,
        parameters: Sequence[int],
        context: AnalysisContext,  # noqa: ARG002
    ) -> Analysed | None:
        """Compile a text; see `Analyst.analyse`.

        Raises: BackendFailed with Postgres' error when it refuses the text.
        """
        twin = self._session.twin
        frames = parse_message(text, parameters, LOOK) + lake.named(b"D", b"S" + LOOK) + lake.named(b"C", b"S" + LOOK)
        async with group(twin):
            *before, temporary = lake.read_row(await run(twin, SET_UP))[: len(SETTINGS) + 1]
            messages = await twin.ask(frames + FLUSH, 3, notices_kept=True)
            values = zip(SETTINGS, before, strict=True)
            back = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in values)
            await run(twin, f"SELECT {back}".encode())
        analysed = read_analysis(messages)
        return None if analysed is None else replace(analysed, mixed=self._is_mixed(analysed, temporary))

    def _is_mixed(self, analysed: Analysed, temporary: str) -> bool:
        read = {int(relid) for relid in RELATION.findall(analysed.tree)}
        mine = {int(relid) for relid in temporary.split(",") if relid}
        return bool(read & mine and read & self._session.services.lake.schema.tables.keys())
