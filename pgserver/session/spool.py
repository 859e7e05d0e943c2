"""Rows of a cursor on disk: written once, read from anywhere. Memory holds one small entry per chunk."""

import asyncio
import contextlib
import tempfile
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from pgserver.encode.rows import RowChunk
from pgserver.protocol.errors import DiskFull

OFFSET_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Entry:
    """One chunk in the file: its rows' offsets, then their bytes."""

    position: int
    rows: int
    size: int


class RowStore:
    """Chunks in a file without a name: it is gone with the process, however that ends."""

    def __init__(self, folder: Path, first: int = 0) -> None:
        """Args: where the file is; the number of the first row that will be kept."""
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # closed by `close`
        self._starts: list[int] = []
        self._entries: list[_Entry] = []
        self.first = first
        self.end = first
        self.bytes = 0

    async def append(self, chunk: RowChunk) -> None:
        """Keep rows behind those that are there.

        Raises: DiskFull (53100).
        """
        try:
            await asyncio.to_thread(self._write, chunk)
        except OSError as error:
            raise DiskFull(f"could not write the rows of a cursor: {error.strerror}") from error
        self._starts.append(self.end)
        self._entries.append(_Entry(self.bytes, len(chunk), len(chunk.data)))
        self.bytes += OFFSET_BYTES * len(chunk.offsets) + len(chunk.data)
        self.end += len(chunk)

    def _write(self, chunk: RowChunk) -> None:
        self._file.seek(self.bytes)
        for part in (np.ascontiguousarray(chunk.offsets, dtype=np.int64).tobytes(), memoryview(chunk.data)):
            view = memoryview(part)
            while view:
                view = view[self._file.write(view) :]

    async def read(self, start: int, limit: int | None) -> RowChunk:
        """Return rows from number `start` on: at least one, at most `limit`."""
        place = bisect_right(self._starts, start) - 1
        chunk = await self._chunk(place)
        skipped = start - self._starts[place]
        if skipped:
            chunk = chunk.split(skipped)[1]
        return chunk if limit is None or len(chunk) <= limit else chunk.split(limit)[0]

    async def read_back(self, end: int, limit: int | None) -> RowChunk:
        """Return rows in front of number `end`, the last one first: at least one, at most `limit`."""
        place = bisect_right(self._starts, end - 1) - 1
        chunk = (await self._chunk(place)).split(end - self._starts[place])[0]
        if limit is not None and len(chunk) > limit:
            chunk = chunk.split(len(chunk) - limit)[1]
        return reversed_rows(chunk)

    async def _chunk(self, place: int) -> RowChunk:
        entry = self._entries[place]
        content = memoryview(await asyncio.to_thread(self._read, entry))
        offsets = np.frombuffer(content, dtype=np.int64, count=entry.rows + 1)
        return RowChunk(content[OFFSET_BYTES * (entry.rows + 1) :], offsets)

    def _read(self, entry: _Entry) -> bytes:
        self._file.seek(entry.position)
        size = OFFSET_BYTES * (entry.rows + 1) + entry.size
        content = bytearray()
        while len(content) < size and (part := self._file.read(size - len(content))):
            content += part
        return bytes(content)

    def close(self) -> None:
        """Give the disk back."""
        with contextlib.suppress(OSError):
            self._file.close()


def reversed_rows(chunk: RowChunk) -> RowChunk:
    """Return the rows of a chunk, the last one first."""
    rows = len(chunk)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(chunk.offsets)), pa.py_buffer(chunk.data)]
    array = pa.Array.from_buffers(pa.large_binary(), rows, buffers).take(pa.array(np.arange(rows - 1, -1, -1)))
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64, count=rows + 1)
    return RowChunk(memoryview(array.buffers()[2])[: int(offsets[-1])], offsets)
