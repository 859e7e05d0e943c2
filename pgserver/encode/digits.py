"""Decimal digits by table lookup: what dates, times, fractions and numerics are written with."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgserver.encode.pieces import BYTES, Fixed, Ints, Mask, Piece, merge


def _table(width: int) -> npt.NDArray[Any]:
    """Return the texts of 0 .. 10^width - 1, zero-padded, as items of `width` bytes."""
    numbers = np.arange(10**width)
    digits = np.empty((len(numbers), width), dtype=np.uint8)
    for place in range(width):
        digits[:, width - 1 - place] = numbers // 10**place % 10 + ord("0")
    return digits.view(f"V{width}").ravel()


_TABLES = {width: _table(width) for width in (1, 2, 3, 4)}
_TRIMMED = {width: [text.tobytes().rstrip(b"0") for text in _TABLES[width]] for width in (3,)}
# The six digits of a fraction of a second, cut after the last that is not zero, are one of the first table and one of
# the second: the first table's second half is for fractions that go on after the third digit.
_MILLIS = pa.array(
    [b"." + text if text else b"" for text in _TRIMMED[3]] + [b"." + t.tobytes() for t in _TABLES[3]], BYTES
)
_MICROS = pa.array(_TRIMMED[3], BYTES)


def padded(values: npt.NDArray[Any], width: int) -> Fixed:
    """Return numbers of at most `width` digits, padded with zeros on the left.

    Args: values, which are not negative.
    """
    if width in _TABLES:
        return _TABLES[width].take(values)
    parts: list[Fixed] = []
    while width > 4:
        upper = values // 10_000
        parts.append(_TABLES[4].take(values - upper * 10_000))
        values, width = upper, width - 4
    parts.append(_TABLES[width].take(values))
    return merge(parts[::-1])


def fraction_pieces(micros: Ints) -> list[Piece]:
    """Return the fraction of a second as Postgres prints it: `.5`, `.000001`, nothing for 0.

    Args: micros, 0 .. 999999.
    """
    if not micros.any():
        return []
    millis = micros // 1000
    rest = micros - millis * 1000
    if not rest.any():
        return [_MILLIS.take(pa.array(millis))]
    return [_MILLIS.take(pa.array(millis + np.where(rest != 0, 1000, 0))), _MICROS.take(pa.array(rest))]


def selected(choice: npt.NDArray[np.intp] | Mask, texts: list[bytes]) -> Piece:
    """Return `texts[choice]` row by row."""
    widths = {len(text) for text in texts}
    if len(widths) == 1 and widths != {0}:
        return np.array(texts, dtype=f"V{widths.pop()}").take(choice.astype(np.intp))
    return pa.array(texts, BYTES).take(pa.array(choice.astype(np.int64)))
