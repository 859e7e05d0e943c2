"""What the lake's tables and types are in the twin: fingerprints that tell a change, and DDL. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from catalog.columns import Column, Key, TableView, UserType
from pgserver.twin import names
from pgserver.twin.hierarchy import in_order
from pgserver.twin.names import INDEXED, Name, literal, quote

FORMAT = 4  # part of every fingerprint: raise it when the DDL below changes its meaning

ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
DEFERRABLE = {"": "", "deferrable": " DEFERRABLE", "deferred": " DEFERRABLE INITIALLY DEFERRED"}
BLOCK_BYTES = 8192
# Readers in parallel divide larger tables by ranges of ctid (DuckDB's do, from 1,000 on), of which one has all the rows
# (emit/nodes/places.py): the others would come for nothing.
MAX_BLOCKS = 999


@dataclass(frozen=True, slots=True)
class Wanted:
    """A table as the twin shall have it."""

    name: Name
    view: TableView
    key_names: Mapping[str, str]
    structure: str  # fingerprints
    comments: str
    parents: tuple[Name, ...] = ()  # what it inherits from, is a partition of or, as a view, reads
    depth: int = 0  # those that it is made of have a smaller one


@dataclass(frozen=True, slots=True)
class WantedType:
    """A type as the twin shall have it."""

    item: UserType
    fingerprint: str

    @property
    def name(self) -> Name:
        """Namespace and name."""
        return self.item.namespace, self.item.name


def wanted_types(tables: Mapping[Name, TableView]) -> dict[Name, WantedType]:
    """Collect the types of all tables: where their definitions differ, the one synced last is the truest."""
    latest: dict[Name, tuple[str, UserType]] = {}
    for view in tables.values():
        for item in view.types:
            before = latest.get((item.namespace, item.name))
            if before is None or view.origin.synced_at > before[0]:
                latest[item.namespace, item.name] = view.origin.synced_at, item
    return {name: WantedType(item, _fingerprint(item)) for name, (_, item) in latest.items()}


def wanted_tables(tables: Mapping[Name, TableView], types: Mapping[Name, WantedType]) -> dict[Name, Wanted]:
    """Work out fingerprints and key names of all tables; views that read what is not there are left out."""
    keys = names.key_names(tables, {name: wanted.item for name, wanted in types.items()})
    found: dict[Name, Wanted] = {}
    for name, parents in in_order(tables):
        found[name] = _wanted(name, tables[name], keys[name], types, tuple(found[parent] for parent in parents))
    return found


def _wanted(
    name: Name,
    view: TableView,
    key_names: Mapping[str, str],
    types: Mapping[Name, WantedType],
    parents: tuple[Wanted, ...],
) -> Wanted:
    used = sorted({(item.namespace, item.name) for item in view.types})
    structure = _fingerprint(
        [
            (column.name, column.type, column.not_null and (column.not_null_name or True), *_inherited(column))
            for column in view.columns
        ],
        [_key_structure(key, key_names) for key in view.keys],
        [types[item].fingerprint if item in types else None for item in used],
        (view.kind, view.partition_key, view.definition, view.options),
        [(parent.name, parent.structure, view.bound) for parent in parents],
    )
    comments = _fingerprint(
        view.comment,
        [(column.name, column.comment) for column in view.columns if column.comment],
        [(key.name, key.comment) for key in view.keys if key.comment and key.kind in INDEXED],
    )
    depth = max((parent.depth + 1 for parent in parents), default=0)
    return Wanted(name, view, key_names, structure, comments, tuple(parent.name for parent in parents), depth)


def _key_structure(key: Key, key_names: Mapping[str, str]) -> tuple[object, ...]:
    return (replace(key, name=key_names[key.name], comment=None) if key.kind in INDEXED else key,)


def _fingerprint(*parts: object) -> str:
    return hashlib.blake2b(repr((FORMAT, parts)).encode(), digest_size=16).hexdigest()


def part_types(item: UserType) -> list[str]:
    """Return the types that a domain or a composite type is made of."""
    return [item.base or "text"] if item.kind == "d" else [type_name for _, type_name in item.fields]


def create_type(item: UserType, resolved: Mapping[str, str], *, bare: bool = False) -> str:
    """Write CREATE TYPE or CREATE DOMAIN; types that `resolved` lacks are text. A bare domain has no expressions."""
    name = quote(item.namespace, item.name)
    if item.kind == "e":
        statement = f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, item.labels))})"
    elif item.kind == "d":
        statement = f"CREATE DOMAIN {name} AS {resolved.get(item.base or 'text', 'text')}"
        statement += " NOT NULL" if item.not_null else ""
        if not bare:
            statement += f" DEFAULT {item.default}" if item.default is not None else ""
            statement += "".join(f" CONSTRAINT {quote(check)} {definition}" for check, definition in item.checks)
    else:
        fields = ", ".join(f"{quote(field)} {resolved.get(type_name, 'text')}" for field, type_name in item.fields)
        statement = f"CREATE TYPE {name} AS ({fields})"
    if item.comment is not None:
        statement += f"; COMMENT ON {'DOMAIN' if item.kind == 'd' else 'TYPE'} {name} IS {literal(item.comment)}"
    return statement


def drop_type(name: Name, kind: str) -> str:
    """Write DROP TYPE or DROP DOMAIN; what still depends on it goes too."""
    return f"DROP {'DOMAIN' if kind == 'd' else 'TYPE'} IF EXISTS {quote(*name)} CASCADE"


def create_namespaces(wanted: Iterable[str]) -> Iterator[str]:
    """Write what makes schemas."""
    for namespace in sorted({*wanted} - {"public"}):
        yield f"CREATE SCHEMA IF NOT EXISTS {quote(namespace)}"


def create_table(
    wanted: Wanted, resolved: Mapping[str, str], *, with_keys: bool, with_parents: bool = True
) -> Iterator[str]:
    """Write a table or view with its keys (foreign ones come later) and comments, below its parents.

    Without parents a partitioned table is an ordinary one: what its rows are does not depend on the twin.
    """
    view = wanted.view
    name = quote(*wanted.name)
    if view.kind == "v":
        options = f" WITH ({', '.join(view.options)})" if view.options else ""
        yield f"CREATE VIEW {name}{options} AS {view.definition}"
    else:
        partition_by = f" PARTITION BY {view.partition_key}" if view.partition_key and with_parents else ""
        parts = _table_parts(wanted, resolved, with_keys=with_keys)
        yield f"CREATE TABLE {name} ({', '.join(parts)}){partition_by}"
        if with_parents:
            # Not PARTITION OF or INHERITS: columns keep their own order, and keys their own names.
            for parent in wanted.parents:
                bound = view.bound
                attach = f"ALTER TABLE {quote(*parent)} ATTACH PARTITION {name} {bound}"
                yield attach if bound else f"ALTER TABLE {name} INHERIT {quote(*parent)}"
    yield from comments(wanted, with_keys=with_keys, with_empty=False)


def _table_parts(wanted: Wanted, resolved: Mapping[str, str], *, with_keys: bool) -> list[str]:
    """Write columns and keys; a check that a parent has must be there before the table is put below it."""
    parts = [
        f"{quote(column.name)} {resolved.get(column.type, 'text')}{_not_null(column)}" for column in wanted.view.columns
    ]
    for key in wanted.view.keys if with_keys else ():
        if key.kind in INDEXED:
            parts.append(f"CONSTRAINT {quote(wanted.key_names[key.name])} {_indexed_key(key)}")
        elif key.kind == "c" and key.inherited and wanted.parents:
            parts.append(f"CONSTRAINT {quote(key.name)} {key.definition}")
    return parts


def comments(wanted: Wanted, *, with_keys: bool = True, with_empty: bool = True) -> Iterator[str]:
    """Write the comments of a table, of its columns and keys; `with_empty` also those that take one away."""
    table = quote(*wanted.name)
    targets = [(f"{'VIEW' if wanted.view.kind == 'v' else 'TABLE'} {table}", wanted.view.comment)]
    targets += [(f"COLUMN {table}.{quote(column.name)}", column.comment) for column in wanted.view.columns]
    if with_keys:
        targets += [
            (f"CONSTRAINT {quote(wanted.key_names[key.name])} ON {table}", key.comment)
            for key in wanted.view.keys
            if key.kind in INDEXED
        ]
    for target, comment in targets:
        if with_empty or comment is not None:
            yield f"COMMENT ON {target} IS {literal(comment)}"


def drop_relations(tables: Iterable[Name], views: Iterable[Name]) -> Iterator[str]:
    """Write one DROP for all tables and one for views; foreign keys and users' temp views on them go too."""
    for kind, relations in (("VIEW", views), ("TABLE", tables)):
        listed = ", ".join(quote(*name) for name in sorted(relations))
        if listed:
            yield f"DROP {kind} IF EXISTS {listed} CASCADE"


def _inherited(column: Column) -> tuple[bool, ...]:
    """Return what of a column is only there because a parent has it; nothing for most."""
    return () if column.is_local and column.not_null_is_local else (column.is_local, column.not_null_is_local)


def _not_null(column: Column) -> str:
    if not column.not_null:
        return ""
    return f" CONSTRAINT {quote(column.not_null_name)} NOT NULL" if column.not_null_name else " NOT NULL"


def _indexed_key(key: Key) -> str:
    word = "PRIMARY KEY" if key.kind == "p" else "UNIQUE"
    nulls = " NULLS NOT DISTINCT" if key.nulls_not_distinct and key.kind == "u" else ""
    include = f" INCLUDE ({', '.join(map(quote, key.include))})" if key.include else ""
    return f"{word}{nulls} ({', '.join(map(quote, key.columns))}){include}{DEFERRABLE[key.deferrable]}"


def late_keys(tables: Mapping[Name, Wanted]) -> Iterator[tuple[Name, Key]]:
    """List what is added when all tables stand: checks, and foreign keys to a primary or unique key that is there."""
    views = {name: wanted.view for name, wanted in tables.items()}
    for name, wanted in tables.items():
        for key in wanted.view.keys:
            if key.kind in INDEXED or (key.inherited and wanted.parents):
                continue
            if key.kind == "c" or _has_target(key, views):
                yield name, key


def _has_target(key: Key, tables: Mapping[Name, TableView]) -> bool:
    target = tables.get(key.references) if key.references else None
    return target is not None and any(
        other.kind in INDEXED
        and (set(other.columns) == set(key.referenced_columns) or (other.kind == "p" and not key.referenced_columns))
        for other in target.keys
    )


def add_key(table: Name, key: Key) -> str:
    """Write ALTER TABLE ... ADD CONSTRAINT of a foreign key or a check, and its comment."""
    definition = _foreign_key(key) if key.kind == "f" else key.definition
    statement = f"ALTER TABLE {quote(*table)} ADD CONSTRAINT {quote(key.name)} {definition}"
    if key.comment is not None:
        statement += f"; COMMENT ON CONSTRAINT {quote(key.name)} ON {quote(*table)} IS {literal(key.comment)}"
    return statement


def _foreign_key(key: Key) -> str:
    assert key.references is not None
    columns = ", ".join(map(quote, key.columns))
    referenced = f" ({', '.join(map(quote, key.referenced_columns))})" if key.referenced_columns else ""
    set_columns = f" ({', '.join(map(quote, key.delete_columns))})" if key.delete_columns else ""
    return (
        f"FOREIGN KEY ({columns}) REFERENCES {quote(*key.references)}{referenced}"
        + (" MATCH FULL" if key.match == "f" else "")
        + (f" ON UPDATE {ACTIONS[key.on_update]}" if key.on_update in ACTIONS else "")
        + (f" ON DELETE {ACTIONS[key.on_delete]}{set_columns}" if key.on_delete in ACTIONS else "")
        + DEFERRABLE[key.deferrable]
        + ("" if key.enforced else " NOT ENFORCED")
        + ("" if key.valid or not key.enforced else " NOT VALID")
    )


def namespace_comments(tables: Mapping[Name, Wanted]) -> dict[str, str | None]:
    """Return the comments that schemas have at the source, as the table that was synced last says.

    `public` keeps the one that it has anyway where the source says nothing.
    """
    latest: dict[str, tuple[str, str | None]] = {}
    for (namespace, _), wanted in tables.items():
        origin = wanted.view.origin
        if origin.namespace == namespace and latest.get(namespace, ("", None))[0] <= origin.synced_at:
            latest[namespace] = origin.synced_at, wanted.view.namespace_comment
    return {name: comment for name, (_, comment) in latest.items() if comment is not None or name != "public"}


def comment_on_namespace(namespace: str, comment: str | None) -> str:
    """Write COMMENT ON SCHEMA."""
    return f"COMMENT ON SCHEMA {quote(namespace)} IS {literal(comment)}"


def blocks(byte_count: int) -> int:
    """Return `pg_class.relpages` of so many bytes."""
    return min(-(-byte_count // BLOCK_BYTES), MAX_BLOCKS)
