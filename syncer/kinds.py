"""The source's types: how a column of each is stored, and what the twin must know of those that users made."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import dict_row

from catalog.columns import UserType
from catalog.types import BY_OID, TEXT_BACKED

FIRST_USER_OID = 16384  # FirstNormalObjectId
NUMERIC_OID = 1700
MAX_PRECISION = 38
VARHDRSZ = 4

QUERY_TYPES: LiteralString = """
SELECT t.oid::int8 AS oid, n.nspname AS namespace, t.typname AS name, t.typtype::text AS typtype,
       t.typelem::int8 AS element, e.typarray::int8 AS element_array, t.typbasetype::int8 AS base,
       t.typtypmod AS base_typmod,
       CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END AS base_name,
       obj_description(t.oid, 'pg_type') AS comment, t.typnotnull AS not_null,
       pg_get_expr(t.typdefaultbin, 0) AS "default"
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type e ON e.oid = t.typelem
     LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE c.oid IS NULL OR c.relkind = 'c'
"""
QUERY_LABELS: LiteralString = """
SELECT enumtypid::int8 AS oid, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
FROM pg_enum GROUP BY enumtypid
"""
# A check that was never validated may not hold for rows that are there.
QUERY_CHECKS: LiteralString = """
SELECT k.contypid::int8 AS oid, k.conname AS name, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k WHERE k.contypid <> 0 AND k.contype = 'c' AND k.convalidated ORDER BY k.contypid, k.conname
"""
QUERY_FIELDS: LiteralString = """
SELECT t.oid::int8 AS oid, a.attname AS name, a.atttypid::int8 AS type_oid, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY t.oid, a.attnum
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a column is stored. A numeric without precision is one whose scale must be read from the data."""

    storage: str
    array: bool = False
    precision: int | None = None
    scale: int | None = None


TEXT_KIND = Kind(TEXT_BACKED)


@dataclass(frozen=True, slots=True)
class SourceType:
    """A row of pg_type."""

    oid: int
    namespace: str
    name: str
    typtype: str  # b, c, d, e, m, p, r
    element: int
    element_array: int | None
    base: int
    base_typmod: int
    base_name: str | None
    comment: str | None
    not_null: bool
    default: str | None

    @property
    def is_array(self) -> bool:
        """Tell a real array from types that only look like one (int2vector, point)."""
        return self.element != 0 and self.element_array == self.oid


class SourceTypes:
    """All types of the source."""

    def __init__(
        self,
        types: Iterable[SourceType],
        labels: dict[int, list[str]],
        fields: dict[int, list[tuple[str, int, str]]],
        checks: dict[int, list[tuple[str, str]]],
    ) -> None:
        """Types; labels by enum; fields (name, type OID, format_type) by composite; checks (name, text) by domain."""
        self._types = {item.oid: item for item in types}
        self._labels = labels
        self._fields = fields
        self._checks = checks

    @classmethod
    def read(cls, connection: psycopg.Connection) -> Self:
        """Ask the source."""
        with connection.cursor(row_factory=dict_row) as cursor:
            types = [SourceType(**row) for row in cursor.execute(QUERY_TYPES)]
            labels: dict[int, list[str]] = {row["oid"]: row["labels"] for row in cursor.execute(QUERY_LABELS)}
            fields: defaultdict[int, list[tuple[str, int, str]]] = defaultdict(list)
            row: dict[str, Any]
            for row in cursor.execute(QUERY_FIELDS):
                fields[row["oid"]].append((row["name"], row["type_oid"], row["type"]))
            checks: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
            for row in cursor.execute(QUERY_CHECKS):
                checks[row["oid"]].append((row["name"], row["definition"]))
        return cls(types, labels, fields, checks)

    def kind(self, oid: int, typmod: int) -> Kind:
        """Return how a column of this type is stored."""
        found = self._types.get(oid)
        while found is not None and found.typtype == "d":
            # A domain's own modifier is that of its base; a column of a domain has none.
            oid, typmod = found.base, found.base_typmod
            found = self._types.get(oid)
        if found is None:
            return TEXT_KIND
        if found.is_array:
            element = self.kind(found.element, typmod)
            if element.array or element.storage == TEXT_BACKED:
                return TEXT_KIND
            return Kind(element.storage, array=True, precision=element.precision, scale=element.scale)
        if found.typtype == "e":
            return Kind("enum")
        if oid == NUMERIC_OID:
            return numeric_kind(typmod)
        native = BY_OID.get(oid)
        return Kind(native.name) if native is not None else TEXT_KIND

    def user_types(self, oids: Iterable[int]) -> tuple[UserType, ...]:
        """Return the enums, domains and composites that types need, each after those it is made of."""
        found: dict[int, UserType] = {}
        for oid in oids:
            self._collect(oid, found, set())
        return tuple(found.values())

    def _collect(self, oid: int, found: dict[int, UserType], parents: set[int]) -> None:
        item = self._types.get(oid)
        if item is None or oid in found or oid in parents:
            return
        parts = [item.base, item.element if item.is_array else 0, *(part for _, part, _ in self._fields.get(oid, ()))]
        for part in parts:
            self._collect(part, found, parents | {oid})
        if oid >= FIRST_USER_OID and item.typtype in "edc" and not item.is_array:
            found[oid] = UserType(
                namespace=item.namespace,
                name=item.name,
                kind=item.typtype,
                labels=tuple(self._labels.get(oid, ())),
                base=item.base_name,
                fields=tuple((name, type_name) for name, _, type_name in self._fields.get(oid, ())),
                comment=item.comment,
                not_null=item.not_null,
                default=item.default,
                checks=tuple(self._checks.get(oid, ())),
            )


def numeric_kind(typmod: int) -> Kind:
    """Return how `numeric(precision, scale)` is stored: as text above 38 digits.

    Iceberg wants 0 <= scale <= precision, so `numeric(3, 5)` becomes decimal(5, 5), `numeric(3, -2)` decimal(5, 0).
    """
    if typmod < VARHDRSZ:
        return Kind("numeric")
    precision = ((typmod - VARHDRSZ) >> 16) & 0xFFFF
    scale = (((typmod - VARHDRSZ) & 0x7FF) ^ 1024) - 1024
    digits = max(precision, scale) if scale >= 0 else precision - scale
    return Kind("numeric", precision=digits, scale=max(scale, 0)) if digits <= MAX_PRECISION else TEXT_KIND
