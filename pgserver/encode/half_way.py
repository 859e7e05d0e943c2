"""Decimals that lie exactly half way between a float and its neighbour, and what Postgres writes instead.

Only a reader that rounds half to even reads such a decimal back, so Postgres' Ryu never answers with one. They exist
for whole numbers only, from two to the power of the mantissa's bits on.
Source: acceptBounds in Postgres' common/d2s.c, f2s.c.
"""

import numpy as np
import numpy.typing as npt

from pgserver.encode.pieces import Ints, Mask

Doubles = npt.NDArray[np.float64]

_FIVES = np.array([5**power for power in range(25)], dtype=np.int64)
_INT_LIMIT = 2.0**62


def is_half_way(size: Doubles, numerals: Ints, powers: Ints, mantissa_bits: int) -> Mask:
    """Tell which decimals numeral * 10^power are half way between `size` = m * 2^e and a neighbour.

    Half way is (2m +- 1) * 2^(e-1), or (4m - 1) * 2^(e-2) below a power of two. Divided by 2^power, and with 5^power
    below the mantissa's size, all of it fits int64.
    """
    fraction, exponent = np.frexp(size)
    mantissa = np.ldexp(fraction, mantissa_bits).astype(np.int64)
    shift = exponent.astype(np.int64) - mantissa_bits - 1 - powers  # e - 1 - power
    found = np.zeros(len(size), dtype=bool)
    for halves, bounds in ((0, (2 * mantissa - 1, 2 * mantissa + 1)), (1, (4 * mantissa - 1,))):
        power_shift = shift - halves
        possible = (powers >= 0) & (powers < len(_FIVES)) & (power_shift >= 0) & (power_shift < 62)
        if halves:
            possible &= fraction == 0.5
        by = np.where(possible, power_shift, 0)
        shifted = numerals >> by
        exact = possible & (shifted << by == numerals)
        product = np.where(exact, shifted, 0) * _FIVES[np.where(possible, powers, 0)]
        for bound in bounds:
            found |= exact & (product == bound)
    return found


def strictly_inside(size: Doubles, powers: Ints, mantissa_bits: int, longest: int) -> tuple[list[str], Ints]:
    """Return the shortest correctly rounded digits that are not half way, and the exponents of the first digits.

    Args: values whose shortest decimals, of these powers of ten, are half way; the digits that any value needs at most.
    """
    texts = [""] * len(size)
    exponents = np.zeros(len(size), dtype=np.int64)
    narrow = np.flatnonzero(size < _INT_LIMIT)
    numerals, found = _inside_ints(size[narrow], powers[narrow], mantissa_bits)
    for row, numeral, power in zip(narrow.tolist(), numerals.tolist(), found.tolist(), strict=True):
        texts[row] = str(numeral).rstrip("0")
        exponents[row] = power + len(str(numeral)) - 1
    for row in np.flatnonzero(size >= _INT_LIMIT).tolist():  # few: one in thousands of values beyond 4e18
        texts[row], exponents[row] = _inside_by_trying(float(size[row]), mantissa_bits, longest)
    return texts, exponents


def _inside_ints(size: Doubles, powers: Ints, mantissa_bits: int) -> tuple[Ints, Ints]:
    """Drop fewer and fewer decimal places of whole numbers, until what is left is strictly inside."""
    fraction, exponent = np.frexp(size)
    values = size.astype(np.int64)
    spacing = np.left_shift(1, exponent.astype(np.int64) - mantissa_bits)  # of the floats around
    numerals, found = values.copy(), np.zeros(len(values), dtype=np.int64)
    todo = np.ones(len(values), dtype=bool)
    for power in range(int(powers.max(initial=0)) - 1, 0, -1):
        unit = 10**power
        quotient = values // unit
        rest = values - quotient * unit
        quotient += (2 * rest > unit) | ((2 * rest == unit) & (quotient % 2 == 1))
        off = quotient * unit - values
        near = np.where((fraction == 0.5) & (off < 0), 4 * np.abs(off), 2 * np.abs(off)) < spacing
        chosen = todo & near & (power < powers)
        numerals[chosen], found[chosen] = quotient[chosen], power
        todo &= ~chosen
    return numerals, found


def _inside_by_trying(size: float, mantissa_bits: int, longest: int) -> tuple[str, int]:
    kind = np.float32 if mantissa_bits == np.finfo(np.float32).nmant + 1 else np.float64
    for length in range(longest - 3, longest + 1):
        mantissa, _, exponent = f"{size:.{length - 1}e}".partition("e")
        digits = mantissa.replace(".", "").rstrip("0")
        power = int(exponent) - len(digits) + 1
        same = float(kind(f"{mantissa}e{exponent}")) == size
        if same and not is_half_way(np.array([size]), np.array([int(digits)]), np.array([power]), mantissa_bits)[0]:
            return digits, int(exponent)
    raise AssertionError(size)
