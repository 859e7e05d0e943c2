"""Numerics in Postgres' binary format, digits of base 10,000: from decimals, and from Postgres' own text of numerics.

Source: numeric_send (utils/adt/numeric.c).
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.numerics import integer_text, unscaled
from pgserver.encode.pieces import (
    BYTES,
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    field,
    lengths_of,
    offsets_of,
    to_arrow,
    to_bytes,
    to_mask,
    validity,
)

_NEGATIVE = 0x4000
_NAN = 0xC000
_SPECIAL = {b"N": _NAN, b"I": 0xD000, b"-": 0xF000}  # NaN, Infinity, -Infinity
_INFINITY_SCALE = 0x20  # what Postgres sends: a bit of its own flags
_MATRIX_CELLS = 1 << 24  # more digits than this are laid out in parts: a numeric may have 147,000 of them
_INT64_MAX = 2**63 - 1


def decimal_binary(scale: int) -> ColumnEncoder:
    """Return the binary encoder of decimal128 with that scale."""
    power = int(10 ** (-scale % 4))  # so that digits of base 10,000 begin at the decimal point

    def encode(array: pa.Array) -> Field:
        valid = validity(array)
        scales = np.full(len(array), scale, dtype=np.int64)
        values = unscaled(array)
        if values is not None and len(values) and max(int(values.max()), -int(values.min())) <= _INT64_MAX // power:
            groups = _groups_of_ints(np.abs(values) * power)
            return _layout(groups, groups.shape[1] - 1 - (scale + 3) // 4, scales, _sign(values < 0), valid)
        text = integer_text(array)
        negative = to_mask(pc.fill_null(pc.starts_with(text, "-"), False))
        digits = to_bytes(pc.fill_null(pc.ascii_ltrim(text, "-"), "0"))
        return _layout(*_groups_of_text(digits, scales), scales, _sign(negative), valid)

    return encode


def text_binary(array: pa.Array) -> Field:
    """Encode Postgres' own text of numerics (never an exponent) in binary."""
    text = to_bytes(pc.fill_null(array, "0"))
    if len(array) > 1 and len(array) * int(lengths_of(text).max()) > _MATRIX_CELLS:
        return _stacked([text_binary(array[: len(array) // 2]), text_binary(array[len(array) // 2 :])])
    first = pc.binary_slice(text, 0, 1)
    special = to_mask(pc.is_in(pc.binary_slice(text, 0, 2), pa.array([b"Na", b"In", b"-I"], BYTES)))
    signs = _sign(to_mask(pc.equal(first, b"-")))
    if special.any():
        for letter, sign in _SPECIAL.items():
            signs[special & to_mask(pc.equal(first, letter))] = sign
        text = pc.if_else(pa.array(special), b"", text)
    plain = pc.ascii_ltrim(text.view(TEXT), "-")
    point = pc.find_substring(plain, ".").to_numpy().astype(np.int64)
    length = pc.binary_length(plain).to_numpy().astype(np.int64)
    scales = np.where(point >= 0, length - point - 1, 0)
    digits = to_bytes(pc.replace_substring(plain, ".", ""))
    return _layout(*_groups_of_text(digits, scales), scales, signs, validity(array))


def _sign(negative: Mask) -> Ints:
    return np.where(negative, _NEGATIVE, 0)


def _stacked(parts: list[Field]) -> Field:
    """Put the rows of parts below one another."""
    headers, tails = zip(*(part.pieces for part in parts), strict=True)
    arrays = [to_arrow(header) if isinstance(header, np.ndarray) else header for header in headers]
    lengths = np.concatenate([np.asarray(part.lengths) for part in parts])
    return Field((pa.concat_arrays(arrays), pa.concat_arrays(tails)), lengths)


def _layout(groups: Ints, weight: int, scales: Ints, signs: Ints, valid: pa.BooleanArray | None) -> Field:
    """Lay out numerics: ndigits, weight, sign, dscale, and ndigits digits, without zeros at either end.

    Args: a matrix of base 10,000 digits; the power of its first column; digits after the point; sign words.
    """
    used = groups != 0
    any_used = used.any(axis=1)
    width = groups.shape[1]
    start = np.where(any_used, used.argmax(axis=1), 0)
    stop = np.where(any_used, width - used[:, ::-1].argmax(axis=1), 0)
    columns = np.arange(width)
    kept: Mask = (columns >= start[:, None]) & (columns < stop[:, None])
    count = stop - start
    header = np.empty(len(groups), dtype=[("n", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2")])
    header["n"] = count
    header["weight"] = np.where(any_used, weight - start, 0)
    # A zero has no sign; NaN and the infinities have no digits, and keep theirs.
    header["sign"] = np.where(any_used | (signs > _NEGATIVE), signs, 0)
    header["scale"] = np.where(signs > _NAN, _INFINITY_SCALE, scales)
    offsets = np.zeros(len(groups) + 1, dtype=np.int64)
    np.cumsum(count * 2, out=offsets[1:])
    data = pa.py_buffer(groups[kept].astype(">i2"))
    tail = pa.Array.from_buffers(BYTES, len(groups), [None, pa.py_buffer(offsets), data])
    return field([header, tail], valid)


def _groups_of_ints(values: Ints) -> Ints:
    """Return the base 10,000 digits of numbers that are not negative."""
    columns: list[Ints] = []
    while not columns or values.any():
        upper = values // 10_000
        columns.append(values - upper * 10_000)
        values = upper
    return np.stack(columns[::-1], axis=1)


def _groups_of_text(digits: pa.LargeBinaryArray, scales: Ints) -> tuple[npt.NDArray[np.int64], int]:
    """Return a matrix of base 10,000 digits, aligned at the decimal point, and the power of its first column."""
    lengths = lengths_of(digits)
    before = -(-max(int((lengths - scales).max(initial=0)), 1) // 4)  # columns before the point
    after = -(-int(scales.max(initial=0)) // 4)
    matrix = np.zeros((len(digits), 4 * (before + after)), dtype=np.uint8)
    offsets = offsets_of(digits)
    data = np.frombuffer(digits.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    row = np.repeat(np.arange(len(digits)), lengths)
    place = np.arange(len(data)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    matrix[row, place + np.repeat(4 * before - (lengths - scales), lengths)] = data - ord("0")
    quads = matrix.reshape(len(digits), before + after, 4).astype(np.int64)
    return quads @ np.array([1000, 100, 10, 1]), before - 1
