"""Constants and bind parameters as DuckDB literals."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from pgserver.emit import kinds
from pgserver.emit.errors import NeedsTwin, NoRule
from pgserver.emit.literals import (
    bytea_literal,
    date_literal,
    decimal_digits,
    decimal_literal,
    float_literal,
    interval_literal,
    text_literal,
    time_literal,
    timestamp_literal,
    timestamptz_literal,
)
from pgserver.emit.parameters import decode_binary, decode_text
from pgserver.emit.reading.datums import decode

__all__ = ["NeedsTwin", "literal", "null_literal", "parameter_literal", "value_literal"]


def literal(type_oid: int, data: bytes) -> str:
    """Return the DuckDB literal of a constant's datum.

    Raises: NoRule for a type that DuckDB does not compute with.
    """
    return value_literal(type_oid, decode(type_oid, data))


def parameter_literal(type_oid: int, format_code: int, value: bytes | None) -> str:
    """Return the DuckDB literal of a bound parameter, in text (0) or binary (1) format.

    Raises: NeedsTwin for a text that only Postgres can read; NoRule for a value that DuckDB cannot hold.
    """
    if value is None:
        return null_literal(type_oid)
    decoded = decode_binary(type_oid, value) if format_code else decode_text(type_oid, value)
    return value_literal(type_oid, decoded)


def null_literal(type_oid: int) -> str:
    """Return a NULL of a type (of text, for a type that we do not know)."""
    if type_oid in kinds.ELEMENTS:
        return f"CAST(NULL AS {_held(kinds.ELEMENTS[type_oid])}[])"
    return f"CAST(NULL AS {_held(type_oid)})"


def value_literal(type_oid: int, value: object) -> str:
    """Return the DuckDB literal of a decoded value (see `datums`).

    Its DuckDB type is exactly that of the Postgres type.
    """
    if value is None:
        return null_literal(type_oid)
    if type_oid in kinds.ELEMENTS:
        return _array_literal(kinds.ELEMENTS[type_oid], cast(list[object], value))
    writer = _WRITERS.get(type_oid)
    if writer is None:
        if isinstance(value, str):  # an enum, or text of a type that nothing computes with
            return text_literal(value)
        raise NoRule(f"a constant of type {type_oid}")
    return writer(value)


def _held(type_oid: int) -> str:
    return "DECIMAL(1,0)" if type_oid == kinds.NUMERIC else kinds.DUCKDB.get(type_oid, "VARCHAR")


def _array_literal(element: int, values: list[object]) -> str:
    if element == kinds.NUMERIC:
        return _numeric_array(values)
    texts = ", ".join("NULL" if item is None else value_literal(element, item) for item in values)
    return f"CAST([{texts}] AS {_held(element)}[])"


def _numeric_array(values: list[object]) -> str:
    present = [cast(Decimal, item) for item in values if item is not None]
    scales = {decimal_digits(item)[1] for item in present if item.is_finite()}
    if len(scales) > 1 or not all(item.is_finite() for item in present):
        raise NoRule("an array of numerics of different scales")
    scale = max(scales, default=0)
    integral = max((decimal_digits(item)[0] - scale for item in present), default=1)
    texts = ", ".join("NULL" if item is None else decimal_literal(cast(Decimal, item)) for item in values)
    return f"CAST([{texts}] AS DECIMAL({max(integral + scale, 1)},{scale})[])"


def _numeric_literal(value: object) -> str:
    number = cast(Decimal, value)
    if not number.is_finite():
        raise NoRule(f"the numeric {number}")
    return decimal_literal(number)


def _interval(value: object) -> str:
    months, days, microseconds = cast(tuple[int, int, int], value)
    return interval_literal(months, days, microseconds)


def _smallint(value: object) -> str:
    return f"CAST({value} AS SMALLINT)"


def _bigint(value: object) -> str:
    return f"CAST({value} AS BIGINT)"


_WRITERS: dict[int, Callable[[object], str]] = {
    kinds.BOOL: lambda value: "true" if value else "false",
    kinds.INT2: _smallint,
    kinds.INT4: lambda value: f"CAST({value} AS INTEGER)",
    kinds.INT8: _bigint,
    kinds.OID: _bigint,
    kinds.FLOAT4: lambda value: value if isinstance(value, str) else float_literal(cast(float, value), "FLOAT"),
    kinds.FLOAT8: lambda value: float_literal(cast(float, value), "DOUBLE"),
    kinds.NUMERIC: _numeric_literal,
    kinds.BYTEA: lambda value: bytea_literal(cast(bytes, value)),
    kinds.DATE: lambda value: date_literal(cast(int, value)),
    kinds.TIME: lambda value: time_literal(cast(int, value)),
    kinds.TIMESTAMP: lambda value: timestamp_literal(cast(int, value)),
    kinds.TIMESTAMPTZ: lambda value: timestamptz_literal(cast(int, value)),
    kinds.INTERVAL: _interval,
    kinds.UUID: lambda value: f"CAST('{cast(uuid.UUID, value)}' AS UUID)",
    **{oid: (lambda value: text_literal(cast(str, value))) for oid in (*kinds.TEXTS, *kinds.JSONS)},
}
