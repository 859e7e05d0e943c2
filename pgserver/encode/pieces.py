"""Columns in wire form: each value is the join of a few pieces, and no piece is made row by row.

A *piece* is either a numpy array (every row has the same width: the bytes of its items, in memory order) or an Arrow
array of bytes (widths differ; a null stands for no bytes), always with 64-bit offsets, so that nothing ends at 2 GiB.
Neighbouring fixed pieces of all columns are merged before the join, so that a row costs as few copies as its layout
allows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Fixed: TypeAlias = npt.NDArray[Any]
Piece: TypeAlias = "Fixed | pa.LargeBinaryArray"
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

BYTES = pa.large_binary()
TEXT = pa.large_string()
_EMPTY = pa.scalar(b"", BYTES)
_JOIN = pc.get_function("binary_join_element_wise")
_NULLS_AS_NOTHING = pc.JoinOptions("replace", "")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a batch in wire form.

    `lengths` is one number where all values have the same length; -1 is NULL, whose pieces hold nothing. `sized`: the
    pieces begin with the four bytes of the length already.
    """

    pieces: tuple[Piece, ...]
    lengths: Ints | int
    sized: bool = False

    def slice(self, start: int, rows: int) -> "Field":
        """Return some of the rows, without copying."""
        ranges = slice(start, start + rows)
        pieces = [piece[ranges] if isinstance(piece, np.ndarray) else piece.slice(start, rows) for piece in self.pieces]
        return Field(tuple(pieces), self.lengths if isinstance(self.lengths, int) else self.lengths[ranges], self.sized)


ColumnEncoder: TypeAlias = Callable[[pa.Array], Field]


def field(pieces: Sequence[Piece], valid: pa.BooleanArray | None) -> Field:
    """Build a column from pieces; where `valid` is false the value is NULL, whatever the pieces hold."""
    if valid is None:
        return Field(tuple(pieces), total_lengths(pieces))
    masked = tuple(mask(piece, valid) for piece in pieces)
    return Field(masked, np.where(to_mask(valid), total_lengths(masked), -1))


def whole(array: pa.Array) -> Field:
    """Build a column from an Arrow array of text or bytes, which has the values and the nulls."""
    piece = to_bytes(array)
    lengths = lengths_of(piece)
    if array.null_count:
        return Field((piece,), np.where(to_mask(pc.is_valid(array)), lengths, -1))
    width = int(lengths[0]) if len(lengths) else 0
    if not width or (lengths != width).any():
        return Field((piece,), lengths)
    start = int(offsets_of(piece)[0])  # all of one width, as char(n) is: then it can be merged
    data = np.frombuffer(piece.buffers()[2], dtype=np.uint8)[start : start + width * len(piece)]
    return Field((data.view(f"V{width}"),), width)


def total_lengths(pieces: Sequence[Piece]) -> Ints | int:
    """Add up the lengths of the pieces of each row."""
    total: Ints | int = 0
    for piece in pieces:
        total = total + (piece.itemsize if isinstance(piece, np.ndarray) else lengths_of(piece))
    return total


def lengths_of(array: pa.Array) -> Ints:
    """Return the byte lengths of an Arrow array of bytes; a null has none."""
    offsets = offsets_of(array)
    lengths: Ints = offsets[1:] - offsets[:-1]
    if array.null_count:
        lengths[~to_mask(pc.is_valid(array))] = 0
    return lengths


def offsets_of(array: pa.Array) -> Ints:
    """Return the n + 1 offsets of an Arrow array with 64-bit offsets."""
    buffer = array.buffers()[1]
    if buffer is None or buffer.size == 0:
        return np.zeros(len(array) + 1, dtype=np.int64)
    return np.frombuffer(buffer, dtype=np.int64)[array.offset : array.offset + len(array) + 1]


def to_bytes(array: pa.Array) -> pa.LargeBinaryArray:
    """Return text or bytes as bytes with 64-bit offsets; copies no data."""
    if array.type == BYTES:
        return array
    return array.view(BYTES) if array.type == TEXT else pc.cast(array, BYTES)


def choose(condition: Mask | pa.BooleanArray, yes: str, no: str) -> pa.LargeStringArray:
    """Return one of two texts row by row."""
    return pc.if_else(pa.array(condition) if isinstance(condition, np.ndarray) else condition, text(yes), text(no))


def text(value: str) -> pa.LargeStringScalar:
    """Return a text that joins with large ones (Arrow joins values of one type only)."""
    return pa.scalar(value, TEXT)


def validity(array: pa.Array) -> pa.BooleanArray | None:
    """Return which rows have a value, None where all do."""
    return pc.is_valid(array) if array.null_count else None


def to_mask(array: pa.BooleanArray) -> Mask:
    """Return an Arrow boolean array without nulls as numpy's."""
    found: Mask = pc.cast(array, pa.uint8()).to_numpy().view(np.bool_)
    return found


def mask(piece: Piece, valid: pa.BooleanArray) -> pa.LargeBinaryArray:
    """Return the piece with nothing in the rows that are not valid."""
    array = to_arrow(piece) if isinstance(piece, np.ndarray) else piece
    if array.null_count:
        valid = pc.and_(valid, pc.is_valid(array))
    if array.offset:  # a bitmap and offsets that begin at different rows cannot be combined
        array = pa.concat_arrays([array])
    bitmap = pa.concat_arrays([valid]) if valid.offset else valid
    buffers = array.buffers()
    return pa.Array.from_buffers(BYTES, len(array), [bitmap.buffers()[1], *buffers[1:]])


def to_arrow(piece: Fixed) -> pa.LargeBinaryArray:
    """Return a fixed piece as an Arrow array, without copying its bytes."""
    rows, width = len(piece), piece.itemsize
    data = pa.py_buffer(np.ascontiguousarray(piece))
    return pa.Array.from_buffers(BYTES, rows, [None, _fixed_offsets(rows, width), data])


@lru_cache(maxsize=64)
def _fixed_offsets(rows: int, width: int) -> pa.Buffer:
    return pa.py_buffer(np.arange(rows + 1, dtype=np.int64) * width)


def merge(run: Sequence[Fixed]) -> Fixed:
    """Lay neighbouring fixed pieces side by side as one."""
    if len(run) == 1:
        return run[0]
    layout = _layout(tuple(piece.dtype for piece in run))
    merged = np.empty(len(run[0]), dtype=layout)
    for name, piece in zip(layout.names or (), run, strict=True):
        merged[name] = piece
    return merged


@lru_cache(maxsize=1024)
def _layout(kinds: tuple[np.dtype[Any], ...]) -> np.dtype[np.void]:
    return np.dtype([(f"p{number}", kind) for number, kind in enumerate(kinds)])


def constant(text: bytes, rows: int) -> Fixed:
    """Return the same bytes for every row (a view: nothing is repeated in memory)."""
    return repeated(np.array(text, dtype=f"V{len(text)}"), rows)


def repeated(item: npt.NDArray[Any], rows: int) -> Fixed:
    """Return one item for every row (a view)."""
    return np.ndarray((rows,), item.dtype, item, strides=(0,))


def join(pieces: Sequence[Piece], rows: int) -> pa.LargeBinaryArray:
    """Join the pieces of each row into one Arrow array of bytes."""
    arrays: list[pa.Array] = []
    run: list[Fixed] = []
    for piece in pieces:
        if isinstance(piece, np.ndarray):
            run.append(piece)
            continue
        if run:
            arrays.append(to_arrow(merge(run)))
            run = []
        arrays.append(piece)
    if run:
        arrays.append(to_arrow(merge(run)))
    if not arrays:
        return to_arrow(constant(b"", rows))
    if len(arrays) == 1 and not arrays[0].null_count:
        return to_bytes(arrays[0])
    return _JOIN.call([*map(to_bytes, arrays), _EMPTY], _NULLS_AS_NOTHING)


def joined(encoded: Field, rows: int) -> pa.LargeBinaryArray:
    """Return a column as one Arrow array of bytes, null where the value is NULL."""
    assert not encoded.sized
    array = join(encoded.pieces, rows)
    lengths = np.broadcast_to(np.asarray(encoded.lengths), (rows,))
    return mask(array, pa.array(lengths >= 0)) if (lengths < 0).any() else array


def numbers(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the values of a fixed-width Arrow array as numpy's (a view if no row is null), zero for nulls."""
    values = np.frombuffer(array.buffers()[1], dtype=dtype)[array.offset : array.offset + len(array)]
    if array.null_count:
        return np.where(to_mask(pc.is_valid(array)), values, np.zeros(1, dtype=dtype))
    return values
