"""Frames between server and child."""

import numpy as np
import pytest

from pgserver.encode.rows import RowChunk, WireColumn, WireSettings
from pgserver.engine.channel import (
    HEADER,
    Kind,
    body_of,
    chunk_from,
    chunk_parts,
    frame,
    request_body,
    request_from,
)


def test_a_request_arrives_as_it_was() -> None:
    columns = (WireColumn(23, -1, 1), WireColumn(99_999, 5, 0, "e", 77))
    settings = WireSettings("Europe/Berlin", "SQL, DMY")
    content = frame(Kind.RUN, 7, request_body("SELECT 'ü'", columns, settings, 1000))
    length, kind, number = HEADER.unpack(content[: HEADER.size])
    assert (kind, number, length) == (Kind.RUN, 7, len(content) - HEADER.size)
    sql, *rest = request_from(body_of(content[HEADER.size :]))
    assert sql == "SELECT 'ü'"
    assert rest[:3] == [columns, settings, 1000]


@pytest.mark.parametrize("offsets", [[0], [0, 3], [0, 1, 3]])
def test_a_chunk_arrives_as_it_was(offsets: list[int]) -> None:
    chunk = RowChunk(b"abc"[: offsets[-1]], np.array(offsets, dtype=np.int64))
    content = b"".join(bytes(part) for part in chunk_parts(9, chunk))
    length, kind, number = HEADER.unpack(content[: HEADER.size])
    assert (kind, number, length) == (Kind.CHUNK, 9, len(content) - HEADER.size)
    received = chunk_from(memoryview(content)[HEADER.size :])
    assert bytes(received.data) == bytes(chunk.data)
    assert received.offsets.tolist() == offsets


@pytest.mark.parametrize("offsets", [[0, 4], [1, 3], [0, 2, 1, 3], [0, 2]])
def test_a_chunk_that_contradicts_itself_is_refused(offsets: list[int]) -> None:
    chunk = RowChunk(b"abc", np.array(offsets, dtype=np.int64))
    content = b"".join(bytes(part) for part in chunk_parts(9, chunk))
    with pytest.raises(ValueError, match="offsets"):
        chunk_from(memoryview(content)[HEADER.size :])
