"""Rows of data files that stay when others replace them: the files that lose rows are written anew without them.

Why copy-on-write and not delete files. Both readers of this project would read positional deletes: DuckDB's
`iceberg_scan` and PyIceberg; equality deletes only DuckDB. But a table with delete files leaves the server's fast
reader (`read_parquet` with late materialization, see docs/decisions/0005-two-readers.md), and to write positional
deletes the same key columns have to be read as here. What an incremental copy touches is mostly the newest files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from catalog.schemas import FIELD_ID
from catalog.storage import Warehouse
from syncer.write import FileWriter

POSITION = "\0position"


class Replaced:
    """Tells which rows of the lake are replaced."""

    def columns(self) -> Sequence[str]:
        """The columns that must be read to tell."""
        raise NotImplementedError

    def kept(self, rows: pa.Table) -> pa.BooleanArray:
        """Return which rows stay."""
        raise NotImplementedError


class ByKey(Replaced):
    """Rows with one of these keys are replaced."""

    def __init__(self, keys: pa.Table) -> None:
        """Args: the keys, without a NULL."""
        self._keys = plain(keys)

    def columns(self) -> Sequence[str]:
        """Return the key's columns."""
        return list(self._keys.column_names)

    def kept(self, rows: pa.Table) -> pa.BooleanArray:
        """Return which rows have none of the keys."""
        found = plain(rows.select(self.columns()))
        positions = pa.array(np.arange(len(rows), dtype=np.int64))
        matched = found.append_column(POSITION, positions).join(
            self._keys, keys=self.columns(), join_type="left semi", use_threads=False
        )
        mask = np.ones(len(rows), dtype=np.bool_)
        mask[matched.column(POSITION).to_numpy()] = False
        return pa.array(mask)


class FromCursor(Replaced):
    """Rows from a cursor value on are replaced."""

    def __init__(self, column: str, low: pa.Scalar) -> None:
        """Args: the cursor column; the lowest value that is replaced."""
        self._column = column
        self._low = low

    def columns(self) -> Sequence[str]:
        """Return the cursor."""
        return [self._column]

    def kept(self, rows: pa.Table) -> pa.BooleanArray:
        """Return which rows are before the window."""
        kept = pc.less(rows.column(self._column), self._low)
        return kept.combine_chunks() if isinstance(kept, pa.ChunkedArray) else kept


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was done to one file: how many rows it had and lost; none lost means that it was left as it is."""

    rows: int
    lost: int


def rewrite(
    filesystem: fs.FileSystem, location: str, schema: pa.Schema, replaced: Replaced, writer: FileWriter, *, always: bool
) -> Rewritten:
    """Write the rows of a data file that stay, if there are others, or in any case.

    Args: where the file is; the table's schema with field ids; which rows go; where the others go to; whether the file
    goes even if it loses nothing (it is small).
    """
    with filesystem.open_input_file(Warehouse.arrow_path(location)) as source, pq.ParquetFile(source) as file:
        masks = [replaced.kept(rows) for rows in row_groups(file, schema, replaced.columns())]
        total = sum(len(mask) for mask in masks)
        lost = total - sum(int(pc.sum(mask).as_py() or 0) for mask in masks)
        if lost or always:
            for mask, rows in zip(masks, row_groups(file, schema, schema.names), strict=True):
                writer.add(rows.filter(mask))
    return Rewritten(total, lost)


def row_groups(file: pq.ParquetFile, schema: pa.Schema, wanted: Sequence[str]) -> Iterator[pa.Table]:
    """Yield row groups with columns named and typed as in the table; a column that the file lacks is NULL."""
    names = names_by_field_id(file.schema_arrow, schema)
    present = [names[name] for name in wanted if name in names]
    fields = [schema.field(name) for name in wanted]
    for number in range(file.num_row_groups):
        rows = file.read_row_group(number, columns=present, use_threads=False)
        count = file.metadata.row_group(number).num_rows
        columns = [
            _typed(rows.column(names[field.name]), field.type) if field.name in names else pa.nulls(count, field.type)
            for field in fields
        ]
        yield pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _typed(column: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == arrow else column.cast(arrow)


def names_by_field_id(file: pa.Schema, table: pa.Schema) -> dict[str, str]:
    """Return what the columns of a table are called in one of its files."""
    by_id = {_field_id(field): field.name for field in file}
    return {field.name: by_id[_field_id(field)] for field in table if _field_id(field) in by_id}


def _field_id(field: pa.Field) -> bytes:
    return bytes((field.metadata or {}).get(FIELD_ID, b""))


def plain(rows: pa.Table) -> pa.Table:
    """Return columns that can be joined: Arrow joins no extension types (uuid)."""
    arrays = [
        pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
        if isinstance(column.type, pa.BaseExtensionType)
        else column
        for column in rows.columns
    ]
    return pa.Table.from_arrays(arrays, names=rows.column_names)
