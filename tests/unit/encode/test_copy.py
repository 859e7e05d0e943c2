"""COPY's formats. What Postgres writes is compared in tests/integration/session/test_copy.py."""

import struct

import numpy as np
import pyarrow as pa
import pytest

from pgserver.encode.copy import CopyLayout, CopyWriter, copy_chunk
from pgserver.encode.encoders import encoders_for
from pgserver.encode.rows import RowChunk, WireColumn, WireSettings, encode_rows
from pgserver.protocol.errors import FeatureNotSupported, UntranslatableCharacter

INT4, TEXT, FLOAT8 = 23, 25, 701
CSV = CopyLayout(format="csv", delimiter=",", null="")

ODD = ["plain", "", None, "a\tb", "back\\slash", "line\nend\r", '"quoted"', "a,b", "\\.", "\\N", "\b\f\v", "ü€😀", "'"]
NUMBERS = [1, -2, None, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0]


def batch_of(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def odd_batch() -> pa.RecordBatch:
    return batch_of(n=pa.array(NUMBERS, pa.int32()), t=pa.array(ODD, pa.string()))


def messages(chunk: RowChunk) -> list[bytes]:
    """Take a chunk apart at its offsets, and check that each row is one CopyData message."""
    data = bytes(chunk.data)
    found = []
    for start, end in zip(chunk.offsets[:-1], chunk.offsets[1:], strict=True):
        message = data[start:end]
        assert message[:1] == b"d"
        assert int.from_bytes(message[1:5]) == len(message) - 1
        found.append(message[5:])
    return found


def write(batch: pa.RecordBatch, layout: CopyLayout, *oids: int) -> list[bytes]:
    columns = [WireColumn(oid, -1, int(layout.format == "binary")) for oid in oids]
    return messages(CopyWriter(layout, columns, batch.schema, WireSettings()).encode(batch))


def test_text_escapes_what_would_end_a_value() -> None:
    lines = write(odd_batch(), CopyLayout(), INT4, TEXT)
    assert lines == [
        b"1\tplain\n",
        b"-2\t\n",
        b"\\N\t\\N\n",
        b"4\ta\\tb\n",
        b"5\tback\\\\slash\n",
        b"6\tline\\nend\\r\n",
        b'7\t"quoted"\n',
        b"8\ta,b\n",
        b"9\t\\\\.\n",
        b"10\t\\\\N\n",
        b"11\t\\b\\f\\v\n",
        "12\tü€😀\n".encode(),
        b"0\t'\n",
    ]


def test_csv_quotes_what_would_read_otherwise() -> None:
    lines = write(odd_batch(), CSV, INT4, TEXT)
    assert lines == [
        b"1,plain\n",
        b'-2,""\n',
        b",\n",
        b"4,a\tb\n",
        b"5,back\\slash\n",
        b'6,"line\nend\r"\n',
        b'7,"""quoted"""\n',
        b'8,"a,b"\n',
        b"9,\\.\n",
        b"10,\\N\n",
        b"11,\b\f\v\n",
        "12,ü€😀\n".encode(),
        b"0,'\n",
    ]


@pytest.mark.parametrize(
    ("layout", "value", "line"),
    [
        (CSV, "\\.", b'"\\."\n'),
        (CopyLayout(format="csv", delimiter=",", null="x"), "x", b'"x"\n'),
        (CopyLayout(format="csv", delimiter=",", null="x"), None, b"x\n"),
        (CopyLayout(format="csv", delimiter=";", null=""), "a,b;c", b'"a,b;c"\n'),
        (CopyLayout(format="csv", delimiter=",", null="", quote="'", escape="'"), "it's", b"'it''s'\n"),
        (CopyLayout(format="csv", delimiter=",", null="", escape="\\"), 'a"\\,', b'"a\\"\\\\,"\n'),
        (CopyLayout(format="csv", delimiter=",", null="", escape="\\"), "a\\b", b"a\\b\n"),
        (CopyLayout(format="csv", delimiter=",", null="", force_quote=(0,)), "a", b'"a"\n'),
        (CopyLayout(format="csv", delimiter=",", null="", force_quote=(0,)), None, b"\n"),
        (CopyLayout(delimiter="|"), "a|b\tc", b"a\\|b\\tc\n"),
        (CopyLayout(null=""), None, b"\n"),
        (CopyLayout(null="nothing"), "nothing", b"nothing\n"),
    ],
)
def test_an_option_changes_a_line(layout: CopyLayout, value: str | None, line: bytes) -> None:
    assert write(batch_of(t=pa.array([value], pa.string())), layout, TEXT) == [line]


@pytest.mark.parametrize(
    ("layout", "value", "line"),
    [
        (CopyLayout(delimiter="-"), -5, b"\\-5\n"),
        (CSV, -5, b"-5\n"),
        (CopyLayout(format="csv", delimiter="-", null=""), -5, b'"-5"\n'),
        (CopyLayout(format="csv", delimiter=",", null="7"), 7, b'"7"\n'),
        (CopyLayout(format="csv", delimiter=",", null="", quote="1", escape="1"), 212, b"121121\n"),
        (CopyLayout(format="csv", delimiter=",", null="", force_quote=(0,)), 5, b'"5"\n'),
    ],
)
def test_numbers_may_need_it_too(layout: CopyLayout, value: int, line: bytes) -> None:
    assert write(batch_of(n=pa.array([value], pa.int32())), layout, INT4) == [line]


def test_a_column_that_is_null_throughout() -> None:
    batch = batch_of(n=pa.nulls(2), t=pa.array(["a", "b"]))
    assert write(batch, CopyLayout(), INT4, TEXT) == [b"\\N\ta\n", b"\\N\tb\n"]
    assert write(batch, CSV, INT4, TEXT) == [b",a\n", b",b\n"]


def test_slices_of_a_batch() -> None:
    whole = write(odd_batch(), CSV, INT4, TEXT)
    assert write(odd_batch().slice(2, 9), CSV, INT4, TEXT) == whole[2:11]
    assert write(odd_batch().slice(0, 0), CSV, INT4, TEXT) == []


def test_binary_is_a_row_without_its_own_header() -> None:
    rows = write(odd_batch(), CopyLayout(format="binary"), INT4, TEXT)
    assert rows[0] == struct.pack(">hii", 2, 4, 1) + struct.pack(">i", 5) + b"plain"
    assert rows[2] == struct.pack(">hii", 2, -1, -1)


@pytest.mark.parametrize(
    "layout",
    [
        CopyLayout(),
        CSV,
        CopyLayout(format="csv", delimiter="|", null="4", force_quote=(1,)),
        CopyLayout(format="binary"),
    ],
)
def test_rows_of_the_bridge_become_the_same_messages(layout: CopyLayout) -> None:
    columns = [WireColumn(oid, -1, int(layout.format == "binary")) for oid in (INT4, TEXT)]
    batch = odd_batch()
    chunk = encode_rows(batch, encoders_for(columns, batch.schema, WireSettings()))
    assert messages(copy_chunk(chunk, 2, layout)) == write(batch, layout, INT4, TEXT)


def test_no_columns_are_empty_lines() -> None:
    chunk = RowChunk(b"D\0\0\0\6\0\0" * 2, np.array([0, 7, 14]))
    assert messages(copy_chunk(chunk, 0, CopyLayout())) == [b"\n", b"\n"]


@pytest.mark.parametrize("encoding", ["LATIN1", "latin-1", "WIN1252", "SJIS", "EUC_JP", "GB18030"])
def test_lines_in_another_encoding(encoding: str) -> None:
    codec = {"SJIS": "cp932", "EUC_JP": "euc_jp", "GB18030": "gb18030", "WIN1252": "cp1252"}.get(encoding, "latin-1")
    text = "表ソ" if encoding in ("SJIS", "EUC_JP", "GB18030") else "Müller§"
    batch = batch_of(t=pa.array(["ascii", text, None, ""], pa.string()), n=pa.array([1, 2, 3, 4], pa.int32()))
    lines = write(batch, CopyLayout(encoding=encoding), TEXT, INT4)
    assert lines == [b"ascii\t1\n", text.encode(codec) + b"\t2\n", b"\\N\t3\n", b"\t4\n"]


def test_what_an_encoding_does_not_have() -> None:
    with pytest.raises(UntranslatableCharacter, match=r"0xe2 0x82 0xac in .* has no equivalent in .*LATIN1"):
        write(batch_of(t=pa.array(["ok", "€"])), CopyLayout(encoding="LATIN1"), TEXT)
    with pytest.raises(FeatureNotSupported, match="MULE"):
        write(batch_of(t=pa.array(["ok"])), CopyLayout(encoding="MULE_INTERNAL"), TEXT)


def test_floats_take_the_straight_way() -> None:
    batch = batch_of(x=pa.array([1.5, float("nan"), float("-inf"), None]))
    assert write(batch, CopyLayout(), FLOAT8) == [b"1.5\n", b"NaN\n", b"-Infinity\n", b"\\N\n"]
