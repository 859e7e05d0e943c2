"""What the lake's tables and types are in the twin: fingerprints that tell a change, and DDL. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from catalog.columns import Key, TableView, UserType
from pgserver.twin import names
from pgserver.twin.names import Name, literal, quote

FORMAT = 1  # part of every fingerprint: raise it when the DDL below changes its meaning

BLOCK_BYTES = 8192
MAX_BLOCKS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A table as the twin shall have it."""

    name: Name
    view: TableView
    key_names: Mapping[str, str]
    structure: str  # fingerprints
    comments: str


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
    """Work out fingerprints and key names of all tables."""
    keys = names.key_names(tables, {name: wanted.item for name, wanted in types.items()})
    return {name: _wanted(name, view, keys[name], types) for name, view in tables.items()}


def _wanted(name: Name, view: TableView, key_names: Mapping[str, str], types: Mapping[Name, WantedType]) -> Wanted:
    used = sorted({(item.namespace, item.name) for item in view.types})
    structure = _fingerprint(
        [(column.name, column.type, column.not_null) for column in view.columns],
        [_key_structure(key, key_names) for key in view.keys],
        [types[item].fingerprint if item in types else None for item in used],
    )
    comments = _fingerprint(
        view.comment,
        [(column.name, column.comment) for column in view.columns if column.comment],
        [(key.name, key.comment) for key in view.keys if key.comment and key.kind != "f"],
    )
    return Wanted(name, view, key_names, structure, comments)


def _key_structure(key: Key, key_names: Mapping[str, str]) -> tuple[object, ...]:
    if key.kind != "f":
        return key_names[key.name], key.kind, key.columns
    return key.name, key.kind, key.columns, key.references, key.referenced_columns, key.comment


def _fingerprint(*parts: object) -> str:
    return hashlib.blake2b(repr((FORMAT, parts)).encode(), digest_size=16).hexdigest()


def part_types(item: UserType) -> list[str]:
    """Return the types that a domain or a composite type is made of."""
    return [item.base or "text"] if item.kind == "d" else [type_name for _, type_name in item.fields]


def create_type(item: UserType, resolved: Mapping[str, str]) -> str:
    """Write CREATE TYPE or CREATE DOMAIN; types that `resolved` lacks are text."""
    name = quote(item.namespace, item.name)
    if item.kind == "e":
        statement = f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, item.labels))})"
    elif item.kind == "d":
        statement = f"CREATE DOMAIN {name} AS {resolved.get(item.base or 'text', 'text')}"
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


def create_table(wanted: Wanted, resolved: Mapping[str, str], *, with_keys: bool) -> Iterator[str]:
    """Write a table with its keys (foreign ones come later) and comments."""
    view = wanted.view
    parts = [
        f"{quote(column.name)} {resolved.get(column.type, 'text')}{' NOT NULL' if column.not_null else ''}"
        for column in view.columns
    ]
    if with_keys:
        parts += [
            f"CONSTRAINT {quote(wanted.key_names[key.name])} "
            f"{'PRIMARY KEY' if key.kind == 'p' else 'UNIQUE'} ({', '.join(map(quote, key.columns))})"
            for key in view.keys
            if key.kind != "f"
        ]
    yield f"CREATE TABLE {quote(*wanted.name)} ({', '.join(parts)})"
    yield from comments(wanted, with_keys=with_keys, with_empty=False)


def comments(wanted: Wanted, *, with_keys: bool = True, with_empty: bool = True) -> Iterator[str]:
    """Write the comments of a table, of its columns and keys; `with_empty` also those that take one away."""
    table = quote(*wanted.name)
    targets = [(f"TABLE {table}", wanted.view.comment)]
    targets += [(f"COLUMN {table}.{quote(column.name)}", column.comment) for column in wanted.view.columns]
    if with_keys:
        targets += [
            (f"CONSTRAINT {quote(wanted.key_names[key.name])} ON {table}", key.comment)
            for key in wanted.view.keys
            if key.kind != "f"
        ]
    for target, comment in targets:
        if with_empty or comment is not None:
            yield f"COMMENT ON {target} IS {literal(comment)}"


def drop_tables(tables: Iterable[Name]) -> Iterator[str]:
    """Write one DROP TABLE for all; foreign keys and users' temp views on them go too."""
    listed = ", ".join(quote(*name) for name in sorted(tables))
    if listed:
        yield f"DROP TABLE {listed} CASCADE"


def foreign_keys(tables: Mapping[Name, TableView]) -> Iterator[tuple[Name, Key]]:
    """List the foreign keys whose referenced table is there and has a primary or unique key on those columns."""
    for name, view in tables.items():
        for key in view.keys:
            target = tables.get(key.references) if key.kind == "f" and key.references else None
            if target is not None and any(
                other.kind != "f"
                and (
                    set(other.columns) == set(key.referenced_columns)
                    or (other.kind == "p" and not key.referenced_columns)
                )
                for other in target.keys
            ):
                yield name, key


def create_foreign_key(table: Name, key: Key) -> str:
    """Write ALTER TABLE ... ADD FOREIGN KEY, and its comment."""
    assert key.references is not None
    columns = ", ".join(map(quote, key.columns))
    referenced = f" ({', '.join(map(quote, key.referenced_columns))})" if key.referenced_columns else ""
    statement = (
        f"ALTER TABLE {quote(*table)} ADD CONSTRAINT {quote(key.name)} "
        f"FOREIGN KEY ({columns}) REFERENCES {quote(*key.references)}{referenced}"
    )
    if key.comment is not None:
        statement += f"; COMMENT ON CONSTRAINT {quote(key.name)} ON {quote(*table)} IS {literal(key.comment)}"
    return statement


def blocks(byte_count: int) -> int:
    """Return `pg_class.relpages` of so many bytes."""
    return min(-(-byte_count // BLOCK_BYTES), MAX_BLOCKS)
