"""The bytes of constants (as Postgres holds them in memory, little-endian) to Python values.

int, oid: int · float: float · bool · text kinds, json: str · bytea: bytes · numeric: Decimal with its scale, NaN or
infinity · date: days, timestamp(tz), time: microseconds since 2000-01-01 or midnight · interval: (months, days,
microseconds) · uuid: UUID · one-dimensional array: list, with None for NULL · jsonb: its canonical text.
"""

import struct
import uuid
from collections.abc import Callable
from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.reading.jsonb import jsonb_text

NUMERIC_SHORT = 0x8000
NUMERIC_SPECIAL = 0xC000
NUMERIC_NAN = 0xC000
NUMERIC_INFINITY = 0xD000
DIGIT = Decimal(10_000)


def decode(type_oid: int, data: bytes) -> object:
    """Return the value of a constant.

    Raises: NoRule for a type or a form that is not read here.
    """
    if type_oid in _FIXED:
        return _FIXED[type_oid](data)
    if type_oid in kinds.ELEMENTS:
        return _array(type_oid, data)
    raise NoRule(f"a constant of type {type_oid}")


def _unpacker(layout: str) -> Callable[[bytes], object]:
    size = struct.calcsize(layout)

    def unpack(data: bytes) -> object:
        return struct.unpack(layout, data[:size])[0]

    return unpack


def _varlena(data: bytes) -> bytes:
    """Return what follows the 4-byte header; its two low bits are clear for a plain value."""
    header = int.from_bytes(data[:4], "little")
    if header & 3 or header >> 2 != len(data):
        raise NoRule("a compressed constant")
    return data[4:]


def _text(data: bytes) -> str:
    return _varlena(data).decode()


def _name(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode()


def _char(data: bytes) -> str:
    if data[0] >= 0x80:
        raise NoRule('a "char" constant that is not ASCII')
    return data[:1].rstrip(b"\0").decode()


def _bool(data: bytes) -> bool:
    return data[0] != 0


def _uuid(data: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=data[:16])


def _interval(data: bytes) -> tuple[int, int, int]:
    microseconds, days, months = struct.unpack("<qii", data[:16])
    return months, days, microseconds


def numeric(body: bytes) -> Decimal:
    """Return the value of a numeric's bytes without their header, its scale as Postgres displays it.

    Source: src/backend/utils/adt/numeric.c, `NumericShort`, `NumericLong`.
    """
    (header,) = struct.unpack_from("<H", body)
    if header & NUMERIC_SPECIAL == NUMERIC_SPECIAL:
        if header & 0xF000 == NUMERIC_NAN:
            return Decimal("NaN")
        return Decimal("Infinity" if header & 0xF000 == NUMERIC_INFINITY else "-Infinity")
    if header & NUMERIC_SHORT:
        negative, scale, weight, start = bool(header & 0x2000), header >> 7 & 0x3F, header & 0x3F, 2
        if header & 0x40:
            weight -= 0x40
    else:
        negative, scale, start = header & 0xC000 == 0x4000, header & 0x3FFF, 4
        (weight,) = struct.unpack_from("<h", body, 2)
    digits = struct.unpack(f"<{(len(body) - start) // 2}h", body[start:])
    unscaled = 0
    for digit in digits:
        unscaled = unscaled * 10_000 + digit
    exponent = 4 * (weight + 1 - len(digits)) + scale
    unscaled = unscaled * 10**exponent if exponent >= 0 else unscaled // 10**-exponent
    return Decimal((int(negative), tuple(map(int, str(unscaled))), -scale))


def _numeric(data: bytes) -> Decimal:
    return numeric(_varlena(data))


def _jsonb(data: bytes) -> str:
    return jsonb_text(_varlena(data))


def _array(type_oid: int, data: bytes) -> list[object]:
    """Read a one-dimensional array. Source: src/include/utils/array.h, "ARRAY_*" macros."""
    body = _varlena(data)
    dimensions, null_offset, element = struct.unpack_from("<iiI", body)
    if dimensions == 0:
        return []
    if dimensions > 1:
        raise NoRule("an array constant of several dimensions")
    size, lower = struct.unpack_from("<ii", body, 12)
    if lower != 1:
        raise NoRule("an array constant that does not begin at 1")
    if element != kinds.ELEMENTS[type_oid]:
        raise NoRule("an array constant of another element type")
    nulls = body[20 : 20 + (size + 7) // 8] if null_offset else b""
    position = (null_offset or 24) - 4  # offsets count the header that is cut off
    values: list[object] = []
    for index in range(size):
        if nulls and not nulls[index // 8] >> index % 8 & 1:
            values.append(None)
            continue
        value, position = _element(element, body, position)
        values.append(value)
    return values


_BY_VALUE = {  # size and alignment
    kinds.BOOL: (1, 1), kinds.CHAR: (1, 1), kinds.INT2: (2, 2), kinds.INT4: (4, 4), kinds.OID: (4, 4),
    kinds.FLOAT4: (4, 4), kinds.DATE: (4, 4), kinds.INT8: (8, 8), kinds.FLOAT8: (8, 8), kinds.TIME: (8, 8),
    kinds.TIMESTAMP: (8, 8), kinds.TIMESTAMPTZ: (8, 8), kinds.INTERVAL: (16, 8), kinds.UUID: (16, 1),
    kinds.NAME: (64, 1),
}  # fmt: skip


def _element(element: int, body: bytes, position: int) -> tuple[object, int]:
    if element in _BY_VALUE:
        size, alignment = _BY_VALUE[element]
        position += -(position + 4) % alignment
        return _FIXED[element](body[position : position + size]), position + size
    position += -(position + 4) % 4
    size = int.from_bytes(body[position : position + 4], "little") >> 2
    return _FIXED[element](body[position : position + size]), position + size


_FIXED: dict[int, Callable[[bytes], object]] = {
    kinds.BOOL: _bool,
    kinds.BYTEA: _varlena,
    kinds.CHAR: _char,
    kinds.NAME: _name,
    kinds.INT8: _unpacker("<q"),
    kinds.INT2: _unpacker("<h"),
    kinds.INT4: _unpacker("<i"),
    kinds.OID: _unpacker("<I"),
    kinds.TEXT: _text,
    kinds.VARCHAR: _text,
    kinds.BPCHAR: _text,
    kinds.JSON: _text,
    kinds.JSONB: _jsonb,
    kinds.UNKNOWN: _name,
    kinds.FLOAT4: _unpacker("<f"),
    kinds.FLOAT8: _unpacker("<d"),
    kinds.DATE: _unpacker("<i"),
    kinds.TIME: _unpacker("<q"),
    kinds.TIMESTAMP: _unpacker("<q"),
    kinds.TIMESTAMPTZ: _unpacker("<q"),
    kinds.INTERVAL: _interval,
    kinds.UUID: _uuid,
    kinds.NUMERIC: _numeric,
}
