"""One-dimensional arrays in both formats. Source: Postgres' array_out, array_send (utils/adt/arrayfuncs.c)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.pieces import (
    TEXT,
    ColumnEncoder,
    Field,
    Ints,
    constant,
    field,
    join,
    joined,
    mask,
    to_bytes,
    validity,
)
from pgserver.encode.pieces import text as scalar

_QUOTE = scalar('"')
_TO_QUOTE = r'(?i)^$|[{}",\\ \t\n\r\x0b\x0c]|^null$'


def array_text(element: ColumnEncoder) -> ColumnEncoder:
    """Return the encoder of lists whose elements that one encodes: `{a,"b c",NULL}`."""

    def encode(array: pa.Array) -> Field:
        elements, offsets = _elements(array)
        text = joined(element(elements), len(elements)).view(TEXT)
        special = pc.match_substring_regex(text, _TO_QUOTE)
        if pc.any(special).as_py():
            escaped = pc.replace_substring_regex(text, r'(["\\])', r"\\\1")
            text = pc.if_else(special, pc.binary_join_element_wise(_QUOTE, escaped, _QUOTE, scalar("")), text)
        inside = _join_lists(pc.fill_null(text, "NULL"), offsets, ",")
        return field([constant(b"{", len(array)), inside, constant(b"}", len(array))], validity(array))

    return encode


def array_binary(element: ColumnEncoder, element_oid: int) -> ColumnEncoder:
    """Return the binary encoder of lists: a header, then each element as length and bytes."""

    def encode(array: pa.Array) -> Field:
        elements, offsets = _elements(array)
        encoded = element(elements)
        lengths = np.broadcast_to(np.asarray(encoded.lengths, dtype=np.int64), (len(elements),))
        messages = join([lengths.astype(">i4"), *encoded.pieces], len(elements))
        nulls = np.concatenate([[0], np.cumsum(lengths < 0)])
        counts = np.diff(offsets)
        header = np.empty(len(array), dtype=[("dimensions", ">i4"), ("has_null", ">i4"), ("element", ">u4")])
        header["dimensions"] = counts > 0
        header["has_null"] = np.diff(nulls.take(offsets)) > 0
        header["element"] = element_oid
        bounds = np.empty(len(array), dtype=[("count", ">i4"), ("lower", ">i4")])
        bounds["count"] = counts
        bounds["lower"] = 1
        dimension = mask(bounds, pa.array(counts > 0))
        return field([header, dimension, _join_lists(messages, offsets, "")], validity(array))

    return encode


def _elements(array: pa.Array) -> tuple[pa.Array, Ints]:
    """Return all elements, one list after the other, and the n + 1 offsets of the lists among them."""
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
    offsets = np.zeros(len(array) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return array.flatten(), offsets


def _join_lists(elements: pa.Array, offsets: Ints, separator: str) -> pa.Array:
    """Join the elements of each list."""
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), elements)
    return to_bytes(pc.binary_join(lists, pa.scalar(separator, elements.type)))
