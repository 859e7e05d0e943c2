"""The shape of encoded rows; `encode_rows` lays a batch out as DataRow messages (Postgres docs, Message Formats)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgserver.encode.memo import FEW_ROWS, Memo
from pgserver.encode.pieces import ColumnEncoder, Field, Fixed, Ints, Piece, join, offsets_of, repeated
from pgserver.protocol.errors import ProgramLimitExceeded

MESSAGE_LIMIT_BYTES = 1 << 30  # Postgres' own: MaxAllocSize
_MANY_COLUMNS = 4
_DATA_ROW = np.array(b"D", dtype="S1")


@dataclass(frozen=True, slots=True)
class WireColumn:
    """How one result column goes over the wire: the type that the twin described and the client's format code.

    `typtype` and `element_oid` matter for binary format and types that users made only: an enum ("e") is sent as its
    label, and an array names its elements' type.
    """

    type_oid: int
    typmod: int
    format: int  # 0 text, 1 binary
    typtype: str = "b"  # pg_type.typtype: of the elements where the column is an array
    element_oid: int = 0  # pg_type.typelem of an array of a type that users made


@dataclass(frozen=True, slots=True)
class WireSettings:
    """The session's settings that change a value's text form."""

    time_zone: str = "UTC"
    date_style: str = "ISO, MDY"
    interval_style: str = "postgres"
    bytea_output: str = "hex"
    extra_float_digits: int = 1


@dataclass(frozen=True, slots=True)
class RowChunk:
    """n encoded rows: one buffer of n messages, and n + 1 byte offsets into it (int64)."""

    data: bytes | memoryview
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    def split(self, rows: int) -> tuple["RowChunk", "RowChunk"]:
        """Return the first `rows` rows and the rest, without copying."""
        cut = int(self.offsets[rows])
        view = memoryview(self.data)
        return (
            RowChunk(view[:cut], self.offsets[: rows + 1]),
            RowChunk(view[cut:], self.offsets[rows:] - cut),
        )


def encode_rows(batch: pa.RecordBatch, encoders: Sequence[ColumnEncoder], tag: Fixed = _DATA_ROW) -> RowChunk:
    """Lay out a batch as DataRow messages, with no Python loop over rows.

    Args: a batch of n rows; one encoder per column, in column order; the messages' type (a row of COPY's binary format
    is a CopyData message of the same layout).
    Returns: one buffer of n messages, and n + 1 byte offsets (int64).
    Raises: ProgramLimitExceeded (54000) when a message would pass 1 GiB.
    Source: Message Formats, DataRow.
    """
    rows = batch.num_rows
    if not rows:
        return RowChunk(b"", np.zeros(1, dtype=np.int64))
    if rows < FEW_ROWS and len(encoders) >= _MANY_COLUMNS:
        fields = _alike_together(batch, encoders)
    else:
        fields = [encoder(column) for encoder, column in zip(encoders, batch.columns, strict=True)]
    count = repeated(np.array(len(fields), dtype=">i2"), rows)
    pieces: list[Piece] = [repeated(tag, rows), _message_sizes(fields, rows), count]
    for encoded in fields:
        if not encoded.sized:
            pieces.append(_big_endian(encoded.lengths, rows))
        pieces.extend(encoded.pieces)
    return chunk_of(join(pieces, rows))


def _alike_together(batch: pa.RecordBatch, encoders: Sequence[ColumnEncoder]) -> list[Field]:
    """Encode all columns of one kind at once: each call of Arrow takes 25 us, however few rows it is for."""
    kinds: dict[tuple[ColumnEncoder, pa.DataType], list[int]] = {}
    for number, (encoder, column) in enumerate(zip(encoders, batch.columns, strict=True)):
        direct = encoder.direct if isinstance(encoder, Memo) else encoder
        kinds.setdefault((direct, column.type), []).append(number)
    fields: dict[int, Field] = {}
    for (encoder, _), numbers in kinds.items():
        columns = [batch.column(number) for number in numbers]
        encoded = encoder(pa.concat_arrays(columns) if len(columns) > 1 else columns[0])
        for place, number in enumerate(numbers):
            fields[number] = encoded.slice(place * batch.num_rows, batch.num_rows)
    return [fields[number] for number in range(len(encoders))]


def _big_endian(lengths: Ints | int, rows: int) -> Fixed:
    if isinstance(lengths, int):
        return repeated(np.array(lengths, dtype=">i4"), rows)
    return lengths.astype(">i4")


def _message_sizes(fields: Sequence[Field], rows: int) -> Fixed:
    """Return each message's length as its header has it: of all but the tag."""
    constant = 6 + 4 * len(fields) + sum(f.lengths for f in fields if isinstance(f.lengths, int) and f.lengths > 0)
    sizes = np.full(rows, constant, dtype=np.int64)
    for encoded in fields:
        if not isinstance(encoded.lengths, int):
            sizes += np.maximum(encoded.lengths, 0)
    return size_words(sizes)


def size_words(sizes: Ints) -> Fixed:
    """Return the length words of messages.

    Raises: ProgramLimitExceeded (54000).
    """
    longest = int(sizes.max())
    if longest >= MESSAGE_LIMIT_BYTES:
        raise ProgramLimitExceeded(
            "out of memory", detail=f"A row of {longest} bytes passes the limit of {MESSAGE_LIMIT_BYTES} bytes."
        )
    return sizes.astype(">i4")


def chunk_of(messages: pa.LargeBinaryArray) -> RowChunk:
    """Return joined messages as a chunk: the array's data is the stream, its offsets are the rows'."""
    offsets = offsets_of(messages)
    start = int(offsets[0])
    return RowChunk(memoryview(messages.buffers()[2])[start : int(offsets[-1])], offsets - start if start else offsets)
