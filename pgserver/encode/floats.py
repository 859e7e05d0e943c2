"""Floats as Postgres' shortest text that reads back the same.

Arrow gives the shortest digits; the layout (when an exponent is used) and one rule (half_way.py) differ.
Source: Postgres' common/d2s.c, f2s.c, and utils/adt/float.c for `extra_float_digits` below 1.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.digits import selected
from pgserver.encode.half_way import is_half_way, strictly_inside
from pgserver.encode.pieces import (
    BYTES,
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    Piece,
    choose,
    field,
    lengths_of,
    numbers,
    offsets_of,
    to_bytes,
    validity,
)
from pgserver.encode.pieces import text as scalar

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Format:
    """What float4 and float8 differ in."""

    dtype: type[np.floating]
    digits: int  # FLT_DIG, DBL_DIG: exponents from here on are printed
    mantissa_bits: int
    longest: int  # digits that any value needs at most


_FLOAT4 = _Format(np.float32, 6, 24, 9)
_FLOAT8 = _Format(np.float64, 15, 53, 17)
_SMALLEST_EXPONENT = -4
_MOST_DECIMALS = 4
_SAMPLE = 32  # rows that are looked at first
_ARROW_FIXED_MIN = 1e-5  # Arrow prints values from here ..
_ARROW_FIXED_MAX = 1e10  # .. to here without an exponent


def float_text(kind: pa.DataType, extra_float_digits: int) -> ColumnEncoder:
    """Return the encoder of float32 or float64."""
    form = _FLOAT4 if pa.types.is_float32(kind) else _FLOAT8

    def encode(array: pa.Array) -> Field:
        values = numbers(array, form.dtype)
        valid = validity(array)
        if extra_float_digits <= 0:
            return field([to_bytes(_rounded(values, max(1, form.digits + extra_float_digits)))], valid)
        pieces = _short_decimals(values, form)
        return field([to_bytes(_shortest(values, form))] if pieces is None else pieces, valid)

    return encode


def _short_decimals(values: Floats, form: _Format) -> list[Piece] | None:
    """Write values that all have at most four decimals, as prices and rates do: much faster than finding digits.

    A decimal of at most FLT_DIG or DBL_DIG digits that reads back as the value is the shortest one.
    """
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        scale = next(
            (scale for scale in range(_MOST_DECIMALS + 1) if _is_scaled(wide[:_SAMPLE], values[:_SAMPLE], scale, form)),
            None,
        )
        while scale is not None and not _is_scaled(wide, values, scale, form):
            scale = scale + 1 if scale < _MOST_DECIMALS else None
        if scale is None:
            return None
        size = np.abs(np.rint(wide * 10**scale)).astype(np.int64)
    whole = size // 10**scale
    negative = np.signbit(values)
    pieces: list[Piece] = [selected(negative, [b"", b"-"])] if negative.any() else []
    pieces.append(to_bytes(pc.cast(pa.array(whole), TEXT)))
    if scale:
        pieces.append(_fractions(scale).take(pa.array(size - whole * 10**scale)))
    return pieces


def _is_scaled(wide: npt.NDArray[np.float64], values: Floats, scale: int, form: _Format) -> bool:
    scaled = np.rint(wide * 10**scale)
    same = (scaled / 10**scale).astype(form.dtype) == values
    return bool(same.all()) and bool((np.abs(scaled) < 10**form.digits).all())


@cache
def _fractions(scale: int) -> pa.LargeBinaryArray:
    """Return what follows the whole part, `.5` for 50 of a scale of 2."""
    texts = [f".{number:0{scale}}".rstrip("0").rstrip(".").encode() for number in range(10**scale)]
    return pa.array(texts, BYTES)


def _shortest(values: Floats, form: _Format) -> pa.LargeStringArray:
    text = pc.cast(pa.array(values), TEXT)
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        usual = (size == 0) | ((size >= 10.0**_SMALLEST_EXPONENT) & (size < min(10.0**form.digits, _ARROW_FIXED_MAX)))
    if usual.all():
        return text
    odd = np.flatnonzero(~usual)
    return pc.replace_with_mask(text, pa.array(~usual), _odd(values[odd], text.take(pa.array(odd)), form))


def _odd(values: Floats, text: pa.LargeStringArray, form: _Format) -> pa.LargeStringArray:
    """Lay out again what Arrow lays out differently."""
    finite = np.isfinite(values)
    digits, exponents = _digits(pc.if_else(pa.array(finite), text, "1"))
    digits, exponents = _off_bounds(values, digits, exponents, finite, form)
    plain = (exponents >= _SMALLEST_EXPONENT) & (exponents < form.digits)
    laid = _scientific(digits, exponents)
    for exponent in np.unique(exponents[plain]):
        chosen = plain & (exponents == exponent)
        laid = pc.replace_with_mask(laid, pa.array(chosen), _plain(digits.filter(pa.array(chosen)), int(exponent)))
    laid = pc.if_else(pa.array(finite), laid, choose(np.isnan(values), "NaN", "Infinity"))
    return _concatenate(choose(np.signbit(values) & ~np.isnan(values), "-", ""), laid)


def _digits(text: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Ints]:
    """Split Arrow's text of finite values into digits (no zeros at either end) and the exponent of the first one."""
    lengths = lengths_of(text.view(BYTES))
    column = np.arange(int(lengths.max()))
    offsets = offsets_of(text)
    places = offsets[:-1, None] + np.minimum(column, lengths[:, None] - 1)
    characters = np.frombuffer(text.buffers()[2], dtype=np.uint8).take(places)
    letter = characters == ord("e")
    end = np.where(letter.any(axis=1), letter.argmax(axis=1), lengths)
    inside = column < end[:, None]
    point = np.where((characters == ord(".")).any(axis=1), (characters == ord(".")).argmax(axis=1), end)
    nonzero = inside & (characters > ord("0")) & (characters <= ord("9"))
    first = nonzero.argmax(axis=1)
    last = len(column) - 1 - nonzero[:, ::-1].argmax(axis=1)
    kept = (column >= first[:, None]) & (column <= last[:, None]) & (characters != ord("."))
    ends = np.zeros(len(text) + 1, dtype=np.int64)
    np.cumsum(kept.sum(axis=1), out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(characters[kept])]
    exponents = np.where(first < point, point - first - 1, point - first)
    exponents[end < lengths] += _written_exponents(characters, end, lengths)
    return pa.Array.from_buffers(TEXT, len(text), buffers), exponents


def _written_exponents(characters: npt.NDArray[np.uint8], end: Ints, lengths: Ints) -> Ints:
    """Read `e+12`, `e-7` of the rows that have it."""
    rows = np.flatnonzero(end < lengths)
    at, stop = end[rows] + 2, lengths[rows]
    value = np.zeros(len(rows), dtype=np.int64)
    while (more := at < stop).any():
        digit = characters[rows, np.minimum(at, stop - 1)].astype(np.int64) - ord("0")
        value = np.where(more, value * 10 + digit, value)
        at = at + 1
    return np.where(characters[rows, end[rows] + 1] == ord("-"), -value, value)


def _scientific(digits: pa.LargeStringArray, exponents: Ints) -> pa.LargeStringArray:
    point = choose(pc.greater(pc.binary_length(digits), 1), ".", "")
    first, rest = pc.utf8_slice_codeunits(digits, 0, 1), pc.utf8_slice_codeunits(digits, 1)
    size = pc.ascii_lpad(pc.cast(pa.array(np.abs(exponents)), TEXT), 2, padding="0")
    return _concatenate(first, point, rest, choose(exponents < 0, "e-", "e+"), size)


def _plain(digits: pa.LargeStringArray, exponent: int) -> pa.LargeStringArray:
    """Write values whose first digit stands for 10^exponent without an exponent."""
    if exponent < 0:
        return _concatenate(scalar("0." + "0" * (-exponent - 1)), digits)
    longer = pc.ascii_rpad(digits, exponent + 1, padding="0")
    whole, rest = pc.utf8_slice_codeunits(longer, 0, exponent + 1), pc.utf8_slice_codeunits(longer, exponent + 1)
    return _concatenate(whole, choose(pc.equal(rest, ""), "", "."), rest)


def _concatenate(*parts: pa.LargeStringArray | pa.LargeStringScalar) -> pa.LargeStringArray:
    return pc.binary_join_element_wise(*parts, scalar(""))


def _off_bounds(
    values: Floats, digits: pa.LargeStringArray, exponents: Ints, finite: Mask, form: _Format
) -> tuple[pa.LargeStringArray, Ints]:
    """Replace digits that lie exactly half way between a value and its neighbour."""
    size = np.where(finite, np.abs(values), 1)
    candidates = np.flatnonzero(size >= 2.0 ** (form.mantissa_bits))
    if not len(candidates):
        return digits, exponents
    numerals = pc.cast(digits.take(pa.array(candidates)), pa.int64()).to_numpy()
    lengths = pc.binary_length(digits.take(pa.array(candidates))).to_numpy().astype(np.int64)
    powers = exponents[candidates] - lengths + 1
    bound = is_half_way(size[candidates].astype(np.float64), numerals, powers, form.mantissa_bits)
    if not bound.any():
        return digits, exponents
    rows = candidates[bound]
    texts, better = strictly_inside(size[rows].astype(np.float64), powers[bound], form.mantissa_bits, form.longest)
    chosen = np.zeros(len(values), dtype=bool)
    chosen[rows] = True
    exponents = exponents.copy()
    exponents[rows] = better
    return pc.replace_with_mask(digits, pa.array(chosen), pa.array(texts, TEXT)), exponents


def _rounded(values: Floats, digits: int) -> pa.LargeStringArray:
    """Write values with that many significant digits, as C's %.*g: a setting that only old dumps use."""
    text = np.char.mod(f"%.{digits}g", values.astype(np.float64))
    named = np.where(np.isnan(values), "NaN", np.where(values > 0, "Infinity", "-Infinity"))
    return pa.array(np.where(np.isfinite(values), text, named), TEXT)
