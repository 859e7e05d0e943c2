"""Columns in wire form: each value is the join of a few pieces, and no piece is made row by row.

A *piece* is either a numpy array (every row has the same width: the bytes of its items, in memory order) or an Arrow
binary array (widths differ; a null stands for no bytes). Neighbouring fixed pieces of all columns are merged before the
join, so that a row costs as few copies as its layout allows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Fixed: TypeAlias = npt.NDArray[Any]
Piece: TypeAlias = "Fixed | pa.Array"
Ints: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a batch in wire form.

    `lengths` is one number where all values have the same length; -1 is NULL, whose pieces hold nothing.
    """

    pieces: tuple[Piece, ...]
    lengths: npt.NDArray[np.int64] | int


ColumnEncoder: TypeAlias = Callable[[pa.Array], Field]


def field(pieces: Sequence[Piece], valid: pa.BooleanArray | None) -> Field:
    """Build a column from pieces; where `valid` is false the value is NULL, whatever the fixed pieces hold."""
    masked = [mask(piece, valid) for piece in pieces] if valid is not None else list(pieces)
    lengths = total_lengths(masked)
    if valid is not None:
        lengths = np.where(to_mask(valid), lengths, -1)
    return Field(tuple(masked), lengths)


def total_lengths(pieces: Sequence[Piece]) -> npt.NDArray[np.int64] | int:
    """Add up the lengths of the pieces of each row."""
    fixed = sum(piece.itemsize for piece in pieces if isinstance(piece, np.ndarray))
    total: npt.NDArray[np.int64] | int = fixed
    for piece in pieces:
        if not isinstance(piece, np.ndarray):
            total = total + lengths_of(piece)
    return total


def lengths_of(array: pa.Array) -> npt.NDArray[np.int64]:
    """Return the byte lengths of an Arrow string or binary array; a null has none."""
    lengths = np.diff(offsets_of(array)).astype(np.int64)
    if array.null_count:
        lengths[~to_mask(pc.is_valid(array))] = 0
    return lengths


def offsets_of(array: pa.Array) -> npt.NDArray[Any]:
    """Return the n + 1 offsets of an Arrow string, binary or list array."""
    buffer = array.buffers()[1]
    kind = np.int64 if is_large(array.type) else np.int32
    if buffer is None or buffer.size == 0:
        return np.zeros(len(array) + 1, dtype=kind)
    return np.frombuffer(buffer, dtype=kind)[array.offset : array.offset + len(array) + 1]


def is_large(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type has 64-bit offsets."""
    return bool(pa.types.is_large_binary(kind) or pa.types.is_large_string(kind) or pa.types.is_large_list(kind))


def validity(array: pa.Array) -> pa.BooleanArray | None:
    """Return which rows have a value, None where all do."""
    return pc.is_valid(array) if array.null_count else None


def to_mask(array: pa.BooleanArray) -> Mask:
    """Return an Arrow boolean array without nulls as numpy's."""
    found: Mask = pc.cast(array, pa.uint8()).to_numpy().view(np.bool_)
    return found


def mask(piece: Piece, valid: pa.BooleanArray) -> pa.Array:
    """Return the piece with nothing in the rows that are not valid."""
    array = to_arrow(piece) if isinstance(piece, np.ndarray) else piece
    if array.null_count:
        valid = pc.and_(valid, pc.is_valid(array))
    if array.offset:  # Arrow's buffers cannot be combined at different offsets
        array = pa.concat_arrays([array])
    bitmap = pa.concat_arrays([valid]) if valid.offset else valid
    buffers = array.buffers()
    return pa.Array.from_buffers(array.type, len(array), [bitmap.buffers()[1], *buffers[1:]], offset=0)


def to_arrow(piece: Fixed) -> pa.BinaryArray:
    """Return a fixed piece as an Arrow binary array, without copying its bytes."""
    rows, width = len(piece), piece.itemsize
    data = pa.py_buffer(np.ascontiguousarray(piece))
    if rows * width > INT32_MAX:
        offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int64) * width)
        return pa.Array.from_buffers(pa.large_binary(), rows, [None, offsets, data])
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(fixed_offsets(rows, width)), data])


def fixed_offsets(rows: int, width: int) -> npt.NDArray[np.int32]:
    """Return the offsets of `rows` values of `width` bytes."""
    return np.arange(0, (rows + 1) * width, width, dtype=np.int32) if width else np.zeros(rows + 1, dtype=np.int32)


def merge(run: Sequence[Fixed]) -> Fixed:
    """Lay neighbouring fixed pieces side by side as one."""
    if len(run) == 1:
        return run[0]
    names = [f"p{number}" for number in range(len(run))]
    merged = np.empty(len(run[0]), dtype=[(name, piece.dtype) for name, piece in zip(names, run, strict=True)])
    for name, piece in zip(names, run, strict=True):
        merged[name] = piece
    return merged


def constant(text: bytes, rows: int) -> Fixed:
    """Return the same bytes for every row (a view: nothing is repeated in memory)."""
    return np.broadcast_to(np.array(text, dtype=f"V{len(text)}"), (rows,))


def join(pieces: Sequence[Piece], rows: int) -> pa.Array:
    """Join the pieces of each row into one Arrow binary array (a large one when it passes 2 GiB)."""
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
    return join_arrays(arrays)


def join_arrays(arrays: Sequence[pa.Array]) -> pa.Array:
    """Join Arrow string or binary arrays row by row, nulls as nothing."""
    if len(arrays) == 1 and not arrays[0].null_count:
        return as_binary(arrays[0], large=is_large(arrays[0].type))
    size = sum(int(offsets[-1]) - int(offsets[0]) for offsets in map(offsets_of, arrays))
    large = size > INT32_MAX
    kind = pa.large_binary() if large else pa.binary()
    parts = [as_binary(array, large=large) for array in arrays]
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", kind), null_handling="replace", null_replacement=b"")


def as_binary(array: pa.Array, *, large: bool) -> pa.Array:
    """Return a string or binary array as binary, with 64-bit offsets if `large`; copies no data."""
    kind = pa.large_binary() if large else pa.binary()
    return array if array.type == kind else pc.cast(array, kind)


def joined(encoded: Field, rows: int) -> pa.Array:
    """Return a column as one Arrow binary array, null where the value is NULL."""
    lengths = encoded.lengths
    valid = None if isinstance(lengths, int) or not (lengths < 0).any() else pa.array(lengths >= 0)
    array = join(encoded.pieces, rows)
    return array if valid is None else mask(array, valid)


def numbers(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the values of a fixed-width Arrow array as numpy's (a view if no row is null), zero for nulls."""
    values = np.frombuffer(array.buffers()[1], dtype=dtype)[array.offset : array.offset + len(array)]
    if array.null_count:
        return np.where(to_mask(pc.is_valid(array)), values, np.zeros(1, dtype=dtype))
    return values
