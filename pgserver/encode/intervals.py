"""Intervals in every IntervalStyle. Source: Postgres' interval2itm, EncodeInterval (utils/adt/datetime.c)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.digits import fraction_pieces, padded
from pgserver.encode.pieces import (
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    Piece,
    choose,
    field,
    mask,
    numbers,
    to_bytes,
    validity,
)

_MONTH_DAY_NANO = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])


@dataclass(frozen=True, slots=True)
class _Parts:
    """The fields of an interval; all of one unit group have the same sign, as C's division leaves them."""

    year: Ints
    month: Ints
    day: Ints
    hour: Ints
    minute: Ints
    second: Ints
    micro: Ints

    def all(self) -> tuple[Ints, ...]:
        """Return the fields from the largest."""
        return (self.year, self.month, self.day, self.hour, self.minute, self.second, self.micro)

    def time(self) -> Mask:
        """Tell which rows have a time part."""
        return _any([value != 0 for value in (self.hour, self.minute, self.second, self.micro)])

    def time_negative(self) -> Mask:
        """Tell which rows' time part is below zero."""
        return _any([value < 0 for value in (self.hour, self.minute, self.second, self.micro)])


def _any(conditions: Sequence[Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(conditions)
    return found


def interval_text(style: str) -> ColumnEncoder:
    """Return the encoder of month_day_nano in a style."""
    layout = _STYLES[style]

    def encode(array: pa.Array) -> Field:
        return field(layout(_parts(array)), validity(array))

    return encode


def interval_binary(array: pa.Array) -> Field:
    """Encode microseconds, days, months."""
    values = numbers(array, _MONTH_DAY_NANO)
    row = np.empty(len(array), dtype=[("micros", ">i8"), ("days", ">i4"), ("months", ">i4")])
    row["micros"] = _divide(values["nanos"].astype(np.int64), 1000)[0]
    row["days"] = values["days"]
    row["months"] = values["months"]
    return field([row], validity(array))


def _parts(array: pa.Array) -> _Parts:
    values = numbers(array, _MONTH_DAY_NANO)
    year, month = _divide(values["months"].astype(np.int64), 12)
    micros, _ = _divide(values["nanos"].astype(np.int64), 1000)
    hour, rest = _divide(micros, 3_600_000_000)
    minute, rest = _divide(rest, 60_000_000)
    second, micro = _divide(rest, 1_000_000)
    return _Parts(year, month, values["days"].astype(np.int64), hour, minute, second, micro)


def _divide(values: Ints, by: int) -> tuple[Ints, Ints]:
    """Return quotient and remainder as C has them: towards zero."""
    size = np.abs(values)
    sign = np.sign(values)
    quotient = size // by
    return sign * quotient, sign * (size - quotient * by)


def _text(values: Ints) -> pa.LargeBinaryArray:
    return to_bytes(pc.cast(pa.array(values), TEXT))


def _where(condition: Mask, piece: Piece) -> Piece:
    """Keep the piece in some rows only."""
    return mask(piece, pa.array(condition))


def _either(condition: Mask, yes: str, no: str) -> pa.LargeBinaryArray:
    return to_bytes(choose(condition, yes, no))


def _padded(values: Ints, width: int) -> pa.LargeBinaryArray:
    return to_bytes(pc.ascii_lpad(pc.cast(pa.array(values), TEXT), width, padding="0"))


def _clock(parts: _Parts, hours: pa.LargeBinaryArray) -> list[Piece]:
    """Return hours:MM:SS and the fraction, without a sign."""
    colon = np.broadcast_to(np.array(b":", dtype="V1"), parts.hour.shape)
    minute, second = padded(np.abs(parts.minute), 2), padded(np.abs(parts.second), 2)
    return [hours, colon, minute, colon, second, *fraction_pieces(np.abs(parts.micro))]


def _postgres(parts: _Parts) -> list[Piece]:
    pieces: list[Piece] = []
    empty = np.ones(len(parts.year), dtype=bool)
    before = np.zeros(len(parts.year), dtype=bool)
    for value, unit in ((parts.year, "year"), (parts.month, "mon"), (parts.day, "day")):
        here = value != 0
        plus = _either(before & (value > 0), "+", "")
        words = (_either(empty, "", " "), plus, _text(value), _either(value == 1, f" {unit}", f" {unit}s"))
        pieces.extend(_where(here, word) for word in words)
        before = np.where(here, value < 0, before)
        empty &= ~here
    shown = empty | parts.time()
    sign = pc.if_else(pa.array(parts.time_negative()), b"-", _either(before, "+", ""))
    time = [_either(empty, "", " "), sign, *_clock(parts, _padded(np.abs(parts.hour), 2))]
    return [*pieces, *(_where(shown, piece) for piece in time)]


def _sql_standard(parts: _Parts) -> list[Piece]:
    negative = _any([value < 0 for value in parts.all()])
    positive = _any([value > 0 for value in parts.all()])
    months, time = (parts.year != 0) | (parts.month != 0), parts.time()
    mixed = (negative & positive) | (months & ((parts.day != 0) | time))
    zero = ~negative & ~positive
    pieces: list[Piece] = [_either(zero, "0", ""), _either(negative & ~mixed, "-", "")]
    dates = mixed | months
    sign = _either((parts.year < 0) | (parts.month < 0), "-", "+")
    pieces += [_where(mixed, sign), *(_where(dates, piece) for piece in _year_month(parts))]
    days = mixed | (~months & (parts.day != 0))
    pieces += [_where(mixed, _either(parts.day < 0, " -", " +"))]
    pieces += [_where(days, _text(np.abs(parts.day))), _where(days, _either(days, " ", ""))]
    clocks = mixed | (~months & ~zero)
    pieces += [_where(mixed, _either(parts.time_negative(), "-", "+"))]
    return pieces + [_where(clocks, piece) for piece in _clock(parts, _text(np.abs(parts.hour)))]


def _year_month(parts: _Parts) -> list[Piece]:
    dash = np.broadcast_to(np.array(b"-", dtype="V1"), parts.year.shape)
    return [_text(np.abs(parts.year)), dash, _text(np.abs(parts.month))]


def _seconds(parts: _Parts) -> list[Piece]:
    """Return seconds and fraction without a sign or a leading zero."""
    return [_text(np.abs(parts.second)), *fraction_pieces(np.abs(parts.micro))]


def _iso_8601(parts: _Parts) -> list[Piece]:
    zero = ~_any([value != 0 for value in parts.all()])
    pieces: list[Piece] = [_either(zero, "PT0S", "P")]
    for value, letter in ((parts.year, "Y"), (parts.month, "M"), (parts.day, "D")):
        pieces += [_where(value != 0, _text(value)), _either(value != 0, letter, "")]
    pieces.append(_either(parts.time(), "T", ""))
    for value, letter in ((parts.hour, "H"), (parts.minute, "M")):
        pieces += [_where(value != 0, _text(value)), _either(value != 0, letter, "")]
    seconds = (parts.second != 0) | (parts.micro != 0)
    pieces.append(_either((parts.second < 0) | (parts.micro < 0), "-", ""))
    return [*pieces, *(_where(seconds, piece) for piece in _seconds(parts)), _either(seconds, "S", "")]


def _postgres_verbose(parts: _Parts) -> list[Piece]:
    rows = len(parts.year)
    pieces: list[Piece] = [_either(np.ones(rows, dtype=bool), "@", "")]
    empty, before = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    units = ("year", "mon", "day", "hour", "min")
    for value, unit in zip(parts.all(), units, strict=False):
        here = value != 0
        before = np.where(empty & here, value < 0, before)
        shown = np.where(before, -value, value)
        words = (_either(here, " ", ""), _text(shown), _either(shown == 1, f" {unit}", f" {unit}s"))
        pieces.extend(_where(here, word) for word in words)
        empty &= ~here
    seconds = (parts.second != 0) | (parts.micro != 0)
    below = (parts.second < 0) | (parts.micro < 0)
    before = np.where(seconds & empty & below, True, before)
    minus = seconds & np.where(below, ~before, before)
    pieces += [_either(seconds, " ", ""), _either(minus, "-", "")]
    pieces += [_where(seconds, piece) for piece in _seconds(parts)]
    single = (np.abs(parts.second) == 1) & (parts.micro == 0)
    pieces.append(_where(seconds, _either(single, " sec", " secs")))
    empty &= ~seconds
    return [*pieces, _either(empty, " 0", ""), _either(before, " ago", "")]


_STYLES: dict[str, Callable[[_Parts], list[Piece]]] = {
    "postgres": _postgres,
    "postgres_verbose": _postgres_verbose,
    "sql_standard": _sql_standard,
    "iso_8601": _iso_8601,
}
