"""Text kinds, bytea, uuid and bool, in both formats."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.pieces import (
    BYTES,
    Field,
    Ints,
    Piece,
    constant,
    field,
    offsets_of,
    to_bytes,
    validity,
    whole,
)

_HEX = np.array([b"%02x" % byte for byte in range(256)], dtype="V2")
_ESCAPES = [
    b"\\\\" if byte == 0x5C else bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte for byte in range(256)
]
_ESCAPE_LENGTHS = np.array([len(text) for text in _ESCAPES], dtype=np.int64)
_ESCAPE_BYTES = np.array([list(text.ljust(4, b"\0")) for text in _ESCAPES], dtype=np.uint8)
_NIBBLES = np.zeros(256, dtype=np.uint8)
_NIBBLES[list(b"0123456789abcdef")] = range(16)
_UUID_TEXT_BYTES = 36
_UUID_GROUPS = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))


def raw(array: pa.Array) -> Field:
    """Encode bytes or text as they are."""
    return whole(array)


def jsonb_binary(array: pa.Array) -> Field:
    """Encode the text of a jsonb after its version byte."""
    return field([constant(b"\x01", len(array)), to_bytes(array)], validity(array))


def bool_text(array: pa.Array) -> Field:
    """Encode t and f."""
    return field([_bits(array, b"ft")], validity(array))


def bool_binary(array: pa.Array) -> Field:
    """Encode one byte, 0 or 1."""
    return field([_bits(array, b"\x00\x01")], validity(array))


def _bits(array: pa.Array, letters: bytes) -> Piece:
    bits = pc.cast(pc.fill_null(array, False), pa.uint8()).to_numpy()
    return np.frombuffer(letters, dtype=np.uint8).take(bits)


def char_binary(array: pa.Array) -> Field:
    r"""Encode "char", one byte: its text is that byte, nothing for 0, \ooo for one that is not ASCII."""
    text = pc.fill_null(array, "")
    octal = pc.match_substring_regex(text, r"^\\[0-7]{3}$")
    first = pc.if_else(pc.equal(text, ""), pa.scalar(b"\x00", BYTES), to_bytes(text))
    if pc.any(octal).as_py():
        table = pa.array([b"\\%03o" % byte for byte in range(256)], BYTES)
        codes = pc.fill_null(pc.index_in(to_bytes(text), table), 0)
        first = pc.if_else(octal, pa.array([bytes([byte]) for byte in range(256)], BYTES).take(codes), first)
    return field([first], validity(array))


def bytea_hex(array: pa.Array) -> Field:
    r"""Encode \x and two hexadecimal digits a byte."""
    content = to_bytes(array)
    offsets = offsets_of(content)
    doubled = (offsets - int(offsets[0])) * 2
    return field([constant(b"\\x", len(array)), _binary(doubled, _HEX.take(_data(content)))], validity(array))


def bytea_escape(array: pa.Array) -> Field:
    r"""Encode printable ASCII as it is, a backslash doubled, all else as \ooo."""
    content = to_bytes(array)
    data, offsets = _data(content), offsets_of(content)
    lengths = _ESCAPE_LENGTHS.take(data)
    ends = np.zeros(len(data) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ends[1:])
    escaped = _ESCAPE_BYTES.take(data, axis=0)[np.arange(4) < lengths[:, None]]
    return field([_binary(ends.take(offsets - offsets[0]), escaped)], validity(array))


def uuid_text(array: pa.Array) -> Field:
    """Encode 16 bytes as 36 characters."""
    codes = _HEX.take(_fixed_rows(array, 16)).view(np.uint8).reshape(len(array), 32)
    text = np.full((len(array), _UUID_TEXT_BYTES), ord("-"), dtype=np.uint8)
    at = 0
    for start, stop in _UUID_GROUPS:
        text[:, start:stop] = codes[:, at : at + stop - start]
        at += stop - start
    return field([text.view(f"V{_UUID_TEXT_BYTES}").ravel()], validity(array))


def uuid_binary(array: pa.Array) -> Field:
    """Encode a UUID as its 16 bytes, from those or from its 36 characters."""
    if pa.types.is_fixed_size_binary(array.type):
        rows = np.ascontiguousarray(_fixed_rows(array, 16))
    else:
        text = to_bytes(pc.fill_null(array, "0" * _UUID_TEXT_BYTES))
        characters = _data(text).reshape(len(array), _UUID_TEXT_BYTES)
        nibbles = _NIBBLES.take(np.concatenate([characters[:, start:stop] for start, stop in _UUID_GROUPS], axis=1))
        rows = np.bitwise_or(nibbles[:, ::2] << 4, nibbles[:, 1::2], dtype=np.uint8)
    return field([np.ascontiguousarray(rows).view("V16").ravel()], validity(array))


def _fixed_rows(array: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    return data[array.offset * width : (array.offset + len(array)) * width].reshape(len(array), width)


def _data(array: pa.Array) -> npt.NDArray[np.uint8]:
    """Return all bytes of a string or binary array, one value after the other."""
    offsets = offsets_of(array)
    return np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)[int(offsets[0]) : int(offsets[-1])]


def _binary(offsets: Ints, data: npt.NDArray[Any]) -> pa.Array:
    """Return an Arrow binary array of those offsets and bytes."""
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(BYTES, len(offsets) - 1, buffers)
