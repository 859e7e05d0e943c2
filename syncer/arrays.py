r"""Postgres' array literals, `{1,NULL,"a \"b\", c"}`, to Arrow lists, without a loop over rows or elements. Pure.

All literals of a batch are one run of bytes. Quotes and backslashes are found with numpy; what is neither inside quotes
nor escaped is structure; what is left when the structure is taken out are the elements' bytes, end to end.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from syncer.values import Unrepresentable, parse

QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, BRACKET = b'"\\,{}['

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def parse_arrays(texts: pa.StringArray, storage: str, arrow: pa.ListType) -> pa.ListArray:
    """Parse a column of one-dimensional arrays whose elements are of one native type.

    Args: array literals; the elements' row of `catalog.types`; the list type to give.
    Raises: Unrepresentable for more than one dimension, or a lower bound other than 1.
    """
    literals = texts.drop_null()
    list_ends, elements = split_literals(literals)
    values = parse(elements, storage, arrow.value_type)
    counts = np.zeros(len(texts) + 1, np.int32)
    valid = np.asarray(pc.is_valid(texts).to_numpy(zero_copy_only=False), dtype=np.bool_)
    counts[1:][valid] = np.diff(list_ends, prepend=0)
    offsets = np.cumsum(counts, dtype=np.int32)
    mask = pa.array(~valid) if len(literals) < len(texts) else None
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=arrow, mask=mask)


def split_literals(literals: pa.StringArray) -> tuple[Positions, pa.StringArray]:
    """Take literals apart.

    Args: array literals, none of them null.
    Returns: for each literal the number of elements up to its end; all elements' texts, null where they are NULL.
    """
    if not len(literals):
        return np.zeros(0, np.int64), pa.array([], pa.string())
    _, offsets_buffer, data_buffer = literals.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[literals.offset : literals.offset + len(literals) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    starts, ends = (offsets[:-1] - offsets[0]).astype(np.int64), (offsets[1:] - offsets[0]).astype(np.int64)
    if (data[starts] == BRACKET).any():
        raise Unrepresentable("an array with a lower bound other than 1")

    escapes, quotes = _escapes_and_quotes(data)
    outside = (np.cumsum(quotes, dtype=np.int64) & 1) == 0
    if np.count_nonzero(outside & (data == OPEN)) > len(literals):
        raise Unrepresentable("an array of more than one dimension")
    empty = ends - starts == len("{}")
    separators = outside & (data == COMMA)

    # An element ends at a comma outside quotes, or at the closing brace of an array that is not empty.
    is_end = separators.copy()
    is_end[ends[~empty] - 1] = True
    element_ends = np.flatnonzero(is_end)
    list_ends = np.cumsum(is_end, dtype=np.int64)[ends - 1]

    kept = ~(separators | quotes | escapes)
    kept[starts] = False
    kept[ends - 1] = False
    texts = _elements(data, kept, element_ends)
    quoted = data[element_ends - 1] == QUOTE  # every element's last byte, quotes included, is before its end
    is_null = pc.and_(pa.array(~quoted), pc.equal(texts, "NULL"))
    return list_ends, pc.if_else(is_null, None, texts) if pc.any(is_null).as_py() else texts


def _escapes_and_quotes(data: Bytes) -> tuple[Mask, Mask]:
    """Return which bytes are backslashes that escape the next one, and which are quotes that nothing escapes."""
    quotes = data == QUOTE
    escapes = np.zeros(len(data), np.bool_)
    backslashes = np.flatnonzero(data == BACKSLASH)
    if len(backslashes):
        # In a run of backslashes the first, third, ... escape what follows them.
        begins_run = np.diff(backslashes, prepend=-2) != 1
        run_start = np.maximum.accumulate(np.where(begins_run, backslashes, 0))
        escapes[backslashes[(backslashes - run_start) % 2 == 0]] = True
        quotes[1:] &= ~escapes[:-1]
    return escapes, quotes


def _elements(data: Bytes, kept: Mask, element_ends: Positions) -> pa.StringArray:
    kept_before = np.cumsum(kept, dtype=np.int64)
    offsets = np.zeros(len(element_ends) + 1, np.int32)
    offsets[1:] = kept_before[element_ends]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data[kept])]
    return pa.Array.from_buffers(pa.string(), len(element_ends), buffers)
