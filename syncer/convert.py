"""CSV of COPY to Arrow, a block of whole rows at a time. Pure.

Fast and exact: pyarrow reads a block with the columns' types declared. Where it meets a value that its parsers do not
know (`infinity`, BC, 24:00:00), the column is read as text from then on and parsed by `values.py`.
"""

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from catalog.columns import Column
from catalog.types import TEXT_BACKED
from syncer.arrays import parse_arrays
from syncer.copy_messages import Block
from syncer.values import Unrepresentable, parse

# What pyarrow's CSV reader parses exactly as Postgres prints it, whatever the value ...
DIRECT = {"bool", "char", "name", "int8", "int2", "int4", "text", "oid", "json", "jsonb", "float4", "float8", "bpchar"}
DIRECT |= {"varchar", "enum", TEXT_BACKED}
# ... and what it parses for nearly all values.
OPTIMISTIC = {"date", "time", "timestamp", "timestamptz", "numeric"}

PARSE_OPTIONS = pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)

# Possessive, so that a long text needs no memory for ways back.
QUOTED = re.compile(rb'"((?:[^"]++|"")*+)"')
DOUBLED = re.compile(rb'""')
PLAIN = re.compile(rb"[^,\n]*+")
NEWLINE = ord("\n")
HEAD = "head"


class NotText(Exception):
    """The source holds bytes that are not UTF-8 (databases in encoding SQL_ASCII may)."""


class Converter:
    """Converts the blocks of one table."""

    def __init__(self, columns: Sequence[Column], schema: pa.Schema) -> None:
        """Take the table's columns, and the Arrow schema to give, in the same order."""
        assert len(columns) == len(schema)
        self._columns = tuple(columns)
        self._schema = schema
        self._as_text = {
            index for index, column in enumerate(columns) if column.array or column.storage not in DIRECT | OPTIMISTIC
        }

    def convert(self, block: Block) -> pa.Table:
        """Convert whole rows.

        Raises: Unrepresentable naming the column; NotText.
        """
        if not self._columns:
            raise NotText("a table without columns has no CSV")
        if block.is_one_row:
            return self._convert_row(block.data)
        try:
            table = self._read(block)
        except pa.ArrowInvalid:
            optimistic = {index for index, column in enumerate(self._columns) if column.storage in OPTIMISTIC}
            if optimistic <= self._as_text:
                raise NotText("a text that is not valid UTF-8") from None
            table = self._read_again(block, optimistic)
        arrays = [self._finish(index, column) for index, column in enumerate(table.columns)]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _convert_row(self, row: bytes | bytearray | memoryview) -> pa.Table:
        """Convert one row that is huge, with as few copies of its values as that takes.

        Raises: Unrepresentable naming the column; NotText.
        """
        values = split_row(row)
        assert len(values) == len(self._columns)
        arrays = []
        for index, value in enumerate(values):
            values[index] = None
            text = one_text(value)
            del value
            arrays.append(self._finish(index, pa.chunked_array([text])))
            del text
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _read_again(self, block: Block, optimistic: set[int]) -> pa.Table:
        """Read with the odd columns as text; those that pyarrow casts after all stay fast."""
        before = self._as_text
        self._as_text = before | optimistic
        try:
            table = self._read(block)
        except pa.ArrowInvalid as error:
            raise NotText("a text that is not valid UTF-8") from error
        finally:
            self._as_text = before
        odd = set()
        for index in optimistic - before:
            column = table.column(index)
            try:
                pc.cast(column, self._schema.field(index).type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                odd.add(index)
        self._as_text = before | odd
        return table

    def _read(self, block: Block) -> pa.Table:
        names = [str(index) for index in range(len(self._columns))]
        types = {
            name: pa.string() if index in self._as_text else self._schema.field(index).type
            for index, name in enumerate(names)
        }
        return pyarrow.csv.read_csv(
            pa.py_buffer(block.data),
            pyarrow.csv.ReadOptions(
                column_names=[HEAD, *names] if block.has_heads else names,
                use_threads=False,
                block_size=len(block.data) + 1,
            ),
            PARSE_OPTIONS,
            pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=names,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )

    def _finish(self, index: int, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        target = self._schema.field(index).type
        if column.type == target:
            return column
        described = self._columns[index]
        texts = column.combine_chunks()
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.chunk(0) if texts.num_chunks else pa.array([], pa.string())
        try:
            if described.array:
                return parse_arrays(texts, described.storage, target)
            return parse(texts, described.storage, target)
        except Unrepresentable as error:
            raise Unrepresentable(error.reason, described.name) from error


def split_row(row: bytes | bytearray | memoryview) -> list[bytes | memoryview | None]:
    """Take a row of COPY's CSV apart; what is not quoted is not copied."""
    view = memoryview(row)
    values: list[bytes | memoryview | None] = []
    position = 0
    while True:
        match = QUOTED.match(view, position)
        if match is not None:
            text = view[match.start(1) : match.end(1)]
            values.append(bytes(text).replace(b'""', b'"') if DOUBLED.search(text) else text)
            end = match.end()
        else:
            match = PLAIN.match(view, position)
            assert match is not None
            end = match.end()
            values.append(view[position:end] if end > position else None)
        if view[end] == NEWLINE:
            assert end == len(view) - 1
            return values
        position = end + 1


def one_text(value: bytes | memoryview | None) -> pa.StringArray:
    """Return an array of one text, over the same memory.

    Raises: NotText.
    """
    if value is None:
        return pa.nulls(1, pa.string())
    offsets = pa.array([0, len(value)], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(value)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        raise NotText("a text that is not valid UTF-8") from error
    return text
