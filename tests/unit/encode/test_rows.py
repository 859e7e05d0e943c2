"""DataRow messages: the layout, NULLs, limits."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgserver.encode import rows
from pgserver.encode.encoders import encoders_for
from pgserver.encode.rows import RowChunk, WireColumn, WireSettings, encode_rows
from pgserver.protocol.errors import ProgramLimitExceeded

TEXT = WireColumn(25, -1, 0)
INT4_BINARY = WireColumn(23, -1, 1)


def encode(batch: pa.RecordBatch, *columns: WireColumn) -> RowChunk:
    return encode_rows(batch, encoders_for(columns, batch.schema, WireSettings()))


def values_of(message: bytes) -> list[bytes | None]:
    assert message[:1] == b"D"
    assert int.from_bytes(message[1:5]) == len(message) - 1
    found: list[bytes | None] = []
    at = 7
    for _ in range(int.from_bytes(message[5:7])):
        length = int.from_bytes(message[at : at + 4], signed=True)
        found.append(None if length == -1 else message[at + 4 : at + 4 + length])
        at += 4 + max(length, 0)
    assert at == len(message)
    return found


def rows_of(chunk: RowChunk) -> list[list[bytes | None]]:
    data = bytes(chunk.data)
    assert chunk.offsets[0] == 0
    assert chunk.offsets[-1] == len(data)
    return [values_of(data[start:stop]) for start, stop in zip(chunk.offsets[:-1], chunk.offsets[1:], strict=True)]


def test_a_row_to_the_byte() -> None:
    batch = pa.record_batch({"t": ["ab", None], "n": pa.array([1, -2], pa.int32()), "e": ["", "x"]})
    chunk = encode(batch, TEXT, INT4_BINARY, TEXT)
    first = b"D\0\0\0\x18\0\3\0\0\0\2ab\0\0\0\4\0\0\0\1\0\0\0\0"
    second = b"D\0\0\0\x17\0\3\xff\xff\xff\xff\0\0\0\4\xff\xff\xff\xfe\0\0\0\1x"
    assert bytes(chunk.data) == first + second
    assert chunk.offsets.tolist() == [0, 25, 49]


def test_no_rows_and_no_columns() -> None:
    assert len(encode(pa.record_batch({"t": pa.array([], pa.string())}), TEXT)) == 0
    no_columns = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    assert bytes(encode(no_columns).data) == b"D\0\0\0\6\0\0" * 2


def test_columns_of_one_kind_are_the_same_encoded_together_or_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[tuple[pa.Array, WireColumn]] = [
        (pa.array([1, None, -300], pa.int64()), WireColumn(20, -1, 0)),
        (pa.array([7, 8, 9], pa.int32()), WireColumn(23, -1, 0)),
        (pa.array([None, None, 5], pa.int64()), WireColumn(20, -1, 0)),
        (pa.array([1, 2, None], pa.int32()), INT4_BINARY),
        (pa.array([3, 4, 5], pa.int32()), INT4_BINARY),
        (pa.array(["ab", None, ""]), TEXT),
        (pa.array(["cd", "ef", "gh"]), TEXT),
        (pa.array([True, None, False]), WireColumn(16, -1, 0)),
        (pa.array([None, None, None], pa.bool_()), WireColumn(16, -1, 0)),
        (pa.nulls(3), TEXT),
    ]
    batch = pa.record_batch([array for array, _ in kinds], [f"c{number}" for number in range(len(kinds))])
    columns = [column for _, column in kinds]
    together = rows_of(encode(batch, *columns)), rows_of(encode(batch.slice(1), *columns))
    monkeypatch.setattr(rows, "_MANY_COLUMNS", len(kinds) + 1)
    assert together == (rows_of(encode(batch, *columns)), rows_of(encode(batch.slice(1), *columns)))


def test_a_column_that_is_null_in_every_row() -> None:
    batch = pa.record_batch({"n": pa.nulls(3), "t": ["a", "b", "c"], "m": pa.nulls(3, pa.int64())})
    assert rows_of(encode(batch, TEXT, TEXT, TEXT)) == [[None, b"a", None], [None, b"b", None], [None, b"c", None]]


def test_a_slice_is_encoded_as_itself() -> None:
    batch = pa.record_batch({"t": ["a", None, "ccc", "dd", None], "n": pa.array([1, 2, None, 4, 5])})
    whole = rows_of(encode(batch, TEXT, TEXT))
    for start in range(5):
        for stop in range(start + 1, 6):
            assert rows_of(encode(batch.slice(start, stop - start), TEXT, TEXT)) == whole[start:stop]


def test_splitting_a_chunk() -> None:
    chunk = encode(pa.record_batch({"n": pa.array(range(10))}), TEXT)
    head, tail = chunk.split(3)
    assert (len(head), len(tail)) == (3, 7)
    assert bytes(head.data) + bytes(tail.data) == bytes(chunk.data)
    assert rows_of(tail)[0] == [b"3"]


def test_a_message_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MESSAGE_LIMIT_BYTES", 100)
    assert len(encode(pa.record_batch({"t": ["x" * 89, "y"]}), TEXT)) == 2
    with pytest.raises(ProgramLimitExceeded) as caught:
        encode(pa.record_batch({"t": ["x" * 90, "y"]}), TEXT)
    assert caught.value.sqlstate == "54000"


CELLS = {
    "text": (pa.string(), st.text(st.characters(codec="utf-8"), max_size=20), lambda value: value.encode()),
    "large": (pa.large_string(), st.sampled_from(["", "a", "bb"]), lambda value: value.encode()),
    "fixed": (pa.string(), st.sampled_from(["ab", "cd"]), lambda value: value.encode()),
    "small": (pa.int16(), st.integers(-50, 50), lambda value: b"%d" % value),
    "wide": (pa.int64(), st.integers(-(2**63), 2**63 - 1), lambda value: b"%d" % value),
    "bool": (pa.bool_(), st.booleans(), lambda value: b"t" if value else b"f"),
}


@given(st.data())
def test_what_is_encoded_can_be_read(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=20))
    count = data.draw(st.integers(1, 30))
    nullable = data.draw(st.booleans())
    columns, wanted = [], []
    for kind in kinds:
        arrow, strategy, encoded = CELLS[kind]
        cell = st.none() | strategy if nullable else strategy
        values = data.draw(st.lists(cell, min_size=count, max_size=count))
        columns.append(pa.array(values, arrow))
        wanted.append([None if value is None else encoded(value) for value in values])
    batch = pa.RecordBatch.from_arrays(columns, [f"c{number}" for number in range(len(columns))])
    assert rows_of(encode(batch, *[TEXT] * len(kinds))) == [list(row) for row in zip(*wanted, strict=True)]


def test_offsets_are_int64() -> None:
    assert encode(pa.record_batch({"n": pa.array([1])}), TEXT).offsets.dtype == np.int64
