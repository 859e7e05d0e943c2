"""Catalog rows as a twin takes them, made in a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.columns import Column, Key, Origin, TableView, UserType


@dataclass(frozen=True)
class Row:
    """What the twin reads of `catalog.tables.TableRow`."""

    namespace: str
    name: str
    view: TableView | None


def table(
    namespace: str,
    name: str,
    columns: Mapping[str, str],
    *,
    not_null: Sequence[str] = (),
    keys: Sequence[Key] = (),
    types: Sequence[UserType] = (),
    comments: Mapping[str, str] | None = None,
    comment: str | None = None,
    row_count: int = 0,
    byte_count: int = 0,
    synced_at: str = "2026-01-01T00:00:00Z",
) -> Row:
    """Describe a table by its columns' names and types."""
    comments = comments or {}
    parts = tuple(
        Column(
            name=column,
            attnum=number,
            field_id=number,
            type=type_name,
            type_oid=0,
            typmod=-1,
            storage="text_backed",
            not_null=column in not_null,
            comment=comments.get(column),
        )
        for number, (column, type_name) in enumerate(columns.items(), 1)
    )
    origin = Origin("1", "shop", namespace, name, "0/1", synced_at)
    view = TableView(parts, tuple(keys), tuple(types), comment, 0, row_count, byte_count, origin)
    return Row(namespace, name, view)


def primary_key(name: str, *columns: str, comment: str | None = None) -> Key:
    return Key(name, "p", columns, comment=comment)


def unique(name: str, *columns: str) -> Key:
    return Key(name, "u", columns)


def foreign_key(
    name: str, column: str, references: tuple[str, str], referenced: str, comment: str | None = None
) -> Key:
    return Key(name, "f", (column,), references, (referenced,), comment)
