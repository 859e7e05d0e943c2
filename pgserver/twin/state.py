"""What is written down in the twin about the lake's tables and types, and how Postgres' own catalog is told of them.

It stands in `pg_seclabel`, a label an object: a table of ours would be seen by every client that lists all schemas.
With no class of object beside it a label is in no view and in no dump; this module and `sql/` ask for it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from psycopg import errors

from catalog.columns import TableView
from pgserver.twin import ddl
from pgserver.twin.ddl import Wanted
from pgserver.twin.names import Name, quote
from pgserver.twin.types import Connection

NOT_NOW = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)

log = structlog.get_logger()

TABLE, TYPE, RUNS = "bemidb table", "bemidb type", "bemidb runs"  # providers

LABELLED = "pg_seclabel l, json_to_record(l.label::json) AS x(namespace text, name text, fingerprint text"
PRESENT = f"""
SELECT l.objoid, x.namespace, x.name, x.fingerprint, x.comments, x.noted, c.relkind::text
FROM {LABELLED}, comments text, noted text), pg_class c
WHERE l.provider = '{TABLE}' AND c.oid = l.objoid
"""  # noqa: S608
PRESENT_TYPES = f"""
SELECT l.objoid, x.namespace, x.name, x.fingerprint, t.typtype::text FROM {LABELLED}), pg_type t
WHERE l.provider = '{TYPE}' AND t.oid = l.objoid
"""  # noqa: S608
# Types made of these types, and tables with a column of any of them (or of arrays of them).
DEPENDENTS = """
WITH RECURSIVE used(typid) AS (
  SELECT unnest(%s::oid[])
  UNION
  SELECT t.oid FROM used u JOIN pg_type t ON t.typelem = u.typid OR t.typbasetype = u.typid
    OR t.typrelid IN (SELECT a.attrelid FROM pg_attribute a WHERE a.atttypid = u.typid AND a.attnum > 0)
)
SELECT typid FROM used
UNION
SELECT a.attrelid FROM pg_attribute a JOIN used ON a.atttypid = used.typid
"""
NOTE_TYPE = f"""
INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label)
SELECT t.oid, 0, 0, '{TYPE}', json_build_object('namespace', n.nspname, 'name', t.typname, 'fingerprint', %s::text)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = %s AND t.typname = %s
"""  # noqa: S608
# The twin's own statistics say what the lake holds; all tables here are empty, so nothing else would set them.
NOTE_TABLES = f"""
WITH wanted AS (
  SELECT c.oid, w.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::json[], %s::int4[])
    w(namespace, name, fingerprint, comments, noted, told, blocks)
  JOIN pg_namespace n ON n.nspname = w.namespace JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
), noted AS (
  INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label)
  SELECT oid, 0, 0, '{TABLE}', json_build_object('namespace', namespace, 'name', name, 'fingerprint', fingerprint,
    'comments', comments, 'noted', noted)::jsonb || told::jsonb
  FROM wanted
)
UPDATE pg_class c SET reltuples = (w.told ->> 'row_count')::float4, relpages = w.blocks
FROM wanted w WHERE c.oid = w.oid AND c.relkind = 'r'
"""  # noqa: S608
FORGET_RUNS = f"DELETE FROM pg_seclabel WHERE objoid = 0 AND classoid = 0 AND provider = '{RUNS}'"  # noqa: S608
NOTE_RUNS = f"""INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label)
VALUES (0, 0, 0, '{RUNS}', %s)"""  # noqa: S608
FORGET = f"DELETE FROM pg_seclabel WHERE classoid = 0 AND provider IN ('{TABLE}', '{TYPE}') AND objoid = ANY(%s)"  # noqa: S608
LATE_KEYS = f"""
SELECT x.namespace, x.name, k.conname FROM {LABELLED}), pg_constraint k
WHERE l.provider = '{TABLE}' AND k.conrelid = l.objoid AND k.contype IN ('f', 'c') AND k.conparentid = 0
"""  # noqa: S608
# A partition is made with its keys and then put below its table; as a part of one they are such that children inherit.
INHERIT_KEYS = f"""
UPDATE pg_constraint SET connoinherit = false WHERE contype IN ('p', 'u') AND conparentid <> 0 AND connoinherit
AND conrelid IN (SELECT objoid FROM pg_seclabel WHERE provider = '{TABLE}')
"""  # noqa: S608
# INHERIT keeps the columns of the child as its own, and their constraints.
INHERIT_COLUMNS = """
WITH inherited AS (
  SELECT a.attrelid, a.attnum, i.is_local, i.not_null_is_local
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::bool[], %s::bool[])
    AS i(namespace, name, "column", is_local, not_null_is_local)
  JOIN pg_namespace n ON n.nspname = i.namespace JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = i.name
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = i."column" AND a.attinhcount > 0
), of_constraints AS (
  UPDATE pg_constraint k SET conislocal = i.not_null_is_local FROM inherited i
  WHERE k.conrelid = i.attrelid AND k.conkey = ARRAY[i.attnum] AND k.contype = 'n' AND k.coninhcount > 0
    AND k.conislocal <> i.not_null_is_local
)
UPDATE pg_attribute a SET attislocal = i.is_local FROM inherited i
WHERE (a.attrelid, a.attnum) = (i.attrelid, i.attnum) AND a.attislocal <> i.is_local
"""
NAMESPACES = "SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace"
EMPTY_NAMESPACES = """
SELECT nspname FROM pg_namespace n
WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') AND nspname <> ALL(%s::text[])
  AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid)
  AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = n.oid)
"""


@dataclass(frozen=True, slots=True)
class Present:
    """A lake table that stands in the twin."""

    oid: int
    name: Name
    structure: str  # fingerprints
    comments: str
    noted: str  # a fingerprint, too: of counts and of the last sync
    kind: str  # pg_class.relkind: r, p, v

    def is_of(self, wanted: Wanted) -> bool:
        """Tell whether it was made from a view with the same structure."""
        return self.structure == wanted.structure


@dataclass(frozen=True, slots=True)
class PresentType:
    """A type of the lake's that stands in the twin."""

    oid: int
    name: Name
    fingerprint: str
    kind: str  # pg_type.typtype


async def read_tables(connection: Connection) -> dict[Name, Present]:
    """Return the lake's tables that stand."""
    rows = await (await connection.execute(PRESENT)).fetchall()
    return {
        (namespace, name): Present(oid, (namespace, name), structure, comments, noted, kind)
        for oid, namespace, name, structure, comments, noted, kind in rows
    }


async def read_types(connection: Connection) -> dict[Name, PresentType]:
    """Return the lake's types that stand."""
    rows = await (await connection.execute(PRESENT_TYPES)).fetchall()
    return {
        (namespace, name): PresentType(oid, (namespace, name), fingerprint, kind)
        for oid, namespace, name, fingerprint, kind in rows
    }


async def read_dependents(connection: Connection, types: Iterable[int]) -> set[int]:
    """Return the OIDs of types, of all types made of them, and of all tables that have one of these."""
    rows = await (await connection.execute(DEPENDENTS, [list(types)])).fetchall()
    return {int(str(row[0])) for row in rows}


async def execute(connection: Connection, statements: Iterable[str]) -> None:
    """Run statements in one round trip."""
    text = ";\n".join(statements)
    if text:
        await connection.execute(text.encode())


async def execute_as(connection: Connection, role: str, statements: Iterable[str]) -> None:
    """Run statements in one round trip as another role, in a transaction of the caller's: it owns what they make."""
    listed = list(statements)
    if listed:
        await execute(connection, [f"SET LOCAL ROLE {quote(role)}", *listed, "RESET ROLE"])


async def note_tables(connection: Connection, tables: Sequence[Wanted]) -> None:
    """Write down which view new tables were made of, and the counts."""
    if tables:
        columns: list[list[object]] = [
            [item.name[0] for item in tables],
            [item.name[1] for item in tables],
            [item.structure for item in tables],
            [item.comments for item in tables],
            [noted(item.view) for item in tables],
            [told(item.view) for item in tables],
            [ddl.blocks(item.view.byte_count) for item in tables],
        ]
        await connection.execute(NOTE_TABLES, columns)


def told(view: TableView) -> str:
    """Return what clients may know of a table's last sync, as JSON."""
    origin = view.origin
    return json.dumps(
        {
            "kind": view.kind,
            "row_count": view.row_count,
            "byte_count": view.byte_count,
            "file_count": view.file_count,
            "snapshot_id": view.snapshot_id,
            "source_database": origin.database,
            "source_lsn": origin.lsn,
            "synced_at": origin.synced_at,
            "gone_since": origin.gone_since,
        }
    )


def noted(view: TableView) -> str:
    """Return what tells that this has changed."""
    return hashlib.blake2b(told(view).encode(), digest_size=16).hexdigest()


async def note_runs(connection: Connection, runs: str) -> None:
    """Write down the runs of the syncer, a list in JSON."""
    async with connection.transaction():
        await connection.execute(FORGET_RUNS)
        await connection.execute(NOTE_RUNS, [runs])


async def forget(connection: Connection, objects: Iterable[int]) -> None:
    """Strike out what is written down of tables and types."""
    await connection.execute(FORGET, [list(objects)])


async def update(connection: Connection, known: Mapping[Name, Present], wanted: Mapping[Name, Wanted]) -> None:
    """Bring comments and counts up to date where the table itself is; nothing here waits for a reader."""
    stands = [item for name, item in wanted.items() if name in known and known[name].is_of(item)]
    commented = [item for item in stands if known[item.name].comments != item.comments]
    changed = [item for item in stands if item in commented or known[item.name].noted != noted(item.view)]
    if not changed:
        return
    for with_keys in (True, False):
        try:
            async with connection.transaction():
                parts = [part for item in commented for part in ddl.comments(item, with_keys=with_keys)]
                await execute(connection, parts)
                await forget(connection, [known[item.name].oid for item in changed])
                await note_tables(connection, changed)
        except errors.UndefinedObject:  # a table that had to be made without its keys
            if not with_keys:
                raise
        else:
            return


async def inherit_columns(connection: Connection, tables: Iterable[Wanted]) -> None:
    """Note which columns, and which NOT NULLs, tables have only from their parents."""
    columns = [(item, column) for item in tables if item.parents for column in item.view.columns]
    parameters = [
        [item.name[0] for item, _ in columns],
        [item.name[1] for item, _ in columns],
        [column.name for _, column in columns],
        [column.is_local for _, column in columns],
        [column.not_null_is_local for _, column in columns],
    ]
    await connection.execute(INHERIT_COLUMNS, parameters)


async def comment_namespaces(connection: Connection, comments: Mapping[str, str | None]) -> None:
    """Bring the comments of schemas up to date."""
    rows = await (await connection.execute(NAMESPACES)).fetchall()
    changed = {str(name) for name, comment in rows if name in comments and comments[name] != comment}
    await execute(connection, [ddl.comment_on_namespace(name, comments[name]) for name in sorted(changed)])


async def read_late_keys(connection: Connection) -> set[tuple[Name, str]]:
    """Return the foreign keys and checks that stand: table and name."""
    rows = await (await connection.execute(LATE_KEYS)).fetchall()
    return {((str(namespace), str(table)), str(key)) for namespace, table, key in rows}


async def drop_empty_namespaces(connection: Connection, wanted: Iterable[str]) -> None:
    """Drop the schemas that nothing is in and that are not wanted."""
    for (namespace,) in await (await connection.execute(EMPTY_NAMESPACES, [sorted(wanted)])).fetchall():
        try:
            await connection.execute(f"DROP SCHEMA {quote(str(namespace))}".encode())
        except NOT_NOW:
            log.info("empty_schema_in_use", namespace=namespace)


def raise_if_lost(connection: Connection, error: psycopg.Error) -> None:
    """Raise the error again when the twin is gone: trying piece by piece would be of no use."""
    if connection.closed or connection.broken:
        raise error
