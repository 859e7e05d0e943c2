"""Two answers to one statement: the first thing in which ours differs from PostgreSQL's."""

import math
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pglast
from pglast.parser import ParseError

from tests.support.asking import Answer, Column

FIRST_USER_OID = 16384
RECORD = 2249
FLOATS = {700: ">f", 701: ">d"}
REFERENCES = (2205, 2206, 4089, 4096)  # regclass, regtype, regnamespace, regrole

Row = tuple[bytes | None, ...]
TypeNames = Mapping[int, str]


def difference(
    expected: Sequence[Answer], actual: Sequence[Answer], names: tuple[TypeNames, TypeNames], *, ordered: bool
) -> str | None:
    """Return what differs, or None. `names`: user types by OID, on either side; `ordered`: rows must come in order."""
    if len(expected) != len(actual):
        return f"{len(expected)} results became {len(actual)}: {[a.message or a.tag for a in actual]}"
    for one, other in zip(expected, actual, strict=True):
        found = _difference(one, other, names, ordered=ordered)
        if found:
            return found
    return None


def is_ordered(text: str) -> bool:
    """Whether a statement says at its top in which order its rows come."""
    try:
        tree = pglast.parse_sql(text)
    except ParseError:
        return True
    statement = tree[0].stmt if tree else None
    return bool(getattr(statement, "sortClause", None))


def _difference(a: Answer, b: Answer, names: tuple[TypeNames, TypeNames], *, ordered: bool) -> str | None:
    if a.sqlstate != b.sqlstate:
        return f"{_outcome(a)} became {_outcome(b)}"
    for what, key in (("column names", _name), ("typmods", _typmod), ("formats", _format)):
        if found := _first(what, [key(c) for c in a.columns], [key(c) for c in b.columns]):
            return found
    types = [
        [side_names.get(c.type_oid, c.type_oid) for c in side.columns]
        for side, side_names in zip((a, b), names, strict=True)
    ]
    if found := _first("type OIDs", *types):
        return found
    if found := _rows(_masked(a), _masked(b), a.columns, ordered=ordered):
        return found
    return None if a.tag == b.tag else f"tag {a.tag!r} became {b.tag!r}"


def _outcome(answer: Answer) -> str:
    if answer.sqlstate:
        return f"error {answer.sqlstate} {answer.message[:300]!r}"
    return f"{answer.tag!r} with {len(answer.rows)} rows"


def _name(column: Column) -> object:
    return column.name


def _typmod(column: Column) -> object:
    return column.typmod


def _format(column: Column) -> object:
    return column.format


def _first(what: str, a: Sequence[object], b: Sequence[object]) -> str | None:
    if list(a) == list(b):
        return None
    if len(a) != len(b):
        return f"{what}: {list(a)} became {list(b)}"
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
    return f"{what}: {a[at]!r} became {b[at]!r} (column {at + 1})"


def _rows(a: Sequence[Row], b: Sequence[Row], columns: Sequence[Column], *, ordered: bool) -> str | None:
    if list(a) == list(b):
        return None
    missing, extra = list((Counter(a) - Counter(b)).elements()), list((Counter(b) - Counter(a)).elements())
    if not missing and not extra:
        at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
        return f"order: row {at + 1} {a[at]!r} became {b[at]!r}" if ordered else None
    head = f"rows: {len(a)} became {len(b)}; " if len(a) != len(b) else ""
    if missing and extra:
        other = min(extra, key=lambda row: sum(x != y for x, y in zip(row, missing[0], strict=True)))
        parts = [
            f"{column.name}: {x!r} became {y!r}"
            for column, x, y in zip(columns, missing[0], other, strict=True)
            if x != y
        ]
        return f"{head}{len(missing)} rows differ, first: {'; '.join(parts)}"
    return f"{head}{'missing' if missing else 'new'}: {(missing or extra)[0]!r}"


def _masked(answer: Answer) -> list[Row]:
    """Hide what is each side's own: OIDs of user objects in binary arrays, records and reg* values, the sign of NaN."""
    masks = {i: mask for i, column in enumerate(answer.columns) if (mask := _mask(column)) is not None}
    if not masks:
        return answer.rows
    return [
        tuple(masks[i](value) if i in masks and value is not None else value for i, value in enumerate(row))
        for row in answer.rows
    ]


def _mask(column: Column) -> Callable[[bytes], bytes] | None:
    if column.format == 0:
        return None
    if column.type_oid in REFERENCES:
        return _mask_reference
    if column.type_oid in FLOATS:
        return partial(_mask_nan, FLOATS[column.type_oid])
    if column.type_oid == RECORD:
        return _mask_record
    return _mask_array if column.type_oid >= FIRST_USER_OID else None


def _mask_nan(layout: str, value: bytes) -> bytes:
    """Hide the sign of NaN, which means nothing: of infinity times 0 it is the processor's, unlike on x86 and ARM."""
    (number,) = struct.unpack(layout, value)
    return b"NaN" if math.isnan(number) else value


def _mask_reference(value: bytes) -> bytes:
    return value if struct.unpack(">I", value)[0] < FIRST_USER_OID else b"user"


def _mask_array(value: bytes) -> bytes:
    """Hide the element type of an array, and the field types of a composite value."""
    if len(value) >= 12:
        dimensions, nulls, element = struct.unpack_from(">iiI", value)
        if 0 <= dimensions <= 6 and nulls in (0, 1) and element >= FIRST_USER_OID:
            return value[:8] + b"\0\0\0\0" + value[12:]
    return value


def _mask_record(value: bytes) -> bytes:
    out, at = bytearray(value), 4
    for _ in range(struct.unpack_from(">i", value)[0]):
        oid, length = struct.unpack_from(">Ii", value, at)
        if oid >= FIRST_USER_OID:
            out[at : at + 4] = b"\0\0\0\0"
        at += 8 + max(length, 0)
    return bytes(out)
