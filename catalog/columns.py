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
    not_null_name: str | None = None  # of the constraint, which PostgreSQL has since 18
    generated: str = ""  # attgenerated: "" or "s" or "v"
    identity: str = ""  # attidentity: "" or "a" or "d"
    comment: str | None = None
    is_local: bool = True  # declared by the table itself, though a parent may have it, too
    not_null_is_local: bool = True  # the same of its constraint


@dataclass(frozen=True, slots=True)
class Key:
    """A constraint: `p` (primary key), `u` (unique), `f` (foreign key) or `c` (check); names are those in the lake.

    `on_update`, `on_delete` and `match` are letters of `pg_constraint`. Nothing is enforced: rows come from the source.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    references: tuple[str, str] | None = None  # namespace and table in the lake
    referenced_columns: tuple[str, ...] = ()
    comment: str | None = None
    deferrable: str = ""  # "" or "deferrable" or "deferred"
    on_update: str = "a"
    on_delete: str = "a"
    delete_columns: tuple[str, ...] = ()  # that ON DELETE sets; none: all
    match: str = "s"
    include: tuple[str, ...] = ()  # further columns of the index
    nulls_not_distinct: bool = False
    definition: str | None = None  # of a check, as pg_get_constraintdef prints it with an empty search_path
    valid: bool = True
    enforced: bool = True
    inherited: bool = False  # a parent of the table has it, too


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
    not_null: bool = False
    default: str | None = None
    checks: tuple[tuple[str, str], ...] = ()  # name, definition


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


NOWHERE = Origin("", "", "", "", "", "")  # for comparing what is known of tables, whenever that was learned


@dataclass(frozen=True, slots=True)
class TableView:
    """All that a server must know of a table besides its files.

    `kind` is that of `pg_class.relkind`: `r` (a table with rows of its own), `p` (a partitioned table, whose rows are
    its partitions') or `v` (a view). Names of other relations are those in the lake.

    A table is a child of another only where both say so: what is detached or dropped at the source is no longer among
    the `children`, though its own view may be an old one.
    """

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
    kind: str = "r"
    parents: tuple[tuple[str, str], ...] = ()  # in order of inheritance; of a view: what it reads
    children: tuple[tuple[str, str], ...] = ()
    bound: str | None = None  # of a partition: FOR VALUES ..., DEFAULT
    partition_key: str | None = None  # of a partitioned table: RANGE (at)
    definition: str | None = None  # of a view, as pg_get_viewdef prints it with an empty search_path
    options: tuple[str, ...] = ()  # of a view: security_barrier=true
    namespace_comment: str | None = None  # of the source's schema
    order: tuple[str, ...] = ()  # the columns that the rows are sorted by in the files, if the user said so
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
            kind=value.get("kind", "r"),
            parents=tuple((namespace, name) for namespace, name in value.get("parents", ())),
            children=tuple((namespace, name) for namespace, name in value.get("children", ())),
            bound=value.get("bound"),
            partition_key=value.get("partition_key"),
            definition=value.get("definition"),
            options=tuple(value.get("options", ())),
            namespace_comment=value.get("namespace_comment"),
            order=tuple(value.get("order", ())),
        )


def _key(value: dict[str, Any]) -> Key:
    references = value["references"]
    return Key(
        **value
        | {
            "columns": tuple(value["columns"]),
            "references": (references[0], references[1]) if references else None,
            "referenced_columns": tuple(value["referenced_columns"]),
            "delete_columns": tuple(value.get("delete_columns", ())),
            "include": tuple(value.get("include", ())),
        }
    )


def _user_type(value: dict[str, Any]) -> UserType:
    return UserType(
        **value
        | {
            "labels": tuple(value["labels"]),
            "fields": tuple((name, type_name) for name, type_name in value["fields"]),
            "checks": tuple((name, definition) for name, definition in value.get("checks", ())),
        }
    )
