"""Rows as files: COPY ... TO STDOUT (FORMAT parquet) and (FORMAT arrow), which Postgres does not have.

The file comes in CopyData messages of any size; put together they are a Parquet file, or a stream of Arrow IPC.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pgserver.encode.rows import RowChunk

ROW_GROUP_BYTES = 64 << 20  # in memory
MESSAGE_BYTES = 1 << 20


class _Pieces:
    """A file that is only written to: what was written waits here to be sent."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, content: bytes) -> int:
        self._pieces.append(bytes(content))
        self._position += len(content)
        return len(content)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        content = b"".join(self._pieces)
        self._pieces.clear()
        return content


class FileWriter:
    """Writes batches into one file."""

    def __init__(self, kind: str, names: Sequence[str], schema: pa.Schema) -> None:
        """Args: parquet or arrow; the columns' names for the client; the schema of the batches to come."""
        self._schema = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
        self._pieces = _Pieces()
        self._writer: pq.ParquetWriter | pa.RecordBatchStreamWriter
        if kind == "parquet":
            self._writer = pq.ParquetWriter(self._pieces, self._schema, compression="zstd")
        else:
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._pieces, "w"), self._schema)
        self._waiting: list[pa.RecordBatch] = []  # for a row group
        self._limit = ROW_GROUP_BYTES if kind == "parquet" else 0

    def chunks(self, reader: pa.RecordBatchReader) -> Iterator[RowChunk]:
        """Yield the file in pieces, each with the number of rows that were read for it."""
        for batch in reader:
            self._waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=self._schema))
            if sum(waiting.nbytes for waiting in self._waiting) > self._limit:
                yield self._written()
        yield self._written()
        self._writer.close()
        yield _messages(self._pieces.take(), 0)

    def _written(self) -> RowChunk:
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting.clear()
        if table.num_rows:
            self._writer.write_table(table)
        return _messages(self._pieces.take(), table.num_rows)


def _messages(content: bytes, rows: int) -> RowChunk:
    """Return CopyData messages that stand for so many rows. Where one of these begins is not known: at the end."""
    parts = []
    for start in range(0, len(content), MESSAGE_BYTES):
        part = content[start : start + MESSAGE_BYTES]
        parts.append(b"d" + (len(part) + 4).to_bytes(4) + part)
    data = b"".join(parts)
    offsets = np.full(rows + 1, len(data), dtype=np.int64)
    offsets[0] = 0
    return RowChunk(data, offsets)
