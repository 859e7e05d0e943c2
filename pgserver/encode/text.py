"""Which encoder writes a column in text format."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.arrays import array_text
from pgserver.encode.datetimes import date_text, time_text, timestamp_text
from pgserver.encode.floats import float_text
from pgserver.encode.intervals import interval_text
from pgserver.encode.numerics import decimal_text
from pgserver.encode.pieces import TEXT, ColumnEncoder, Field, whole
from pgserver.encode.rows import WireColumn, WireSettings
from pgserver.encode.strings import bool_text, bytea_escape, bytea_hex, raw, uuid_text


def encoder_for(column: WireColumn, arrow: pa.DataType, settings: WireSettings) -> ColumnEncoder:  # noqa: ARG001
    """Return the text encoder of a column; the Arrow type tells how the value is written, whatever the type's OID.

    Raises: TypeError for an Arrow type that the engine's output never has.
    """
    return _text_encoder(arrow, settings)


def _text_encoder(arrow: pa.DataType, settings: WireSettings) -> ColumnEncoder:
    for is_kind, build in _ENCODERS:
        if is_kind(arrow):
            return build(arrow, settings)
    raise TypeError(f"no text form for {arrow}")


def int_text(array: pa.Array) -> Field:
    """Encode integers of any width."""
    return whole(pc.cast(array, TEXT))


def all_null(array: pa.Array) -> Field:  # noqa: ARG001
    """Encode a column that is NULL in every row."""
    return Field((), -1)


def _timestamp(arrow: pa.DataType, settings: WireSettings) -> ColumnEncoder:
    return timestamp_text(settings.date_style, settings.time_zone if arrow.tz is not None else None)


def _bytea(_: pa.DataType, settings: WireSettings) -> ColumnEncoder:
    return bytea_escape if settings.bytea_output == "escape" else bytea_hex


def _always(encoder: ColumnEncoder) -> Callable[[pa.DataType, WireSettings], ColumnEncoder]:
    return lambda _arrow, _settings: encoder


# The first kind that fits; every type of the engine's output is here.
_ENCODERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType, WireSettings], ColumnEncoder]], ...] = (
    (pa.types.is_string, _always(raw)),
    (pa.types.is_large_string, _always(raw)),
    (pa.types.is_integer, _always(int_text)),
    (pa.types.is_decimal128, lambda arrow, _: decimal_text(arrow.scale)),
    (pa.types.is_floating, lambda arrow, settings: float_text(arrow, settings.extra_float_digits)),
    (pa.types.is_boolean, _always(bool_text)),
    (pa.types.is_date32, lambda _, settings: date_text(settings.date_style)),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time64, _always(time_text)),
    (pa.types.is_fixed_size_binary, _always(uuid_text)),
    (pa.types.is_binary, _bytea),
    (pa.types.is_large_binary, _bytea),
    (pa.types.is_interval, lambda _, settings: interval_text(settings.interval_style)),
    (pa.types.is_list, lambda arrow, settings: array_text(_text_encoder(arrow.value_type, settings))),
    (pa.types.is_large_list, lambda arrow, settings: array_text(_text_encoder(arrow.value_type, settings))),
    (pa.types.is_null, _always(all_null)),
)
