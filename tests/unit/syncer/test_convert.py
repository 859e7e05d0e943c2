import csv
from decimal import Decimal
from io import StringIO

import pyarrow as pa
import pytest

from catalog.columns import Column
from catalog.schemas import assign_field_ids, file_schema
from syncer.convert import Converter, NotText, split_row
from syncer.copy_messages import Block
from syncer.values import Unrepresentable


def converter(*storages: str, array: bool = False) -> Converter:
    columns = tuple(
        Column(
            name=f"column {position}",
            attnum=position,
            field_id=0,
            type=storage,
            type_oid=0,
            typmod=-1,
            storage=storage,
            array=array,
            precision=10 if storage == "numeric" else None,
            scale=2 if storage == "numeric" else None,
        )
        for position, storage in enumerate(storages, start=1)
    )
    numbered, schema = assign_field_ids(columns, None)
    return Converter(numbered, file_schema(numbered, schema))


def values(table: pa.Table) -> list[list[object]]:
    return [list(row.values()) for row in table.to_pylist()]


def test_null_is_not_the_empty_string() -> None:
    table = converter("text", "text_backed").convert(Block(b'"",\n,""\n"NULL",\\N\n'))
    assert values(table) == [["", None], [None, ""], ["NULL", "\\N"]]


def test_a_lone_null_is_a_row() -> None:
    assert values(converter("text").convert(Block(b'\n""\na\n'))) == [[None], [""], ["a"]]


def test_quotes_newlines_and_commas() -> None:
    table = converter("text", "int4").convert(Block(b'"a\r\nb",1\n"say ""hi"", you",2\n"\\.",3\n'))
    assert values(table) == [["a\r\nb", 1], ['say "hi", you', 2], ["\\.", 3]]


def test_field_ids_survive() -> None:
    schema = converter("int4", "uuid").convert(Block(b"1,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n")).schema
    assert [field.metadata[b"PARQUET:field_id"] for field in schema] == [b"1", b"2"]
    assert schema.field(1).type == pa.uuid()


def test_odd_dates_beside_plain_columns_block_after_block() -> None:
    convert = converter("date", "timestamp", "numeric", "time").convert
    block = b"2000-01-01,2000-01-01 00:00:00,1.5,24:00:00\n"
    odd = b"infinity,2000-01-01 00:00:00.1,-2,\n"
    for _ in range(2):
        assert convert(Block(odd)).column(0).cast(pa.int32()).to_pylist() == [2**31 - 1]
        table = convert(Block(block))
        assert table.column(2).to_pylist() == [Decimal("1.50")]
        assert table.column(0).cast(pa.int32()).to_pylist() == [10957]
        assert table.column(3).combine_chunks().view(pa.int64()).to_pylist() == [86_400_000_000]


def test_a_value_without_a_place_names_its_column() -> None:
    with pytest.raises(Unrepresentable) as caught:
        converter("int4", "numeric").convert(Block(b"1,NaN\n"))
    assert caught.value.column == "column 2"


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(NotText):
        converter("text", "date").convert(Block(b"\xff,2000-01-01\n"))
    with pytest.raises(NotText):
        converter("text").convert(Block(b"\xff\n"))


def test_a_value_larger_than_any_block() -> None:
    text = "x,\n" * 1_500_000
    assert converter("text").convert(Block(b'"' + text.encode() + b'"\n')).column(0).to_pylist() == [text]


def test_the_heads_of_messages_are_not_read() -> None:
    block = Block(b'0000,7,"a\n0000,b"\n0000,,\n', has_heads=True)
    assert values(converter("int4", "text").convert(block)) == [[7, "a\n0000,b"], [None, None]]
    assert values(converter("text").convert(Block(b"0000,\n0000,1\n", has_heads=True))) == [[None], ["1"]]


def test_arrays_with_nulls() -> None:
    table = converter("int4", array=True).convert(Block(b'"{1,2}"\n\n{}\n{NULL}\n'))
    assert values(table) == [[[1, 2]], [None], [[]], [[None]]]


ROW = b'7,"a ""quoted"", \n text",,"",plain \\ ,\\x0a22,t,"{1,NULL}",1.50\n'


def test_a_huge_row_is_converted_as_any_other() -> None:
    storages = ("int4", "text", "text", "text", "json", "bytea", "bool", "varchar", "numeric")
    assert values(converter(*storages).convert(Block(ROW, is_one_row=True))) == values(
        converter(*storages).convert(Block(ROW))
    )
    assert values(converter(*storages).convert(Block(memoryview(ROW), is_one_row=True))) == [
        [7, 'a "quoted", \n text', None, "", "plain \\ ", b'\n"', True, "{1,NULL}", Decimal("1.50")]
    ]


def test_a_huge_row_of_arrays() -> None:
    row = b'"{1,NULL,3}"\n'
    assert values(converter("int8", array=True).convert(Block(row, is_one_row=True))) == [[[1, None, 3]]]


@pytest.mark.parametrize("row", [b"\n", b",\n", b'"",\n', b'",","\n"\n', b'"""",""""""\n'])
def test_a_row_is_taken_apart_as_a_csv_reader_does(row: bytes) -> None:
    (expected,) = csv.reader(StringIO(row.decode(), newline=""), strict=True) if row != b"\n" else ([""],)
    assert [bytes(value or b"").decode() for value in split_row(row)] == expected


def test_a_huge_row_that_is_not_utf8() -> None:
    with pytest.raises(NotText):
        converter("text").convert(Block(b"\xff\n", is_one_row=True))


def test_a_huge_row_with_a_value_that_the_type_has_not() -> None:
    with pytest.raises(Unrepresentable) as refused:
        converter("int4", "numeric").convert(Block(b"1,NaN\n", is_one_row=True))
    assert refused.value.column == "column 2"
