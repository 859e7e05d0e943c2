import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from syncer import write
from syncer.write import FileWriter, dictionary_columns, key_columns

SCHEMA = pa.schema([pa.field("i", pa.int32(), metadata={b"PARQUET:field_id": b"7"}), pa.field("s", pa.string())])


def rows(count: int, start: int = 0) -> pa.Table:
    numbers = range(start, start + count)
    return pa.table([pa.array(numbers, pa.int32()), pa.array([f"text {number}" for number in numbers])], schema=SCHEMA)


@pytest.fixture
def filesystem() -> fs.FileSystem:
    memory = fs._MockFileSystem()
    memory.create_dir("lake/t/data", recursive=True)
    return memory


def read(filesystem: fs.FileSystem, location: str) -> pa.Table:
    return pq.read_table(location.removeprefix("s3://"), filesystem=filesystem)


def test_row_groups_and_files_are_of_the_size_that_readers_like(
    filesystem: fs.FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(write, "FILE_BYTES", 1500)
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA)
    for start in range(0, 1001, 77):
        writer.add(rows(77, start))
    files = writer.close()
    assert len(files) > 1
    groups = [file.footer.row_group(group).num_rows for file in files for group in range(file.footer.num_row_groups)]
    assert groups == [100] * 10 + [1]
    content = pa.concat_tables(read(filesystem, file.location) for file in files)
    assert content.column("i").to_pylist() == list(range(1001))
    assert content.schema.field("i").metadata[b"PARQUET:field_id"] == b"7"
    for file in files:
        assert filesystem.get_file_info(file.location.removeprefix("s3://")).size == file.byte_count


def test_wide_rows_do_not_wait_for_a_full_row_group(filesystem: fs.FileSystem) -> None:
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA, row_group_bytes=1000)
    for start in range(0, 500, 100):
        writer.add(rows(100, start))
    (file,) = writer.close()
    assert file.footer.num_row_groups == 5


def test_no_rows_no_files(filesystem: fs.FileSystem) -> None:
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA)
    writer.add(rows(0))
    assert writer.close() == []


def test_abort_leaves_nothing(filesystem: fs.FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(write, "FILE_BYTES", 1500)
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA)
    writer.add(rows(550))
    assert len(filesystem.get_file_info(fs.FileSelector("lake/t/data"))) > 1
    writer.abort()
    assert filesystem.get_file_info(fs.FileSelector("lake/t/data")) == []


def test_dictionaries_are_for_values_that_repeat() -> None:
    unique, few = [f"{i}" for i in range(1000)], [f"{i % 10}" for i in range(1000)]
    table = pa.table(
        {
            "unique": unique,
            "few": few,
            "dot.ted": few,
            "lists": pa.array([[value] for value in few]),
            "unique_lists": pa.array([[value] for value in unique]),
            "uuid": pa.array([uuid.uuid4().bytes] * 1000, pa.uuid()),
            "empty": pa.array([None] * 1000, pa.int32()),
        }
    )
    assert dictionary_columns(table) == ["few", "dot.ted", "lists.list.element", "empty"]


def test_a_column_with_a_huge_value_goes_without_statistics(
    filesystem: fs.FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "HUGE_VALUE_BYTES", 1000)
    monkeypatch.setattr(write, "HUGE_ROWS_BYTES", 1000)
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA)
    writer.add(rows(10))
    writer.add(pa.table([pa.array([10], pa.int32()), pa.array(["x" * 1000])], schema=SCHEMA))
    writer.add(rows(10, 11))
    files = writer.close()
    assert [[group_statistics(file.footer, column) for column in (0, 1)] for file in files] == [[True, False]]
    content = pa.concat_tables(read(filesystem, file.location) for file in files)
    assert content.column("i").to_pylist() == list(range(21))


def test_a_huge_value_ends_a_file_with_statistics(filesystem: fs.FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "HUGE_VALUE_BYTES", 1000)
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 10)
    writer = FileWriter(filesystem, "s3://lake/t/data", SCHEMA)
    writer.add(rows(10))
    writer.add(pa.table([pa.array([10], pa.int32()), pa.array(["x" * 1000])], schema=SCHEMA))
    files = writer.close()
    assert [[group_statistics(file.footer, column) for column in (0, 1)] for file in files] == [
        [True, True],
        [True, False],
    ]


def group_statistics(footer: pq.FileMetaData, column: int) -> bool:
    return bool(footer.row_group(0).column(column).is_stats_set)


def test_columns_that_look_like_keys_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "FILTERED_ROWS", 1000)
    table = pa.table(
        {
            "key": [f"k{i}" for i in range(1000)],
            "some": [None if i % 4 == 0 else f"k{i}" for i in range(1000)],
            "few": [f"{i % 10}" for i in range(1000)],
            "words": [f"two words {i}" for i in range(1000)],
            "long": [f"{i:065}" for i in range(1000)],
            "number": list(range(1000)),
            "nothing": pa.nulls(1000, pa.string()),
        }
    )
    assert key_columns(table, dictionary_columns(table)) == ["key", "some"]
    assert key_columns(table.slice(1), []) == []
