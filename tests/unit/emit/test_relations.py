"""What is read of a table: its files, and an empty one beside a large one."""

import re

import pyarrow.parquet as pq
import pytest

from pgserver.emit.parts import RelationHole
from pgserver.emit.relations import EMPTY_FILE, ROW_GROUP_ROWS, relation_sql
from tests.unit.emit.test_families import A, plan, view


@pytest.mark.parametrize(("rows", "parts"), [(ROW_GROUP_ROWS, 1), (ROW_GROUP_ROWS + 1, 2)])
def test_one_large_file_is_read_beside_an_empty_one(rows: int, parts: int) -> None:
    sql = relation_sql(RelationHole("t1", 1, False, (1,), ()), view(A), plan("x", rows))
    [files] = re.findall(r"read_parquet\(\[(.*?)\]", sql)
    assert files.split(", ") == ["'x'", f"'{EMPTY_FILE}'"][:parts]


def test_the_empty_file_has_no_rows_and_no_column_of_a_table() -> None:
    """Written once: pq.write_table(pa.schema([field]).empty_table(), ..., store_schema=False)."""
    file = pq.ParquetFile(EMPTY_FILE)
    assert file.metadata.num_rows == 0
    [field] = file.schema_arrow
    assert field.metadata == {b"PARQUET:field_id": b"2147483647"}
