"""The types of columns, looked up in the twin itself: what it does not know is text."""

from collections.abc import Iterable

import psycopg
import structlog
from psycopg.rows import TupleRow

log = structlog.get_logger()

Connection = psycopg.AsyncConnection[TupleRow]

# Only built-in types and those that we made of the lake's; nothing else that may be there, such as a table's row type.
RESOLVE = """
SELECT w.name, format_type(t.oid, w.typmod), n.nspname = 'pg_catalog'
FROM (SELECT name, to_regtype(name)::oid AS oid, to_regtypemod(name) AS typmod FROM unnest(%s::text[]) name) w
JOIN pg_type t ON t.oid = w.oid
JOIN pg_type b ON b.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
JOIN pg_namespace n ON n.oid = b.typnamespace
WHERE b.typtype <> 'p'
  AND (n.nspname IN ('pg_catalog', 'information_schema')
       OR EXISTS (SELECT FROM pg_seclabel l WHERE l.objoid = b.oid AND l.provider = 'bemidb type'))
"""


class TypeNames:
    """From a type's name at the source to what DDL may say, as Postgres itself prints it."""

    def __init__(self) -> None:
        """Built-in types are remembered, others may come and go."""
        self._built_in: dict[str, str] = {}
        self._reported: set[str] = set()

    async def resolve(self, connection: Connection, wanted: Iterable[str]) -> dict[str, str]:
        """Return the names that the twin knows, in a transaction of the caller's."""
        found: dict[str, str] = {}
        asked: list[str] = []
        for name in set(wanted):
            if name in self._built_in:
                found[name] = self._built_in[name]
            else:
                asked.append(name)
        if asked:
            rows = await self._ask(connection, asked)
            found |= {name: printed for name, printed, _ in rows}
            self._built_in |= {name: printed for name, printed, built_in in rows if built_in}
        return found

    async def _ask(self, connection: Connection, asked: list[str]) -> list[tuple[str, str, bool]]:
        """Ask for all at once; a name with wrong syntax fails them all, then each is asked for alone."""
        try:
            async with connection.transaction():
                rows = await (await connection.execute(RESOLVE, [asked])).fetchall()
        except (psycopg.DataError, psycopg.ProgrammingError):
            if len(asked) == 1:
                return []
            return [row for name in asked for row in await self._ask(connection, [name])]
        return [(str(name), str(printed), bool(built_in)) for name, printed, built_in in rows]

    def report_unknown(self, wanted: Iterable[str], found: Iterable[str]) -> None:
        """Say once for each type that its columns are text."""
        for name in sorted({*wanted} - {*found} - self._reported):
            self._reported.add(name)
            log.warning("type_unknown_to_twin", type=name, shown_as="text")
