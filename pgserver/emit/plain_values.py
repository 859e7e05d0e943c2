"""Constants as plain Python values, for conditions on a table's files."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from pgserver.emit import kinds
from pgserver.emit.errors import NeedsTwin, NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.parameters import decode_binary, decode_text
from pgserver.emit.times import calendar
from pgserver.emit.values import Value

_EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


def plain_value(other: Value, column: Value) -> object:
    """Return a constant as a value of the column's type, None where it has no such value.

    Args: the constant, brought beside the column by `comparable`; the column.
    """
    if other.constant is None:
        return None
    if column.type == kinds.BPCHAR:
        return _padded_text(other)
    return _convert(other.type, other.constant.value, column.type)


def parameter_value(type_oid: int, format_code: int, value: bytes | None) -> object:
    """Return a bound parameter as a plain value, None where there is none."""
    if value is None:
        return None
    try:
        decoded = decode_binary(type_oid, value) if format_code else decode_text(type_oid, value)
    except (NeedsTwin, NoRule):
        return None
    return _convert(type_oid, decoded, type_oid)


def _padded_text(other: Value) -> str | None:
    """The padded text is in the literal, not in the constant."""
    assert other.constant is not None
    if not isinstance(other.constant.value, str) or not other.sql.startswith("'"):
        return None
    text = other.sql[1:-1].replace("''", "'")
    return text if text_literal(text) == other.sql else None


def _convert(source: int, value: object, target: int) -> object:
    if target in kinds.INTEGERS:
        return value if source in kinds.INTEGERS and isinstance(value, int) else None
    if target == kinds.NUMERIC:
        return value if isinstance(value, Decimal) and value.is_finite() else None
    if target in (kinds.TEXT, kinds.VARCHAR):
        return value if isinstance(value, str) and source in kinds.TEXTS else None
    if target == kinds.BOOL:
        return value if isinstance(value, bool) else None
    if target == kinds.UUID:
        return value if isinstance(value, UUID) else None
    if source != target or not isinstance(value, int):
        return None
    if target == kinds.DATE:
        return _moment(value * calendar.DAY_US, lambda moment: moment.date())
    if target == kinds.TIMESTAMP:
        return _moment(value, lambda moment: moment.replace(tzinfo=None))
    return _moment(value, lambda moment: moment) if target == kinds.TIMESTAMPTZ else None


def _moment(microseconds: int, convert: Callable[[datetime.datetime], object]) -> object:
    try:
        return convert(_EPOCH + datetime.timedelta(microseconds=microseconds))
    except OverflowError:
        return None
