"""Floats as Postgres' shortest text that reads back the same.

Arrow gives the shortest digits; the layout (when an exponent is used) and one rule differ: Postgres' Ryu never answers
with a decimal that lies exactly half way to a neighbour, since only a reader that rounds to even would read it back.
Such decimals exist for large values only (2^54 and up; 2^24 for float4).
Source: Postgres' common/d2s.c, f2s.c (acceptBounds is false), and utils/adt/float.c for `extra_float_digits` below 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.pieces import TEXT, ColumnEncoder, Field, Mask, choose, field, numbers, to_bytes, validity
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
_ARROW_FIXED_MIN = 1e-5  # Arrow prints values from here ..
_ARROW_FIXED_MAX = 1e10  # .. to here without an exponent


def float_text(kind: pa.DataType, extra_float_digits: int) -> ColumnEncoder:
    """Return the encoder of float32 or float64."""
    form = _FLOAT4 if pa.types.is_float32(kind) else _FLOAT8

    def encode(array: pa.Array) -> Field:
        values = numbers(array, form.dtype)
        valid = validity(array)
        if extra_float_digits > 0:
            text = _shortest(values, form)
        else:
            text = _rounded(values, max(1, form.digits + extra_float_digits))
        return field([to_bytes(text)], valid)

    return encode


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
    digits, exponents = _digits(pc.if_else(pa.array(finite), text, "1"), np.where(finite, np.abs(values), 1))
    digits, exponents = _off_bounds(values, digits, exponents, finite, form)
    plain = (exponents >= _SMALLEST_EXPONENT) & (exponents < form.digits)
    laid = _scientific(digits, exponents)
    for exponent in np.unique(exponents[plain]):
        chosen = plain & (exponents == exponent)
        laid = pc.replace_with_mask(laid, pa.array(chosen), _plain(digits.filter(pa.array(chosen)), int(exponent)))
    laid = pc.if_else(pa.array(finite), laid, choose(np.isnan(values), "NaN", "Infinity"))
    return _concatenate(choose(np.signbit(values) & ~np.isnan(values), "-", ""), laid)


def _digits(text: pa.LargeStringArray, size: Floats) -> tuple[pa.LargeStringArray, npt.NDArray[np.int64]]:
    """Split Arrow's text into its digits (no zeros at either end) and the exponent of the first digit."""
    parts = pc.extract_regex(text, r"^-?(?P<whole>\d+)(?:\.(?P<rest>\d+))?(?:e(?P<exponent>[+-]\d+))?$")
    whole, rest = pc.struct_field(parts, "whole"), pc.struct_field(parts, "rest")
    written = pc.struct_field(parts, "exponent")
    written = pc.cast(pc.ascii_ltrim(pc.if_else(pc.equal(written, ""), "0", written), "+"), pa.int64()).to_numpy()
    every = _concatenate(whole, rest)
    significant = pc.ascii_ltrim(every, "0")
    zeros = pc.subtract(pc.binary_length(every), pc.binary_length(significant)).to_numpy()
    exponents = pc.binary_length(whole).to_numpy() - 1 - zeros + written
    digits = pc.ascii_rtrim(significant, "0")
    assert bool((size > 0).all())
    return digits, exponents.astype(np.int64)


def _scientific(digits: pa.LargeStringArray, exponents: npt.NDArray[np.int64]) -> pa.LargeStringArray:
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
    values: Floats, digits: pa.LargeStringArray, exponents: npt.NDArray[np.int64], finite: Mask, form: _Format
) -> tuple[pa.LargeStringArray, npt.NDArray[np.int64]]:
    """Replace digits that lie exactly half way between a value and its neighbour."""
    size = np.where(finite, np.abs(values), 1)
    candidates = np.flatnonzero(size >= 2.0 ** (form.mantissa_bits))
    if not len(candidates):
        return digits, exponents
    numerals = pc.cast(digits.take(pa.array(candidates)), pa.int64()).to_numpy()
    lengths = pc.binary_length(digits.take(pa.array(candidates))).to_numpy().astype(np.int64)
    powers = exponents[candidates] - lengths + 1
    bound = candidates[_on_bound(size[candidates].astype(np.float64), numerals, powers, form)]
    if not len(bound):
        return digits, exponents
    # A handful of values of a column at most: the shortest that lies strictly inside, by trying.
    better = [_inside(float(size[row]), form) for row in bound]
    chosen = np.zeros(len(values), dtype=bool)
    chosen[bound] = True
    exponents = exponents.copy()
    exponents[bound] = [exponent for _, exponent in better]
    return pc.replace_with_mask(digits, pa.array(chosen), pa.array([text for text, _ in better], TEXT)), exponents


def _on_bound(
    size: npt.NDArray[np.float64], numerals: npt.NDArray[np.int64], powers: npt.NDArray[np.int64], form: _Format
) -> Mask:
    """Tell which decimals numeral * 10^power are half way between `size` = m * 2^e and a neighbour.

    Half way is (2m +- 1) * 2^(e-1), or (4m - 1) * 2^(e-2) below a power of two. Divided by 2^power, and with 5^power
    below the mantissa's size, all of it fits int64.
    """
    fraction, exponent = np.frexp(size)
    mantissa = np.ldexp(fraction, form.mantissa_bits).astype(np.int64)
    shift = exponent.astype(np.int64) - form.mantissa_bits - 1 - powers  # e - 1 - power
    found = np.zeros(len(size), dtype=bool)
    fives = np.array([5**power for power in range(25)], dtype=np.int64)
    for halves, bounds in ((0, (2 * mantissa - 1, 2 * mantissa + 1)), (1, (4 * mantissa - 1,))):
        power_shift = shift - halves
        possible = (powers >= 0) & (powers < 25) & (power_shift >= 0) & (power_shift < 62)
        if halves:
            possible &= fraction == 0.5
        shifted = numerals >> np.where(possible, power_shift, 0)
        exact = possible & (shifted << np.where(possible, power_shift, 0) == numerals)
        product = np.where(exact, shifted, 0) * fives[np.where(possible, powers, 0)]
        for bound in bounds:
            found |= exact & (product == bound)
    return found


def _inside(size: float, form: _Format) -> tuple[str, int]:
    """Return the shortest correctly rounded digits of a value that are not half way, and their exponent."""
    for length in range(form.longest - 3, form.longest + 1):
        mantissa, _, exponent = f"{size:.{length - 1}e}".partition("e")
        digits = mantissa.replace(".", "").rstrip("0")
        power = int(exponent) - len(digits) + 1
        same = float(form.dtype(f"{mantissa}e{exponent}")) == size
        sides = [np.array([number]) for number in (size, int(digits), power)]
        if same and not _on_bound(sides[0], sides[1], sides[2], form)[0]:
            return digits, int(exponent)
    raise AssertionError(size)


def _rounded(values: Floats, digits: int) -> pa.LargeStringArray:
    """Write values with that many significant digits, as C's %.*g: a setting that only old dumps use."""
    text = np.char.mod(f"%.{digits}g", values.astype(np.float64))
    named = np.where(np.isnan(values), "NaN", np.where(values > 0, "Infinity", "-Infinity"))
    return pa.array(np.where(np.isfinite(values), text, named), TEXT)
