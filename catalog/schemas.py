"""Field ids: which one a column has, in the Iceberg schema, in the data files and in the view, the same in all three.

PyIceberg's `create_table` numbers the fields of a schema afresh, whatever ids they had; so tables are made here from
metadata of our own, and ids are given out here alone. The rules:

- A column keeps its id from one refresh to the next as long as its name and its Iceberg type stay.
- An id that was ever given to another column, or to the same one with another type, is never given again: the data
  files of old snapshots carry it.
- Fields are optional, also those that are NOT NULL at the source: a required field could never become optional for the
  files of an old snapshot. The view knows.
"""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import IcebergType, ListType, NestedField, UUIDType

from catalog.columns import Column
from catalog.types import arrow_type, iceberg_element

FIELD_ID = b"PARQUET:field_id"


def assign_field_ids(columns: Sequence[Column], base: TableMetadata | None) -> tuple[tuple[Column, ...], Schema]:
    """Number the columns.

    Args: the columns in order, their own field ids do not matter; the table's metadata now, if there is a table.
    Returns: the columns with their field ids, and the Iceberg schema. Its schema id is that of an equal schema of the
    table, or else the next one.
    """
    known = {field.name: field for field in base.schema().fields} if base is not None else {}
    next_id = base.last_column_id + 1 if base is not None else 1
    names = _iceberg_names(columns)
    fields: list[NestedField] = []
    for column, name in zip(columns, names, strict=True):
        before = known.get(name)
        if before is not None and _same_type(before.field_type, column):
            fields.append(NestedField(before.field_id, name, before.field_type, required=False, doc=column.comment))
            continue
        field_type: IcebergType = iceberg_element(column)
        if column.array:
            field_type = ListType(element_id=next_id + 1, element_type=field_type, element_required=False)
        fields.append(NestedField(next_id, name, field_type, required=False, doc=column.comment))
        next_id += 2 if column.array else 1
    numbered = tuple(replace(column, field_id=field.field_id) for column, field in zip(columns, fields, strict=True))
    return numbered, _numbered_schema(fields, base)


def fits(schema: Schema, base: TableMetadata | None) -> bool:
    """Tell whether every field id of a schema means in this table what it means in the schema, or is new to it."""
    if base is None:
        return True
    known = {field.field_id: field for known_schema in base.schemas for field in known_schema.fields}
    for field in schema.fields:
        before = known.get(field.field_id)
        if before is None and field.field_id <= base.last_column_id:
            return False
        if before is not None and (before.name, before.field_type) != (field.name, field.field_type):
            return False
    return True


def adopt(schema: Schema, base: TableMetadata | None) -> Schema:
    """Return the schema under the schema id that it has, or will have, in this table."""
    return _numbered_schema(list(schema.fields), base)


def file_schema(columns: Sequence[Column], schema: Schema) -> pa.Schema:
    """Return the Arrow schema to write data files with: Parquet takes the field ids from its metadata."""
    fields = []
    for column, field in zip(columns, schema.fields, strict=True):
        arrow = _with_uuid(arrow_type(column), field.field_type)
        if isinstance(field.field_type, ListType):
            element = pa.field("element", arrow.value_type, metadata={FIELD_ID: str(field.field_type.element_id)})
            arrow = pa.list_(element)
        fields.append(pa.field(field.name, arrow, nullable=True, metadata={FIELD_ID: str(field.field_id)}))
    return pa.schema(fields)


def _with_uuid(arrow: pa.DataType, field_type: IcebergType) -> pa.DataType:
    """Give uuids the Arrow type that Parquet annotates as UUID, as Iceberg demands."""
    if isinstance(field_type, UUIDType):
        return pa.uuid()
    if isinstance(field_type, ListType) and isinstance(field_type.element_type, UUIDType):
        return pa.list_(pa.uuid())
    return arrow


def _same_type(before: IcebergType, column: Column) -> bool:
    if isinstance(before, ListType):
        return column.array and before.element_type == iceberg_element(column)
    return not column.array and before == iceberg_element(column)


def _iceberg_names(columns: Sequence[Column]) -> list[str]:
    """Return the columns' names, changed where Iceberg's dotted paths would collide: `a` int[] with `"a.element"`."""
    paths = {f"{column.name}.element" for column in columns if column.array}
    taken = {column.name for column in columns}
    names = []
    for column in columns:
        name = column.name
        while name in paths or (name != column.name and name in taken):
            name += "_"
        names.append(name)
    return names


def _numbered_schema(fields: list[NestedField], base: TableMetadata | None) -> Schema:
    schema = Schema(*fields)
    if base is None:
        return schema
    for known in base.schemas:
        if known.fields == schema.fields:  # a schema without fields is not even equal to itself
            return known
    return Schema(*fields, schema_id=max(known.schema_id for known in base.schemas) + 1)
