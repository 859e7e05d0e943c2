"""Rows on disk: what was appended is read back, from anywhere, in both directions."""

import asyncio
import random
from pathlib import Path

import numpy as np

from pgserver.encode.rows import RowChunk
from pgserver.session.spool import RowStore, reversed_rows


def chunk_of(rows: list[bytes]) -> RowChunk:
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return RowChunk(b"".join(rows), offsets)


def rows_of(chunk: RowChunk) -> list[bytes]:
    data = bytes(chunk.data)
    return [data[start:end] for start, end in zip(chunk.offsets[:-1], chunk.offsets[1:], strict=True)]


def filled(folder: Path, *sizes: int, first: int = 0) -> tuple[RowStore, list[bytes]]:
    store = RowStore(folder, first)
    rows = [b"x" * (number % 5) + str(number).encode() for number in range(sum(sizes))]
    at = 0
    for size in sizes:
        asyncio.run(store.append(chunk_of(rows[at : at + size])))
        at += size
    return store, rows


def test_reversed_rows_are_the_same_rows() -> None:
    rows = [b"a", b"", b"ccc", b"dd"]
    assert rows_of(reversed_rows(chunk_of(rows))) == rows[::-1]
    assert rows_of(reversed_rows(chunk_of(rows).split(1)[1])) == rows[:0:-1]


def test_reads_any_part_forward_and_back(tmp_path: Path) -> None:
    store, rows = filled(tmp_path, 1, 7, 3, 20)
    generator = random.Random(1)
    for _ in range(200):
        start, limit = generator.randrange(len(rows)), generator.choice([None, 1, 2, 5, 100])
        forward = rows_of(asyncio.run(store.read(start, limit)))
        assert forward
        assert forward == rows[start : start + len(forward)]
        assert limit is None or len(forward) <= limit
        back = rows_of(asyncio.run(store.read_back(start + 1, limit)))
        assert back
        assert back == rows[start::-1][: len(back)]
        assert limit is None or len(back) <= limit
    store.close()


def test_numbers_begin_where_they_are_told(tmp_path: Path) -> None:
    store, rows = filled(tmp_path, 4, 2, first=10)
    assert (store.first, store.end) == (10, 16)
    assert rows_of(asyncio.run(store.read(13, None))) == rows[3:4]
    assert rows_of(asyncio.run(store.read(14, 1))) == rows[4:5]
    store.close()


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    store, _ = filled(tmp_path, 100)
    assert list(tmp_path.iterdir()) == []
    store.close()
