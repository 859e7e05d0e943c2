"""The Postgres view of a lake table, kept beside its Iceberg pointer in `iceberg_tables.columns`.

A server builds its twin and answers introspection from this alone, without a request to object storage.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as the source's Postgres sees it and as Iceberg stores it.

    `type` is what `format_type` prints at the source, always schema-qualified for types outside `pg_catalog`.
    `storage` names a row of `catalog.types` (`int4`, `numeric`, `text_backed`, ...), `array` says that the column is a
    one-dimensional list of it. `precision` and `scale` are set for storage `numeric` only, and may be known where the
    Postgres type has no typmod (read from the data).
    """

    name: str
    attnum: int  # 1-based position in the twin: dense, dropped columns are left out
    field_id: int  # Iceberg's
    type: str
    type_oid: int  # the built-in's OID, 0 for a type that the source's users made
    typmod: int
    storage: str
    array: bool = False
    precision: int | None = None
    scale: int | None = None
    not_null: bool = False
    generated: str = ""  # attgenerated: "" or "s" or "v"
    identity: str = ""  # attidentity: "" or "a" or "d"
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A constraint of kind `p` (primary key), `u` (unique) or `f` (foreign key); names are those in the lake."""

    name: str
    kind: str
    columns: tuple[str, ...]
    references: tuple[str, str] | None = None  # namespace and table in the lake
    referenced_columns: tuple[str, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class UserType:
    """A type of the source's users: kind `e` (enum: labels in order), `d` (domain: base) or `c` (composite: fields)."""

    namespace: str
    name: str
    kind: str
    labels: tuple[str, ...] = ()
    base: str | None = None
    fields: tuple[tuple[str, str], ...] = ()  # name, format_type
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a table's rows came from and when."""

    system_identifier: str
    database: str
    namespace: str
    table: str
    lsn: str
    synced_at: str  # ISO 8601, UTC
    filenode: int = 0  # of the source's table: another one means that it was truncated or rewritten
    counters: str | None = None  # what tells a table that nobody has written to, see `syncer/unchanged.py`
    gone_since: str | None = None  # when a sync found no such table at the source any more


@dataclass(frozen=True, slots=True)
class TableView:
    """All that a server must know of a table besides its files."""

    columns: tuple[Column, ...]
    keys: tuple[Key, ...]
    types: tuple[UserType, ...]
    comment: str | None
    schema_id: int  # of the Iceberg schema that `field_id`s speak of
    row_count: int
    byte_count: int
    origin: Origin
    file_count: int = 0
    snapshot_id: int | None = None
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Encode for the `columns` column."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Decode what `to_json` wrote.

        Raises: ValueError when a later version of this program wrote it.
        """
        version = value.get("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(f"columns format {version} is not {FORMAT_VERSION}")
        return cls(
            columns=tuple(Column(**column) for column in value["columns"]),
            keys=tuple(_key(key) for key in value["keys"]),
            types=tuple(_user_type(item) for item in value["types"]),
            comment=value["comment"],
            schema_id=value["schema_id"],
            row_count=value["row_count"],
            byte_count=value["byte_count"],
            origin=Origin(**value["origin"]),
            file_count=value.get("file_count", 0),
            snapshot_id=value.get("snapshot_id"),
        )


def _key(value: dict[str, Any]) -> Key:
    references = value["references"]
    return Key(
        **value
        | {
            "columns": tuple(value["columns"]),
            "references": (references[0], references[1]) if references else None,
            "referenced_columns": tuple(value["referenced_columns"]),
        }
    )


def _user_type(value: dict[str, Any]) -> UserType:
    return UserType(
        **value
        | {
            "labels": tuple(value["labels"]),
            "fields": tuple((name, type_name) for name, type_name in value["fields"]),
        }
    )
