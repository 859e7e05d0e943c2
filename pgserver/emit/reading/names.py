"""The twin's names of functions, operators and types by OID: what the rules are keyed by.

Each `QUERY_*` gives the rows that `CatalogNames.build` takes; run them with `search_path` at its default.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pgserver.emit.kinds import DUCKDB, ELEMENTS

QUERY_FUNCTIONS = """
SELECT p.oid::int8, CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
    || quote_ident(p.proname) || '(' || coalesce((SELECT string_agg(format_type(a.t, NULL), ',' ORDER BY a.i)
        FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i)), '') || ')'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
"""
QUERY_OPERATORS = """
SELECT o.oid::int8, CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
    || o.oprname || '(' || CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END
    || ',' || CASE o.oprright WHEN 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END || ')'
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
"""
QUERY_TYPES = """
SELECT t.oid::int8, t.typname, n.nspname, format_type(t.oid, NULL), t.typtype::text,
    CASE WHEN t.typcategory = 'A' THEN t.typelem::int8 ELSE 0 END, t.typarray::int8, t.typbasetype::int8, t.typtypmod,
    coalesce((SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '{}'),
    coalesce((SELECT array_agg(oid::int8 ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '{}')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
"""


@dataclass(frozen=True, slots=True)
class TypeName:
    """A row of pg_type. `sql_name` is what `format_type` prints; `labels` are an enum's, in order."""

    oid: int
    name: str
    schema: str
    sql_name: str
    typtype: str  # b, c, d, e, m, p, r
    element: int  # of an array, else 0
    array: int
    base: int  # of a domain, else 0
    base_typmod: int
    labels: tuple[str, ...] = ()
    label_oids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogNames:
    """Names by OID. Functions and operators are spelled as `regprocedure` and `regoperator` print them."""

    functions: Mapping[int, str]
    operators: Mapping[int, str]
    types: Mapping[int, TypeName]

    @classmethod
    def build(
        cls,
        functions: Iterable[Sequence[object]],
        operators: Iterable[Sequence[object]],
        types: Iterable[Sequence[object]],
    ) -> Self:
        """Take the rows of the three queries, in text or as values."""
        return cls(
            functions={_integer(row[0]): str(row[1]) for row in functions},
            operators={_integer(row[0]): str(row[1]) for row in operators},
            types={name.oid: name for name in map(_type_name, types)},
        )

    def base_type(self, oid: int) -> int:
        """Return the type that a domain is over; any other type is itself."""
        while (name := self.types.get(oid)) is not None and name.typtype == "d":
            oid = name.base
        return oid

    def labels(self, oid: int) -> tuple[str, ...]:
        """Return an enum's labels in order, () for any other type."""
        name = self.types.get(oid)
        return name.labels if name is not None and name.typtype == "e" else ()

    def element(self, oid: int) -> int:
        """Return the element type of an array, 0 for any other type."""
        if oid in ELEMENTS:
            return ELEMENTS[oid]
        name = self.types.get(oid)
        return name.element if name is not None else 0

    def array(self, oid: int) -> int:
        """Return the type of arrays of a type, 0 where there is none."""
        name = self.types.get(oid)
        return name.array if name is not None else 0

    def duckdb_type(self, oid: int) -> str | None:
        """Return the DuckDB type that holds a type's values.

        None where DuckDB cannot compute with it (numeric: any DECIMAL).
        """
        oid = self.base_type(oid)
        if oid in DUCKDB:
            return DUCKDB[oid]
        if self.labels(oid):
            return "VARCHAR"
        element = self.element(oid)
        if element and (held := self.duckdb_type(element)) is not None:
            return held + "[]"
        return None

    def type_name(self, oid: int) -> str:
        """Return a type's SQL name for a message."""
        name = self.types.get(oid)
        return name.sql_name if name is not None else f"type {oid}"


def _type_name(row: Sequence[object]) -> TypeName:
    labels, label_oids = row[9], row[10]
    assert isinstance(labels, list | tuple), "labels must come as a list"
    assert isinstance(label_oids, list | tuple), "OIDs must come as a list"
    return TypeName(
        oid=_integer(row[0]),
        name=str(row[1]),
        schema=str(row[2]),
        sql_name=str(row[3]),
        typtype=str(row[4]),
        element=_integer(row[5]),
        array=_integer(row[6]),
        base=_integer(row[7]),
        base_typmod=_integer(row[8]),
        labels=tuple(map(str, labels)),
        label_oids=tuple(map(_integer, label_oids)),
    )


def _integer(value: object) -> int:
    assert isinstance(value, int | str)
    return int(value)
