"""Postgres' text forms to Arrow values, a whole column at a time: all that pyarrow cannot parse by itself. Pure.

Infinite dates and timestamps become DuckDB's sentinels: the largest integer and its negative.
"""

import binascii
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

DATE_INFINITY = 2**31 - 1
TIMESTAMP_INFINITY = 2**63 - 1
DAY_US = 86_400_000_000
LAST_TIMESTAMP_DAY = 106_751_990  # 294247-01-09: the last whole day that fits into int64 microseconds since 1970

_DATE = r"(?P<year>\d{4,7})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?"
_BC = r"(?P<bc> BC)?"
DATE_PATTERN = f"^{_DATE}{_BC}$"
TIMESTAMP_PATTERN = rf"^{_DATE} {_TIME}(?:\+00)?{_BC}$"
TIME_PATTERN = f"^{_TIME}$"


class Unrepresentable(Exception):
    """A value that the column's type in the lake cannot hold: the column must be stored as text."""

    def __init__(self, reason: str, column: str = "") -> None:
        """Say why; who knows the column's name adds it."""
        super().__init__(f"{column}: {reason}")
        self.reason = reason
        self.column = column


def parse(texts: pa.StringArray, storage: str, arrow: pa.DataType) -> pa.Array:
    """Parse a column.

    Args: values in Postgres' text form; the row of `catalog.types`; the Arrow type to give.
    Raises: Unrepresentable for a value that the type does not have (NaN as decimal, a timestamp of year 294276).
    """
    return PARSERS.get(storage, _cast)(texts, arrow)


def _cast(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    if arrow == texts.type:
        return texts
    try:
        return pc.cast(texts, arrow)
    except pa.ArrowInvalid as error:
        raise Unrepresentable(f"not every value is a {arrow}") from error


def parse_bool(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    """Parse t and f."""
    del arrow
    return pc.equal(texts, "t")


def parse_bytea(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    r"""Parse the hex form, \x0a1b."""
    if len(texts) == 1 and not texts.null_count:  # it may be huge
        _, text = _text_buffers(texts)
        value = binascii.unhexlify(text[2:])
        return _from_buffers(arrow, texts, pa.array([0, len(value)], pa.int32()).buffers()[1], pa.py_buffer(value))
    offsets, digits = _text_buffers(pc.utf8_slice_codeunits(pc.fill_null(texts, r"\x"), 2))
    data = binascii.unhexlify(digits)
    return _from_buffers(arrow, texts, pa.py_buffer((offsets // 2).astype(np.int32)), pa.py_buffer(data))


def parse_uuid(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    """Parse 8-4-4-4-12 hex digits."""
    _, digits = _text_buffers(pc.replace_substring(pc.fill_null(texts, "0" * 32), "-", ""))
    storage = _from_buffers(pa.binary(16), texts, pa.py_buffer(binascii.unhexlify(digits)))
    return pa.ExtensionArray.from_storage(arrow, storage) if isinstance(arrow, pa.BaseExtensionType) else storage


def parse_date(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    """Parse dates from 4713 BC to 5874897, and the infinite ones."""
    return _parse_calendar(texts, arrow, DATE_PATTERN, DATE_INFINITY)


def parse_timestamp(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    """Parse timestamps, in UTC where they have a zone."""
    return _parse_calendar(texts, arrow, TIMESTAMP_PATTERN, TIMESTAMP_INFINITY)


def parse_time(texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    """Parse times of day, 24:00:00 too."""
    fields = _fields(texts, TIME_PATTERN)
    return _integers(_microseconds(fields), texts, pa.int64()).view(arrow)


def _parse_calendar(texts: pa.StringArray, arrow: pa.DataType, pattern: str, infinity: int) -> pa.Array:
    try:
        return pc.cast(texts, arrow)  # the common case, several times faster
    except pa.ArrowInvalid:
        pass
    positive = _mask(pc.equal(texts, "infinity"))
    negative = _mask(pc.equal(texts, "-infinity"))
    plain = pc.if_else(pa.array(positive | negative), None, texts)
    values = _days_or_microseconds(_fields(plain, pattern), is_date=arrow == pa.date32())
    values[positive] = infinity
    values[negative] = -infinity
    integer = pa.int32() if arrow == pa.date32() else pa.int64()
    return _integers(values, texts, integer).view(arrow)


def _days_or_microseconds(fields: dict[str, pa.Array], *, is_date: bool) -> Int64s:
    year = _number(fields["year"], 1970)
    year = np.where(_mask(pc.equal(fields["bc"], " BC")), 1 - year, year)  # 1 BC is the year 0
    days = days_from_civil(year, _number(fields["month"], 1), _number(fields["day"], 1))
    if is_date:
        return days
    if len(days) and int(days.max()) > LAST_TIMESTAMP_DAY:
        raise Unrepresentable("a timestamp after 294247-01-09")
    return days * DAY_US + _microseconds(fields)


def days_from_civil(year: Int64s, month: Int64s, day: Int64s) -> Int64s:
    """Return days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, chrono-compatible date algorithms)."""
    shifted = np.where(month <= 2, year - 1, year)  # the year begins in March: the leap day is its last
    era = np.floor_divide(shifted, 400)
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return np.asarray(era * 146_097 + day_of_era - 719_468, dtype=np.int64)


def _microseconds(fields: dict[str, pa.Array]) -> Int64s:
    fraction = _number(pc.utf8_rpad(fields["fraction"], 6, "0"), 0)
    seconds = (_number(fields["hour"], 0) * 60 + _number(fields["minute"], 0)) * 60 + _number(fields["second"], 0)
    return seconds * 1_000_000 + fraction


def _fields(texts: pa.StringArray, pattern: str) -> dict[str, pa.Array]:
    """Take texts apart; every one that is not null must have the form."""
    parts = pc.extract_regex(texts, pattern)
    if parts.null_count != texts.null_count:
        raise Unrepresentable("a value of an unknown form")
    return {field.name: pc.struct_field(parts, field.name) for field in parts.type}


def _number(texts: pa.Array, default: int) -> Int64s:
    """Return integers; the default where there is no text."""
    filled = pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), str(default), texts)
    return np.array(pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def _mask(condition: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _integers(values: Int64s, texts: pa.StringArray, arrow: pa.DataType) -> pa.Array:
    return pa.array(values, type=arrow, mask=_mask(pc.is_null(texts)))


def _text_buffers(texts: pa.StringArray) -> tuple[Int64s, memoryview]:
    """Return n + 1 offsets that begin with 0, and the bytes that they speak of; no value may be null."""
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    if not len(offsets):
        offsets = np.zeros(1, np.int64)
    view = memoryview(data or b"")[int(offsets[0]) : int(offsets[-1])]
    return offsets - offsets[0], view


def _from_buffers(arrow: pa.DataType, texts: pa.StringArray, *buffers: pa.Buffer) -> pa.Array:
    """Build an array of the given buffers with the nulls of another."""
    if texts.null_count == 0:
        return pa.Array.from_buffers(arrow, len(texts), [None, *buffers])
    valid = pc.is_valid(texts)
    assert valid.offset == 0
    return pa.Array.from_buffers(arrow, len(texts), [valid.buffers()[1], *buffers])


PARSERS: dict[str, Callable[[pa.StringArray, pa.DataType], pa.Array]] = {
    "bool": parse_bool,
    "bytea": parse_bytea,
    "uuid": parse_uuid,
    "date": parse_date,
    "timestamp": parse_timestamp,
    "timestamptz": parse_timestamp,
    "time": parse_time,
}
