"""Which encoder writes a column in binary format. Source: each type's send function in Postgres' utils/adt."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from catalog.types import BY_ARRAY_OID, BY_OID
from pgserver.encode.arrays import array_binary
from pgserver.encode.datetimes import DATE_INFINITY, TIMESTAMP_INFINITY
from pgserver.encode.intervals import interval_binary
from pgserver.encode.numeric_binary import decimal_binary, text_binary
from pgserver.encode.pieces import ColumnEncoder, Field, field, numbers, validity
from pgserver.encode.rows import WireColumn, WireSettings
from pgserver.encode.strings import bool_binary, char_binary, jsonb_binary, raw, uuid_binary
from pgserver.encode.text import all_null
from pgserver.protocol.errors import FeatureNotSupported

_EPOCH_DAYS = 10_957  # 2000-01-01
_EPOCH_MICROS = 946_684_800_000_000
_INTERVAL_OID = 1186
_INTERVAL_ARRAY_OID = 1187
_TEXT_KINDS = {"name", "text", "json", "bpchar", "varchar"}


def encoder_for(column: WireColumn, arrow: pa.DataType, settings: WireSettings) -> ColumnEncoder:
    """Return the binary encoder of a column.

    Raises: FeatureNotSupported (0A000) for a type that is kept as text and whose binary form is not its text.
    """
    if pa.types.is_null(arrow):
        return all_null
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        element = _element_oid(column)
        inner = WireColumn(element, column.typmod, column.format, column.typtype)
        return array_binary(encoder_for(inner, arrow.value_type, settings), element)
    if column.type_oid == _INTERVAL_OID and pa.types.is_interval(arrow):
        return interval_binary
    name = BY_OID[column.type_oid].name if column.type_oid in BY_OID else ""
    if name in _TEXT_KINDS or (not name and column.typtype == "e"):
        return raw
    if name == "numeric" and pa.types.is_decimal(arrow):
        return decimal_binary(arrow.scale)
    if name not in _ENCODERS:
        raise FeatureNotSupported(
            f"no binary output function available for type with OID {column.type_oid} in the lake"
        )
    return _ENCODERS[name]


def has_binary(column: WireColumn) -> bool:
    """Whether a column's binary form is known here; all others are Postgres' to write."""
    element = column.element_oid or (BY_ARRAY_OID[column.type_oid].oid if column.type_oid in BY_ARRAY_OID else 0)
    type_oid = element or column.type_oid
    known = type_oid in BY_OID or type_oid == _INTERVAL_OID or column.typtype == "e"
    return known or column.type_oid == _INTERVAL_ARRAY_OID


def _element_oid(column: WireColumn) -> int:
    if column.element_oid:
        return column.element_oid
    if column.type_oid == _INTERVAL_ARRAY_OID:
        return _INTERVAL_OID
    if column.type_oid not in BY_ARRAY_OID:
        raise FeatureNotSupported(
            f"no binary output function available for type with OID {column.type_oid} in the lake"
        )
    return BY_ARRAY_OID[column.type_oid].oid


def _number(wire: str) -> ColumnEncoder:
    """Return the encoder of an integer or float that is sent as it is, in network order."""

    def encode(array: pa.Array) -> Field:
        return field([numbers(array, array.type.to_pandas_dtype()).astype(wire)], validity(array))

    return encode


def date_binary(array: pa.Array) -> Field:
    """Encode days since 2000-01-01; the infinities are the ends of int32."""
    days = numbers(array, np.int32).astype(np.int64)
    moved = np.where(days == DATE_INFINITY, days, days - _EPOCH_DAYS)
    return field([np.where(days == -DATE_INFINITY, -(2**31), moved).astype(">i4")], validity(array))


def timestamp_binary(array: pa.Array) -> Field:
    """Encode microseconds since 2000-01-01; the infinities are the ends of int64."""
    micros = numbers(array, np.int64)
    infinite = (micros == TIMESTAMP_INFINITY) | (micros == -TIMESTAMP_INFINITY)
    moved = np.where(infinite, 0, micros) - _EPOCH_MICROS
    ends = np.where(micros > 0, TIMESTAMP_INFINITY, -TIMESTAMP_INFINITY - 1)
    return field([np.where(infinite, ends, moved).astype(">i8")], validity(array))


def time_binary(array: pa.Array) -> Field:
    """Encode microseconds since midnight."""
    return field([numbers(array, np.int64).astype(">i8")], validity(array))


_ENCODERS: dict[str, Callable[[pa.Array], Field]] = {
    "bool": bool_binary,
    "bytea": raw,
    "char": char_binary,
    "int8": _number(">i8"),
    "int2": _number(">i2"),
    "int4": _number(">i4"),
    "oid": _number(">u4"),
    "float4": _number(">f4"),
    "float8": _number(">f8"),
    "date": date_binary,
    "time": time_binary,
    "timestamp": timestamp_binary,
    "timestamptz": timestamp_binary,
    "numeric": text_binary,
    "uuid": uuid_binary,
    "jsonb": jsonb_binary,
}
