"""Encode each distinct number once: many columns (quantities, rates, statuses) hold few, close to one another.

A column begins with hope: a table of the wire form (length and bytes) of every number between the smallest and the
largest seen, from which rows are taken. When the range passes `_MAX_RANGE`, the column is encoded directly from then
on; batches of a few rows are too.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pgserver.encode.numerics import from_unscaled, unscaled
from pgserver.encode.pieces import ColumnEncoder, Field, Ints, Piece, join, numbers, to_mask, validity

_MAX_RANGE = 1 << 13
_RANGE_PER_ROW = 4
FEW_ROWS = 256
_TAKE = pa.compute.get_function("array_take")
_UNCHECKED = pa.compute.TakeOptions(boundscheck=False)


class Memo:
    """A column's encoder, with a table in front of it while the table pays."""

    def __init__(self, encoder: ColumnEncoder, kind: pa.DataType) -> None:
        """Args: what encodes the column; its Arrow type, an integer or a decimal."""
        self.direct = encoder
        self._kind = kind
        self._low = 0
        self._high = -1
        self._table: pa.LargeBinaryArray | None = None
        self._lengths: Ints = np.zeros(0, dtype=np.int64)
        self._hopeless = False

    def __call__(self, array: pa.Array) -> Field:
        """Encode a batch's column."""
        if self._hopeless or len(array) < FEW_ROWS:
            return self.direct(array)
        values = unscaled(array) if pa.types.is_decimal(self._kind) else _integers(array)
        if values is None or not self._covers(values):
            return self.direct(array)
        index = values - self._low
        valid = validity(array)
        if valid is not None:
            index = np.where(to_mask(valid), index, self._high - self._low + 1)
        piece = _TAKE.call([self._table, pa.array(index)], _UNCHECKED)
        return Field((piece,), self._lengths.take(index), sized=True)

    def _covers(self, values: Ints) -> bool:
        """Make the table reach from the smallest to the largest value, if that pays."""
        low, high = int(values.min()), int(values.max())
        if self._table is not None:
            low, high = min(low, self._low), max(high, self._high)
            if (low, high) == (self._low, self._high):
                return True
        if high - low >= _MAX_RANGE:
            self._hopeless = True
            self._table = None
            return False
        if high - low >= _RANGE_PER_ROW * len(values):
            return False  # more numbers than rows to come, as far as we know
        self._low, self._high = low, high
        every = np.arange(low, high + 1, dtype=np.int64)
        encoded = self.direct(_array(every, self._kind))
        lengths = np.broadcast_to(np.asarray(encoded.lengths), every.shape)
        pieces: list[Piece] = [lengths.astype(">i4"), *encoded.pieces]
        null = pa.array([b"\xff\xff\xff\xff"], pa.large_binary())
        self._table = pa.concat_arrays([join(pieces, len(every)), null])
        self._lengths = np.append(lengths, -1)
        return True


def _integers(array: pa.Array) -> Ints:
    values: Ints = numbers(array, array.type.to_pandas_dtype()).astype(np.int64)
    return values


def _array(values: Ints, kind: pa.DataType) -> pa.Array:
    return from_unscaled(values, kind) if pa.types.is_decimal(kind) else pa.array(values).cast(kind)


def memoized(encoder: ColumnEncoder, kind: pa.DataType) -> Callable[[pa.Array], Field]:
    """Put a table in front of an encoder of numbers; other encoders stay as they are."""
    return Memo(encoder, kind) if pa.types.is_integer(kind) or pa.types.is_decimal(kind) else encoder
