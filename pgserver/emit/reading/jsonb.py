"""A jsonb constant's bytes to the canonical text that Postgres prints, which is how the lake stores jsonb.

Source: src/include/utils/jsonb.h; `JsonbToCStringWorker`, `escape_json` in src/backend/utils/adt.
"""

import re
import struct

from pgserver.emit.errors import NoRule

_COUNT = 0x0FFFFFFF
_SCALAR, _OBJECT, _ARRAY = 0x10000000, 0x20000000, 0x40000000
_OFFLENMASK, _HAS_OFFSET, _TYPE = 0x0FFFFFFF, 0x80000000, 0x70000000
_STRING, _NUMERIC, _FALSE, _TRUE, _NULL, _CONTAINER = (kind << 28 for kind in (0, 1, 2, 3, 4, 5))
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ODD = re.compile(r'["\\\x00-\x1f]')
MAX_DEPTH = 200


def json_string(value: str) -> str:
    """Return a JSON string as Postgres' `escape_json` writes it."""
    return '"' + _ODD.sub(lambda match: _ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), value) + '"'


def jsonb_text(body: bytes, depth: int = 0) -> str:
    """Return the text of a container, the bytes that follow a jsonb's varlena header."""
    if depth > MAX_DEPTH:
        raise NoRule("a deeply nested jsonb constant")
    (header,) = struct.unpack_from("<I", body)
    count = header & _COUNT
    entries = struct.unpack_from(f"<{count * (2 if header & _OBJECT else 1)}I", body, 4)
    values = _values(body, entries, depth)
    if header & _OBJECT:
        pairs = zip(values[:count], values[count:], strict=True)
        return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    return values[0] if header & _SCALAR else "[" + ", ".join(values) + "]"


def _values(body: bytes, entries: tuple[int, ...], depth: int) -> list[str]:
    start = 4 + 4 * len(entries)
    offset = 0
    texts: list[str] = []
    for entry in entries:
        end = entry & _OFFLENMASK if entry & _HAS_OFFSET else offset + (entry & _OFFLENMASK)
        texts.append(_value(body, start + offset, start + end, entry & _TYPE, start, depth))
        offset = end
    return texts


def _value(body: bytes, begin: int, end: int, kind: int, start: int, depth: int) -> str:
    from pgserver.emit.reading.datums import numeric

    if kind == _STRING:
        return json_string(body[begin:end].decode())
    if kind in (_TRUE, _FALSE, _NULL):
        return {_TRUE: "true", _FALSE: "false", _NULL: "null"}[kind]
    begin += -(begin - start) % 4  # numbers and containers are aligned
    if kind == _NUMERIC:
        return f"{numeric(body[begin + 4 : end]):f}"
    if kind == _CONTAINER:
        return jsonb_text(body[begin:end], depth + 1)
    raise NoRule("a jsonb constant of an unknown form")
