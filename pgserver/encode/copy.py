"""Rows as COPY TO writes them: ready CopyData messages of the formats text, csv and binary, one a row.

Source: COPY, section "File Formats"; CopyAttributeOutText and CopyAttributeOutCSV in Postgres' copyto.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgserver.encode.encoders import encoder_for, encoders_for
from pgserver.encode.encodings import encoded_lines
from pgserver.encode.pieces import (
    BYTES,
    ColumnEncoder,
    Field,
    Ints,
    Mask,
    Piece,
    constant,
    join,
    joined,
    mask,
    offsets_of,
    repeated,
    to_mask,
    total_lengths,
)
from pgserver.encode.rows import RowChunk, WireColumn, WireSettings, chunk_of, encode_rows, size_words

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # of the binary format, in front of the first row's message
TRAILER = b"\xff\xff"
FILE_FORMATS = frozenset(("parquet", "arrow"))  # ours
_COPY_DATA = np.array(b"d", dtype="S1")
_LETTERS = {8: b"b", 12: b"f", 10: b"n", 13: b"r", 9: b"t", 11: b"v"}  # \b \f \n \r \t \v
_PLAIN_DELIMITERS = frozenset("\t|;,~^\x01\x02\x1e\x1f")  # never in a number, a date or a time
_PLAIN_NULLS = frozenset(("", "\\N", "NULL", "null"))
_PLAIN_KINDS = (
    *(pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating, pa.types.is_boolean, pa.types.is_date),
    *(pa.types.is_time, pa.types.is_timestamp, pa.types.is_interval, pa.types.is_fixed_size_binary),
)


@dataclass(frozen=True, slots=True)
class CopyLayout:
    """The options of COPY TO that change its rows. The header line and the signature are the session's to send."""

    format: str = "text"  # text, csv, binary; parquet, arrow: see `encode.files`
    delimiter: str = "\t"
    null: str = "\\N"
    quote: str = '"'
    escape: str = '"'
    force_quote: tuple[int, ...] = ()  # positions of columns, from 0
    encoding: str = "UTF8"
    names: tuple[str, ...] = ()  # of the columns, for files

    @property
    def is_file(self) -> bool:
        """Whether the messages are pieces of a file, not rows."""
        return self.format in FILE_FORMATS


class CopyWriter:
    """Lays out batches as messages of one layout."""

    def __init__(
        self, layout: CopyLayout, columns: Sequence[WireColumn], schema: pa.Schema, settings: WireSettings
    ) -> None:
        """Args: the layout; the columns' types; the schema of the batches to come; the session's settings."""
        self._layout = layout
        if layout.format == "binary":
            self._encoders: list[ColumnEncoder] = encoders_for(columns, schema, settings)
        else:
            kinds = zip(columns, schema.types, strict=True)
            self._encoders = [encoder_for(column, kind, settings) for column, kind in kinds]
        self._plain = tuple(_is_plain(kind, layout) for kind in schema.types)

    def encode(self, batch: pa.RecordBatch) -> RowChunk:
        """Lay out a batch, with no Python loop over rows.

        Raises: ProgramLimitExceeded (54000) when a message would pass 1 GiB; UntranslatableCharacter (22P05).
        """
        if self._layout.format == "binary":
            return encode_rows(batch, self._encoders, _COPY_DATA)
        fields = [encoder(column) for encoder, column in zip(self._encoders, batch.columns, strict=True)]
        return encode_lines(fields, batch.num_rows, self._layout, self._plain)


def encode_lines(fields: Sequence[Field], rows: int, layout: CopyLayout, plain: Sequence[bool]) -> RowChunk:
    """Lay out columns in text form as lines.

    Args: the columns; how many rows; the layout; whether a column has nothing to escape or to quote, whatever it holds.
    """
    if not rows:
        return RowChunk(b"", np.zeros(1, dtype=np.int64))
    line: list[Piece] = []
    for position, (encoded, is_plain) in enumerate(zip(fields, plain, strict=True)):
        if position:
            line.append(constant(layout.delimiter.encode(), rows))
        if layout.format == "csv":
            line += _csv_pieces(encoded, rows, layout, position in layout.force_quote, is_plain, len(fields) == 1)
        else:
            line += encoded.pieces if is_plain else [escape_text(joined(encoded, rows), layout.delimiter)]
        line += _null_pieces(encoded, rows, layout.null)
    line.append(constant(b"\n", rows))
    line = encoded_lines(line, rows, layout.encoding)
    return chunk_of(
        join(
            [repeated(_COPY_DATA, rows), size_words(np.full(rows, 4, dtype=np.int64) + total_lengths(line)), *line],
            rows,
        )
    )


def no_rows(content: bytes) -> RowChunk:
    """Return a CopyData message that is not a row."""
    return RowChunk(b"d" + (len(content) + 4).to_bytes(4) + content, np.zeros(1, dtype=np.int64))


def copy_chunk(chunk: RowChunk, columns: int, layout: CopyLayout) -> RowChunk:
    """Turn DataRow messages (of text columns, for the binary format of binary ones) into CopyData."""
    data = np.frombuffer(chunk.data, dtype=np.uint8)
    if layout.format == "binary":
        data = data.copy()
        data[chunk.offsets[:-1]] = ord("d")
        return RowChunk(data.tobytes(), chunk.offsets)
    return encode_lines(_fields_of(data, chunk.offsets, columns), len(chunk), layout, (False,) * columns)


def _fields_of(data: npt.NDArray[np.uint8], offsets: Ints, columns: int) -> list[Field]:
    """Take DataRow messages apart into columns."""
    position = offsets[:-1] + 7
    fields = []
    for _ in range(columns):
        lengths = np.stack([data[position + byte] for byte in range(4)], axis=1).view(">i4").ravel().astype(np.int64)
        size = np.maximum(lengths, 0)
        ends = np.zeros(len(size) + 1, dtype=np.int64)
        np.cumsum(size, out=ends[1:])
        places = np.arange(int(ends[-1])) + np.repeat(position + 4 - ends[:-1], size)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data[places])]
        fields.append(Field((pa.Array.from_buffers(BYTES, len(size), buffers),), lengths))
        position = position + 4 + size
    return fields


def _is_plain(kind: pa.DataType, layout: CopyLayout) -> bool:
    """Tell whether the texts of a type have nothing that this layout escapes or quotes."""
    if layout.delimiter not in _PLAIN_DELIMITERS or not any(is_kind(kind) for is_kind in _PLAIN_KINDS):
        return False
    return layout.format != "csv" or (
        layout.null in _PLAIN_NULLS and layout.quote in "\"'" and layout.escape in "\"'\\"
    )


def _null_pieces(encoded: Field, rows: int, null: str) -> list[Piece]:
    """Return what stands in the rows that are NULL."""
    absent = np.broadcast_to(np.asarray(encoded.lengths), (rows,)) < 0
    if not null or not absent.any():
        return []
    return [mask(constant(null.encode(), rows), pa.array(absent))]


def escape_text(array: pa.LargeBinaryArray, delimiter: str) -> pa.LargeBinaryArray:
    r"""Put a backslash in front of backslashes and delimiters, and write control characters as \n, \t, ..."""
    table = np.arange(256, dtype=np.uint8)
    special = np.zeros(256, dtype=np.bool_)
    for code, letter in _LETTERS.items():
        table[code] = letter[0]
        special[code] = True
    special[[ord("\\"), ord(delimiter)]] = True
    data, offsets = _data(array)
    places = np.flatnonzero(special.take(data))
    return _inserted(array, data, offsets, places, b"\\", table) if len(places) else array


def _csv_pieces(
    encoded: Field, rows: int, layout: CopyLayout, force: bool, is_plain: bool, alone: bool
) -> Sequence[Piece]:
    """Return a column's pieces, quoted where it must be."""
    if is_plain and not force:
        return encoded.pieces
    array = joined(encoded, rows)
    data, offsets = _data(array)
    present = to_mask(pc.is_valid(array)) if array.null_count else np.ones(rows, dtype=np.bool_)
    quoted = present if force else present & _needs_quotes(array, data, offsets, layout, alone)
    if not quoted.any():
        return [array]
    inside = _places(data, layout.quote + layout.escape)
    inside = inside[quoted[np.searchsorted(offsets, inside, side="right") - 1]]
    if len(inside):
        array = _inserted(array, data, offsets, inside, layout.escape.encode(), None)
    quote: Piece = constant(layout.quote.encode(), rows)
    if not quoted.all():
        quote = mask(quote, pa.array(quoted))
    return [quote, array, quote]


def _needs_quotes(
    array: pa.LargeBinaryArray, data: npt.NDArray[np.uint8], offsets: Ints, layout: CopyLayout, alone: bool
) -> Mask:
    r"""Tell which values hold a delimiter, a quote or a line's end, or read as NULL or, alone on a line, as \."""
    places = _places(data, layout.delimiter + layout.quote + "\n\r")
    before = np.searchsorted(places, offsets)
    found: Mask = before[1:] > before[:-1]
    for text in (layout.null, "\\.") if alone else (layout.null,):
        found |= to_mask(pc.fill_null(pc.equal(array, pa.scalar(text.encode(), BYTES)), False))
    return found


def _places(data: npt.NDArray[np.uint8], characters: str) -> npt.NDArray[np.intp]:
    special = np.zeros(256, dtype=np.bool_)
    special[[ord(character) for character in characters]] = True
    return np.flatnonzero(special.take(data))


def _data(array: pa.LargeBinaryArray) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Return all bytes of an array and the n + 1 offsets into them."""
    offsets = offsets_of(array)
    data = np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)[int(offsets[0]) : int(offsets[-1])]
    return data, offsets - offsets[0]


def _inserted(
    array: pa.LargeBinaryArray,
    data: npt.NDArray[np.uint8],
    offsets: Ints,
    places: npt.NDArray[np.intp],
    byte: bytes,
    table: npt.NDArray[np.uint8] | None,
) -> pa.LargeBinaryArray:
    """Return the array with a byte in front of each of some places, and these bytes replaced by the table's."""
    changed = np.insert(data, places, byte[0])
    if table is not None:
        changed[places + np.arange(1, len(places) + 1)] = table.take(data[places])
    moved = offsets + np.searchsorted(places, offsets)
    result = pa.Array.from_buffers(BYTES, len(array), [None, pa.py_buffer(moved), pa.py_buffer(changed)])
    return mask(result, pc.is_valid(array)) if array.null_count else result
