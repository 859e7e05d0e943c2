"""Decimals as Postgres' text."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.digits import padded, selected
from pgserver.encode.pieces import (
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    Piece,
    choose,
    constant,
    field,
    merge,
    to_bytes,
    validity,
)

_NARROW_SCALE = 18  # up to here a scale's power of ten fits int64


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
