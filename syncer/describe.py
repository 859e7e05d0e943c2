"""What a source table is: columns and how they are stored, keys, comments, the types of the source's users.

Everything is read in the run's snapshot, with `search_path = pg_catalog`, so that `format_type` qualifies all types
that are not built in.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg.rows import dict_row

from catalog.columns import Column, Key, Origin, TableView
from catalog.types import TEXT_BACKED
from syncer.kinds import FIRST_USER_OID, SourceTypes
from syncer.patterns import Name
from syncer.relations import WITHOUT_ROWS, Hierarchy, Relation
from syncer.source import Source
from syncer.views import NOT_A_VIEW, ViewDefinition

log = structlog.get_logger()

QUERY_COLUMNS: LiteralString = """
SELECT a.attrelid::int8 AS relation, a.attnum, a.attname AS name, a.atttypid::int8 AS type_oid, a.atttypmod AS typmod,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null, a.attgenerated::text AS generated,
       a.attidentity::text AS identity, a.attislocal AS is_local, col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a
WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# Temporal keys (WITHOUT OVERLAPS, PERIOD; since 18) are left out: they are no equality of columns. So is what stands
# for the partitions of a table that a foreign key refers to.
QUERY_KEYS: LiteralString = """
SELECT k.conrelid::int8 AS relation, k.conname AS name, k.contype::text AS kind, coalesce(k.conkey, '{}') AS columns,
       rn.nspname AS other_namespace, r.relname AS other_name,
       (SELECT array_agg(a.attname::text ORDER BY u.position) FROM unnest(k.confkey) WITH ORDINALITY u(attnum, position)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS other_columns,
       obj_description(k.oid, 'pg_constraint') AS comment,
       CASE WHEN k.condeferred THEN 'deferred' WHEN k.condeferrable THEN 'deferrable' ELSE '' END AS deferrable,
       k.confupdtype::text AS on_update, k.confdeltype::text AS on_delete, k.confmatchtype::text AS match,
       to_jsonb(k) -> 'confdelsetcols' AS delete_columns,
       (SELECT array_agg(u.attnum ORDER BY u.position) FROM unnest(i.indkey) WITH ORDINALITY u(attnum, position)
        WHERE u.position > i.indnkeyatts) AS include,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_not_distinct,
       CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) END AS definition,
       k.convalidated AS valid, coalesce((to_jsonb(k) ->> 'conenforced')::bool, true) AS enforced,
       k.coninhcount > 0 AS inherited
FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
WHERE k.conrelid = ANY(%s::oid[]) AND k.contype IN ('p', 'u', 'f', 'c')
  AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::bool, false)
  AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.oid = k.conparentid AND o.conrelid = k.conrelid)
ORDER BY k.conrelid, array_position(ARRAY['p', 'u', 'f', 'c'], k.contype::text), k.conname
"""

QUERY_COMMENTS: LiteralString = """
SELECT c.oid::int8 AS relation, obj_description(c.oid, 'pg_class') AS comment,
       obj_description(c.relnamespace, 'pg_namespace') AS namespace_comment
FROM pg_class c WHERE c.oid = ANY(%s::oid[])
"""

# PostgreSQL 18 has NOT NULL constraints with names; those that nobody has checked yet set attnotnull as well.
QUERY_NOT_NULLS: LiteralString = """
SELECT k.conrelid::int8 AS relation, k.conkey[1] AS attnum, k.conname AS name, k.convalidated AS valid,
       k.conislocal AS is_local
FROM pg_constraint k WHERE k.conrelid = ANY(%s::oid[]) AND k.contype = 'n'
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A column that only grows, and the highest value that the snapshot has ("" where there is none)."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table to copy. The view's field ids, schema id and counts are not known yet: see `staging.py`."""

    relation: Relation
    destination: Name
    family: Name  # where the head of its family is in the lake: tables of a family have each other's rows
    view: TableView
    cursor: Cursor | None = None

    @property
    def label(self) -> str:
        """What the user reads: the table's name at the source."""
        return f"{self.relation.namespace}.{self.relation.name}"

    def with_column(self, column: Column) -> "SourceTable":
        """Return the table with one column stored in another way."""
        columns = tuple(column if old.attnum == column.attnum else old for old in self.view.columns)
        return replace(self, view=replace(self.view, columns=columns))

    def text_backed(self, name: str, reason: str) -> "SourceTable":
        """Return the table with one column stored as Postgres' own text, and say so."""
        column = next(column for column in self.view.columns if column.name == name)
        log.info("column_text_backed", table=self.label, column=name, type=column.type, reason=reason)
        return self.with_column(replace(column, storage=TEXT_BACKED, array=False, precision=None, scale=None))


def describe(
    source: Source,
    relations: Sequence[Relation],
    hierarchy: Hierarchy,
    views: Mapping[int, ViewDefinition],
    place: Callable[[Name], Name],
) -> list[SourceTable]:
    """Describe relations, with few queries for all of them.

    Args: the source; what to describe; the hierarchy of these; the definitions of views; where a source table goes in
    the lake.
    """
    connection = source.connection
    oids = [relation.oid for relation in relations]
    types = SourceTypes.read(connection)
    columns = _by_relation(_rows(connection, QUERY_COLUMNS, oids))
    keys = _by_relation(_rows(connection, QUERY_KEYS, oids))
    comments = {row["relation"]: row for row in _rows(connection, QUERY_COMMENTS, oids)}
    not_nulls = {(row["relation"], row["attnum"]): row for row in _rows(connection, QUERY_NOT_NULLS, oids)}
    heads = hierarchy.heads()
    tables = []
    for relation in relations:
        rows = columns[relation.oid]
        defined = views.get(relation.oid, NOT_A_VIEW)
        view = TableView(
            columns=tuple(
                _column(position, row, types, not_nulls.get((relation.oid, row["attnum"]), {}))
                for position, row in enumerate(rows, start=1)
            ),
            keys=tuple(_key(row, {row["attnum"]: row["name"] for row in rows}, place) for row in keys[relation.oid]),
            types=types.user_types((*(row["type_oid"] for row in rows), *defined.types)),
            comment=comments[relation.oid]["comment"],
            namespace_comment=comments[relation.oid]["namespace_comment"],
            schema_id=-1,
            row_count=0,
            byte_count=0,
            origin=_origin(source, relation),
            kind=relation.kind if relation.kind in WITHOUT_ROWS else "r",
            parents=defined.reads or tuple(map(place, hierarchy.parents(relation))),
            children=tuple(map(place, hierarchy.children(relation))),
            bound=relation.bound,
            partition_key=relation.partition_key,
            definition=defined.definition,
            options=defined.options,
        )
        family = place(heads[relation.oid].full_name)
        tables.append(SourceTable(relation, place(relation.full_name), family, view))
    return tables


def log_text_backed(table: SourceTable) -> None:
    """Say once which columns DuckDB will not compute with."""
    for column in table.view.columns:
        if column.storage == TEXT_BACKED:
            log.info("column_text_backed", table=table.label, column=column.name, type=column.type, reason="type")


def _column(position: int, row: Mapping[str, Any], types: SourceTypes, not_null: Mapping[str, Any]) -> Column:
    kind = types.kind(row["type_oid"], row["typmod"])
    return Column(
        name=row["name"],
        attnum=position,
        field_id=0,
        type=row["type"],
        type_oid=row["type_oid"] if row["type_oid"] < FIRST_USER_OID else 0,
        typmod=row["typmod"],
        storage=kind.storage,
        array=kind.array,
        precision=kind.precision,
        scale=kind.scale,
        not_null=row["not_null"] and not_null.get("valid", True),
        not_null_name=not_null.get("name"),
        generated=row["generated"],
        identity=row["identity"],
        comment=row["comment"],
        is_local=row["is_local"],
        not_null_is_local=not_null.get("is_local", row["is_local"]),
    )


def _key(row: Mapping[str, Any], names: Mapping[int, str], place: Callable[[Name], Name]) -> Key:
    is_foreign = row["kind"] == "f"
    return Key(
        name=row["name"],
        kind=row["kind"],
        columns=tuple(names[attnum] for attnum in row["columns"] if attnum in names),
        references=place((row["other_namespace"], row["other_name"])) if is_foreign else None,
        referenced_columns=tuple(row["other_columns"] or ()),
        comment=row["comment"],
        deferrable=row["deferrable"],
        on_update=row["on_update"] if is_foreign else "a",
        on_delete=row["on_delete"] if is_foreign else "a",
        delete_columns=tuple(names[attnum] for attnum in row["delete_columns"] or ()),
        match=row["match"] if is_foreign else "s",
        include=tuple(names[attnum] for attnum in row["include"] or ()),
        nulls_not_distinct=row["nulls_not_distinct"],
        definition=row["definition"],
        valid=row["valid"],
        enforced=row["enforced"],
        inherited=row["inherited"],
    )


def _origin(source: Source, relation: Relation) -> Origin:
    return Origin(
        system_identifier=source.system_identifier,
        database=source.database,
        namespace=relation.namespace,
        table=relation.name,
        lsn=source.lsn,
        synced_at=source.synced_at,
        filenode=relation.filenode,
        counters=source.counters.get(relation.oid),
    )


def _rows(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters or None).fetchall()


def _by_relation(rows: Iterable[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[row["relation"]].append(row)
    return grouped
