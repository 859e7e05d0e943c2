"""Numerics: decimals as text, and decimals and Postgres' text in binary format (digits of base 10,000)."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.digits import padded, selected
from pgserver.encode.pieces import (
    BYTES,
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    Piece,
    choose,
    constant,
    field,
    lengths_of,
    merge,
    offsets_of,
    to_bytes,
    validity,
)

_NARROW_SCALE = 18  # up to here a scale's power of ten fits int64
_NEGATIVE = 0x4000
_NAN = 0xC000
_SPECIAL = {b"N": _NAN, b"I": 0xD000, b"-": 0xF000}  # NaN, Infinity, -Infinity
_INFINITY_SCALE = 0x20  # what Postgres sends: a bit of its own flags


def decimal_text(scale: int) -> ColumnEncoder:
    """Return the encoder of decimal128 with that scale: never an exponent, always `scale` digits after the point."""

    def encode(array: pa.Array) -> Field:
        narrow = unscaled(array) if scale <= _NARROW_SCALE else None
        pieces = _wide(array, scale) if narrow is None else _narrow(narrow, scale)
        return field(pieces, validity(array))

    return encode


def unscaled(array: pa.Decimal128Array) -> Ints | None:
    """Return the unscaled values where all of them fit int64; zero for nulls."""
    words = np.frombuffer(array.buffers()[1], dtype=np.int64)[2 * array.offset : 2 * (array.offset + len(array))]
    low, high = words[::2], words[1::2]
    if array.null_count:
        present = pc.cast(pc.is_valid(array), pa.int64()).to_numpy()
        low, high = low * present, high * present
    if not np.array_equal(low >> 63, high):
        return None
    return low


def from_unscaled(values: Ints, kind: pa.DataType) -> pa.Decimal128Array:
    """Return the decimals of a type that have these unscaled values."""
    words = np.stack([values, values >> 63], axis=1)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(words)])


def _narrow(values: Ints, scale: int) -> list[Piece]:
    if scale == 0:
        return [_digits(values)]
    negative = values < 0
    signed = bool(negative.any())
    size = np.abs(values).view(np.uint64) if signed else values
    power = size.dtype.type(10**scale)
    whole = size // power
    rest = size - whole * power
    pieces: list[Piece] = [selected(negative, [b"", b"-"])] if signed else []
    return [*pieces, _digits(whole), *_after_point(rest, scale)]


def _digits(values: npt.NDArray[np.integer]) -> pa.LargeBinaryArray:
    return to_bytes(pc.cast(pa.array(values), TEXT))


def _after_point(rest: npt.NDArray[np.integer], scale: int) -> list[Piece]:
    return [merge([constant(b".", len(rest)), padded(rest, scale)])]


def _wide(array: pa.Array, scale: int) -> list[Piece]:
    text = integer_text(array)
    negative = pc.starts_with(text, "-")
    digits = pc.ascii_ltrim(text, "-")
    pieces: list[Piece] = [to_bytes(choose(negative, "-", ""))]
    if scale == 0:
        return [*pieces, to_bytes(digits)]
    padded_digits = to_bytes(pc.ascii_lpad(digits, scale + 1, padding="0"))
    whole, rest = pc.binary_slice(padded_digits, 0, -scale), pc.binary_slice(padded_digits, -scale)
    return [*pieces, whole, constant(b".", len(array)), rest]


def integer_text(array: pa.Array) -> pa.LargeStringArray:
    """Return the unscaled values of a decimal array as text."""
    plain = pa.Array.from_buffers(pa.decimal128(38, 0), len(array), array.buffers(), offset=array.offset)
    return pc.cast(plain, TEXT)


def decimal_binary(scale: int) -> ColumnEncoder:
    """Return the binary encoder of decimal128 with that scale."""

    def encode(array: pa.Array) -> Field:
        text = integer_text(array)
        negative = pc.fill_null(pc.starts_with(text, "-"), False).to_numpy(zero_copy_only=False)
        digits = to_bytes(pc.fill_null(pc.ascii_ltrim(text, "-"), "0"))
        scales = np.full(len(array), scale, dtype=np.int64)
        return _binary(digits, scales, np.where(negative, _NEGATIVE, 0), validity(array))

    return encode


def text_binary(array: pa.Array) -> Field:
    """Encode Postgres' own text of numerics (never an exponent) in binary."""
    valid = validity(array)
    text = to_bytes(pc.fill_null(array, "0"))
    first = pc.binary_slice(text, 0, 1)
    special = pc.is_in(pc.binary_slice(text, 0, 2), pa.array([b"Na", b"In", b"-I"], BYTES)).to_numpy(
        zero_copy_only=False
    )
    negative = pc.equal(first, b"-").to_numpy(zero_copy_only=False)
    signs = np.where(negative, _NEGATIVE, 0)
    if special.any():
        for letter, sign in _SPECIAL.items():
            signs[special & pc.equal(first, letter).to_numpy(zero_copy_only=False)] = sign
        text = pc.if_else(pa.array(special), b"", text)
    plain = pc.ascii_ltrim(text.view(TEXT), "-")
    point = pc.find_substring(plain, ".").to_numpy().astype(np.int64)
    length = pc.binary_length(plain).to_numpy().astype(np.int64)
    scales = np.where(point >= 0, length - point - 1, 0)
    digits = to_bytes(pc.replace_substring(plain, ".", ""))
    return _binary(digits, scales, signs, valid)


def _binary(
    digits: pa.LargeBinaryArray, scales: Ints, signs: npt.NDArray[np.int64], valid: pa.BooleanArray | None
) -> Field:
    """Lay out numerics: ndigits, weight, sign, dscale, and ndigits digits of base 10,000, without zeros at either end.

    Args: all decimal digits of each value, the number of them after the point, the sign word.
    Source: Postgres' numeric_send (utils/adt/numeric.c).
    """
    groups, weight = _groups(digits, scales)
    used = groups != 0
    any_used = used.any(axis=1)
    width = groups.shape[1]
    start = np.where(any_used, used.argmax(axis=1), 0)
    stop = np.where(any_used, width - used[:, ::-1].argmax(axis=1), 0)
    columns = np.arange(width)
    kept: Mask = (columns >= start[:, None]) & (columns < stop[:, None])
    count = stop - start
    header = np.empty(len(digits), dtype=[("n", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2")])
    header["n"] = count
    header["weight"] = np.where(any_used, weight - start, 0)
    # A zero has no sign; NaN and the infinities have no digits, and keep theirs.
    header["sign"] = np.where(any_used | (signs > _NEGATIVE), signs, 0)
    header["scale"] = np.where(signs > _NAN, _INFINITY_SCALE, scales)
    data = groups[kept].astype(">i2")
    offsets = np.zeros(len(digits) + 1, dtype=np.int64)
    np.cumsum(count * 2, out=offsets[1:])
    tail = pa.Array.from_buffers(BYTES, len(digits), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return field([header, tail], valid)


def _groups(digits: pa.LargeBinaryArray, scales: Ints) -> tuple[npt.NDArray[np.int64], int]:
    """Return a matrix of base 10,000 digits, aligned at the decimal point, and the weight of its first column."""
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
