"""Data files: from the footer of a Parquet file to the entry of an Iceberg manifest, with column bounds.

PyIceberg's own reading of footers asks Arrow for Python values and fails on what Python cannot hold: infinite
timestamps, years before 1 or after 9999. Here the bounds come from the physical values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    DecimalType,
    DoubleType,
    FloatType,
    ListType,
    PrimitiveType,
    StringType,
)

from catalog.schemas import FIELD_ID

BOUND_CHARACTERS = 16
SURROGATES = range(0xD800, 0xE000)
# No bounds: Iceberg's know no NaN, which PostgreSQL sorts above all numbers. Binary ones would be of no use.
WITHOUT_BOUNDS = (FloatType, DoubleType, BinaryType)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A Parquet file as its writer left it: where it is, its footer, its size."""

    location: str
    footer: pq.FileMetaData
    byte_count: int


def data_file(written: WrittenFile, schema: Schema, spec_id: int = 0) -> DataFile:
    """Describe a written file for a manifest of an unpartitioned table.

    Raises: ValueError when the file's field ids are not those of the schema.
    """
    leaves = list(_leaves(schema))
    carried = list(_carried_ids(written.footer))
    if carried != [field_id for field_id, _, _ in leaves]:
        raise ValueError(f"{written.location} carries field ids {carried}, not those of its table")
    sizes: dict[int, int] = {}
    values: dict[int, int] = {}
    nulls: dict[int, int] = {}
    lower: dict[int, bytes] = {}
    upper: dict[int, bytes] = {}
    for position, (field_id, field_type, bounded) in enumerate(leaves):
        chunks = [written.footer.row_group(group).column(position) for group in range(written.footer.num_row_groups)]
        sizes[field_id] = sum(chunk.total_compressed_size for chunk in chunks)
        values[field_id] = sum(chunk.num_values for chunk in chunks)
        statistics = [chunk.statistics if chunk.is_stats_set else None for chunk in chunks]
        null_count = _null_count(statistics)
        if null_count is not None:
            nulls[field_id] = null_count
        bounds = _bounds(chunks, statistics, field_type) if bounded else None
        if bounds is not None:
            lower[field_id], high = bounds
            if high is not None:
                upper[field_id] = high
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=written.location,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=written.footer.num_rows,
        file_size_in_bytes=written.byte_count,
        column_sizes=sizes,
        value_counts=values,
        null_value_counts=nulls,
        nan_value_counts={},
        lower_bounds=lower,
        upper_bounds=upper,
        key_metadata=None,
        split_offsets=_split_offsets(written.footer),
        equality_ids=None,
        sort_order_id=None,
        spec_id=spec_id,
    )


def _leaves(schema: Schema) -> Iterator[tuple[int, PrimitiveType, bool]]:
    """Yield field id, type, and whether bounds make sense, of each column of the file in order."""
    for field in schema.fields:
        if isinstance(field.field_type, ListType):
            element = field.field_type.element_type
            assert isinstance(element, PrimitiveType)
            yield field.field_type.element_id, element, False
        else:
            assert isinstance(field.field_type, PrimitiveType)
            yield field.field_id, field.field_type, not isinstance(field.field_type, WITHOUT_BOUNDS)


def _carried_ids(footer: pq.FileMetaData) -> Iterator[int]:
    for field in footer.schema.to_arrow_schema():
        inner = field.type.value_field if hasattr(field.type, "value_field") else field
        yield int((inner.metadata or {}).get(FIELD_ID, b"-1"))


def _null_count(statistics: list[Any]) -> int | None:
    total = 0
    for found in statistics:
        if found is None or not found.has_null_count:
            return None
        total += found.null_count
    return total


def _split_offsets(footer: pq.FileMetaData) -> list[int]:
    offsets = []
    for group in range(footer.num_row_groups if footer.num_columns else 0):
        column = footer.row_group(group).column(0)
        dictionary = column.dictionary_page_offset if column.has_dictionary_page else None
        offsets.append(min(column.data_page_offset, dictionary or column.data_page_offset))
    return offsets


def _bounds(chunks: list[Any], statistics: list[Any], field_type: PrimitiveType) -> tuple[bytes, bytes | None] | None:
    """Return the lower and the upper bound; none where one row group with values does not know its own."""
    lows, highs = [], []
    for chunk, found in zip(chunks, statistics, strict=True):
        if found is None or not found.has_min_max:
            if found is None or not found.has_null_count or found.null_count < chunk.num_values:
                return None
            continue  # nothing but nulls
        lows.append(_physical(found.min_raw, field_type))
        highs.append(_physical(found.max_raw, field_type))
    if not lows:
        return None
    low, high = min(lows), max(highs)
    if isinstance(field_type, StringType):
        return low[:BOUND_CHARACTERS].encode(), _upper_text(high)
    return to_bytes(field_type, low), to_bytes(field_type, high)


def _physical(value: Any, field_type: PrimitiveType) -> Any:
    """Return a physical value in a form that orders as the type does and that `to_bytes` takes."""
    if isinstance(field_type, StringType):
        return value.decode() if isinstance(value, bytes) else value
    if isinstance(field_type, DecimalType):
        unscaled = int.from_bytes(value, "big", signed=True) if isinstance(value, bytes) else value
        digits = tuple(int(digit) for digit in str(abs(unscaled)))
        return Decimal((int(unscaled < 0), digits, -field_type.scale))
    return value


def _upper_text(value: str) -> bytes | None:
    """Return the least text of 16 characters that is not below a value; none where there is none."""
    if len(value) <= BOUND_CHARACTERS:
        return value.encode()
    characters = list(value[:BOUND_CHARACTERS])
    while characters:
        following = ord(characters.pop()) + 1
        if following in SURROGATES:
            following = SURROGATES.stop
        if following <= 0x10FFFF:
            return ("".join(characters) + chr(following)).encode()
    return None
