"""The final target list: each column in the DuckDB type that the encoder expects of its Postgres type."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.select import Select
from pgserver.emit.numeric import text_of
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.values import Value


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A result column as Postgres described it."""

    type_oid: int
    typmod: int


def output(value: Value, column: OutputColumn, names: CatalogNames) -> str:
    """Return the SQL of a result column.

    A numeric is a DECIMAL where all rows show the same number of decimals, else Postgres' text in a VARCHAR.
    """
    type_oid = names.base_type(column.type_oid)
    if value.opaque:
        return value.sql
    if type_oid == kinds.NUMERIC:
        held = value.numeric
        if held is None:
            raise NoRule("a numeric of unknown scale")
        if held.display is None and held.text is None:
            return value.sql
        return text_of(value)
    if type_oid == kinds.NUMERIC_ARRAY:
        return value.sql
    if type_oid == kinds.INTERVAL:
        return value.sql if value.constant is not None else f"pg_sent_interval({value.sql})"
    if type_oid == kinds.INTERVAL_ARRAY:
        return f"list_transform({value.sql}, lambda s_: pg_sent_interval(s_))"
    if names.duckdb_type(type_oid) is None:
        raise NoRule(f"a result of type {names.type_name(type_oid)}")
    return value.sql


def assumed(targets: Sequence[Value], names: CatalogNames) -> set[str]:
    """Return the settings at whose defaults the texts are stored that a result passes on."""
    types = (names.types.get(names.base_type(value.type)) for value in targets if value.opaque)
    elements = ((names.types.get(found.element) or found) if found else None for found in types)
    return {setting for found in elements for setting in printed_by(found.name if found else "")}


def printed_by(type_name: str) -> tuple[str, ...]:
    """Return the settings that change how Postgres prints a type; all of them for one that we do not know."""
    return () if type_name in PLAIN_TEXTS else PRINTED_BY.get(type_name, ALL_SETTINGS)


ALL_SETTINGS = ("DateStyle", "IntervalStyle", "TimeZone", "bytea_output", "extra_float_digits")
PRINTED_BY = {
    "interval": ("IntervalStyle",),
    "daterange": ("DateStyle",),
    "datemultirange": ("DateStyle",),
    "tsrange": ("DateStyle",),
    "tsmultirange": ("DateStyle",),
    "tstzrange": ("DateStyle", "TimeZone"),
    "tstzmultirange": ("DateStyle", "TimeZone"),
    "timestamptz": ("DateStyle", "TimeZone"),
    "timestamp": ("DateStyle",),
    "date": ("DateStyle",),
    "bytea": ("bytea_output",),
} | dict.fromkeys(
    ("point", "lseg", "path", "box", "polygon", "line", "circle", "float4", "float8"), ("extra_float_digits",)
)
PLAIN_TEXTS = frozenset((
    "bool", "char", "name", "int2", "int4", "int8", "oid", "text", "varchar", "bpchar", "json", "jsonb", "jsonpath",
    "numeric", "uuid", "xml", "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit", "money", "time", "timetz",
    "int4range", "int8range", "numrange", "int4multirange", "int8multirange", "nummultirange", "tsvector",
    "tsquery", "pg_lsn", "txid_snapshot", "pg_snapshot",
))  # fmt: skip


def finished(top: Select, columns: Sequence[OutputColumn], names: CatalogNames) -> str:
    """Write a query with its final target list: o1, o2, ...

    An average's digits take longer than its sum: under a LIMIT they are made of the rows that it leaves.
    """
    items = output_items(top.targets, columns, names)
    late = {index: parts for index, value in enumerate(top.targets, 1) if (parts := _late(value)) is not None}
    if not late or top.distinct or " LIMIT " not in top.finish:
        return top.write(items)
    inner: list[str] = []
    outer: list[str] = []
    for index, item in enumerate(items, 1):
        if index in late:
            dividend, divisor, form = late[index]
            inner += [f"{dividend} AS o{index}a", f"{divisor} AS o{index}b"]
            outer.append(f"{form.format(f'o{index}a', f'o{index}b')} AS o{index}")
        else:
            inner.append(item)
            outer.append(f"o{index}")
    return f"SELECT {', '.join(outer)} FROM ({top.write(inner)}) AS limited"


def _late(value: Value) -> tuple[str, str, str] | None:
    held = value.numeric
    if held is None or held.late is None:
        return None
    dividend, divisor, form = held.late
    return held.late if held.text == form.format(dividend, divisor) else None  # else it was changed since


def output_items(targets: Sequence[Value], columns: Sequence[OutputColumn], names: CatalogNames) -> list[str]:
    """Return the final target list: o1, o2, ..."""
    if len(targets) != len(columns):
        raise NoRule("a result whose columns are not its targets")
    return [
        f"{output(value, column, names)} AS o{index}"
        for index, (value, column) in enumerate(zip(targets, columns, strict=True), 1)
    ]
