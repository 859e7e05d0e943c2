"""Bind parameters to Python values (those of `datums`).

The twin has checked a parameter before it comes here, so a form that is not known is not wrong: Postgres must read it.
Source: the `*in` and `*recv` functions of src/backend/utils/adt.
"""

import re
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.errors import NeedsTwin, NoRule
from pgserver.emit.literals import text_literal
from pgserver.emit.times import calendar

_INTEGER = re.compile(r"\s*[-+]?[0-9]+\s*")
_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\s*")
_DATE = r"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
_DATE_TEXT = re.compile(_DATE)
_TIME_TEXT = re.compile(_CLOCK)
_TIMESTAMP_TEXT = re.compile(rf"{_DATE}(?:[ T]{_CLOCK})?")
_TIMESTAMPTZ_TEXT = re.compile(rf"{_DATE}[ T]{_CLOCK} ?(Z|[-+][0-9]{{2}}(?::?[0-9]{{2}})?)")
_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRUE, _FALSE = {"t", "true", "1", "on", "yes", "y"}, {"f", "false", "0", "off", "no", "n"}
_NUMERIC_NAN, _NUMERIC_INFINITY, _NUMERIC_MINUS_INFINITY = 0xC000, 0xD000, 0xF000


def decode_text(type_oid: int, value: bytes) -> object:
    """Read a parameter in text format.

    Raises: NeedsTwin for a form that we do not read.
    """
    text = value.decode()
    reader = _TEXT.get(type_oid)
    if reader is not None:
        decoded = reader(text)
        if decoded is None:
            raise NeedsTwin(type_oid)
        return decoded
    if type_oid in kinds.ELEMENTS:
        raise NeedsTwin(type_oid)
    return text


def decode_binary(type_oid: int, value: bytes) -> object:
    """Read a parameter in binary format.

    Raises: NoRule for a type whose binary form is not read here.
    """
    if type_oid in _BINARY:
        return _BINARY[type_oid](value)
    if type_oid in kinds.ELEMENTS:
        return _binary_array(kinds.ELEMENTS[type_oid], value)
    raise NoRule(f"a binary parameter of type {type_oid}")


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _float(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) or text.strip().lower() in ("nan", "infinity", "-infinity") else None


def _float4(text: str) -> object:
    """Leave the digits to DuckDB: going through a double would round twice. The literal itself is the value here."""
    if _NUMBER.fullmatch(text) and float(text) != 0:
        return f"CAST({text_literal(text.strip())} AS FLOAT)"
    return _float(text)


def _number(text: str) -> Decimal | None:
    if _NUMBER.fullmatch(text):
        return Decimal(text.strip())
    return Decimal("NaN") if text.strip().lower() == "nan" else None


def _bool(text: str) -> bool | None:
    word = text.strip().lower()
    return word in _TRUE if word in _TRUE | _FALSE else None


def _date(text: str) -> int | None:
    match = _DATE_TEXT.fullmatch(text.strip())
    return calendar.days_of(int(match[1]), int(match[2]), int(match[3])) if match else None


def _clock(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> int:
    whole = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    return whole * 1_000_000 + int((fraction or "").ljust(6, "0"))


def _time(text: str) -> int | None:
    match = _TIME_TEXT.fullmatch(text.strip())
    return _clock(*match.groups()) if match else None


def _timestamp(text: str) -> int | None:
    match = _TIMESTAMP_TEXT.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, *clock = match.groups()
    return calendar.days_of(int(year), int(month), int(day)) * calendar.DAY_US + _clock(*clock)


def _timestamptz(text: str) -> int | None:
    match = _TIMESTAMPTZ_TEXT.fullmatch(text.strip())
    if not match:
        return None
    year, month, day, *clock, zone = match.groups()
    local = calendar.days_of(int(year), int(month), int(day)) * calendar.DAY_US + _clock(*clock)
    if zone == "Z":
        return local
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000_000
    return local + offset if zone[0] == "-" else local - offset


def _uuid(text: str) -> uuid.UUID | None:
    return uuid.UUID(text.strip()) if _UUID_TEXT.fullmatch(text.strip()) else None


def _bytea(text: str) -> bytes | None:
    return bytes.fromhex(text[2:]) if re.fullmatch(r"\\x(?:[0-9a-fA-F]{2})*", text) else None


def _needs_twin(_text: str) -> None:
    return None


_TEXT: dict[int, Callable[[str], object]] = {
    kinds.BOOL: _bool,
    kinds.BYTEA: _bytea,
    kinds.INT2: _integer,
    kinds.INT4: _integer,
    kinds.INT8: _integer,
    kinds.OID: _integer,
    kinds.FLOAT4: _float4,
    kinds.FLOAT8: _float,
    kinds.NUMERIC: _number,
    kinds.DATE: _date,
    kinds.TIME: _time,
    kinds.TIMESTAMP: _timestamp,
    kinds.TIMESTAMPTZ: _timestamptz,
    kinds.INTERVAL: _needs_twin,
    kinds.UUID: _uuid,
    kinds.JSONB: _needs_twin,
}


def _unpacker(layout: str) -> Callable[[bytes], object]:
    def unpack(value: bytes) -> object:
        return struct.unpack(layout, value)[0]

    return unpack


def _binary_numeric(value: bytes) -> Decimal:
    count, weight, sign, scale = struct.unpack_from("!hhHH", value)
    if sign == _NUMERIC_NAN:
        return Decimal("NaN")
    if sign in (_NUMERIC_INFINITY, _NUMERIC_MINUS_INFINITY):
        return Decimal("Infinity" if sign == _NUMERIC_INFINITY else "-Infinity")
    unscaled = 0
    for digit in struct.unpack_from(f"!{count}h", value, 8):
        unscaled = unscaled * 10_000 + digit
    exponent = 4 * (weight + 1 - count) + scale
    unscaled = unscaled * 10**exponent if exponent >= 0 else unscaled // 10**-exponent
    return Decimal((int(sign != 0), tuple(map(int, str(unscaled))), -scale))


def _binary_interval(value: bytes) -> tuple[int, int, int]:
    microseconds, days, months = struct.unpack("!qii", value)
    return months, days, microseconds


def _binary_array(element: int, value: bytes) -> list[object]:
    """Read a one-dimensional array. Source: src/backend/utils/adt/arrayfuncs.c, `array_send`."""
    dimensions, _, _ = struct.unpack_from("!iiI", value)
    if dimensions == 0:
        return []
    if dimensions > 1:
        raise NoRule("an array parameter of several dimensions")
    size, lower = struct.unpack_from("!ii", value, 12)
    if lower != 1:
        raise NoRule("an array parameter that does not begin at 1")
    position = 20
    values: list[object] = []
    for _ in range(size):
        (length,) = struct.unpack_from("!i", value, position)
        position += 4
        if length < 0:
            values.append(None)
            continue
        values.append(decode_binary(element, value[position : position + length]))
        position += length
    return values


def _binary_jsonb(_value: bytes) -> object:
    raise NoRule("a jsonb parameter")


_BINARY: dict[int, Callable[[bytes], object]] = {
    kinds.BOOL: lambda value: value != b"\0",
    kinds.BYTEA: bytes,
    kinds.INT2: _unpacker("!h"),
    kinds.INT4: _unpacker("!i"),
    kinds.INT8: _unpacker("!q"),
    kinds.OID: _unpacker("!I"),
    kinds.FLOAT4: _unpacker("!f"),
    kinds.FLOAT8: _unpacker("!d"),
    kinds.NUMERIC: _binary_numeric,
    kinds.DATE: _unpacker("!i"),
    kinds.TIME: _unpacker("!q"),
    kinds.TIMESTAMP: _unpacker("!q"),
    kinds.TIMESTAMPTZ: _unpacker("!q"),
    kinds.INTERVAL: _binary_interval,
    kinds.UUID: lambda value: uuid.UUID(bytes=value),
    kinds.JSONB: _binary_jsonb,
    **dict.fromkeys((*kinds.TEXTS, kinds.JSON), bytes.decode),
}
