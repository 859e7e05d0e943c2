"""Arrow to Parquet files of about 128 MB, row group by row group, while rows still arrive."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog
from pyarrow import fs

from catalog.files import WrittenFile
from catalog.storage import Warehouse

FILE_BYTES = 128 << 20
# DuckDB hands one row group to a thread at a time, and its own are of this size.
ROW_GROUP_ROWS = 122_880
# Wide rows: fewer in a row group, so that what is kept in memory stays bounded.
ROW_GROUP_BYTES = 128 << 20
# What is looked at to see whether a column's values repeat.
SAMPLE_ROWS = 10_000
SAMPLE_BYTES = 32 << 20
HUGE_VALUE_BYTES = 1 << 20
# Written at once: the next rows may be as large.
HUGE_ROWS_BYTES = 32 << 20
MOSTLY_REPEATED = 0.5
# Text that looks like a key gets a Bloom filter: who looks up one value reads one row group in place of all.
KEY_BYTES = 64
FILTERED_ROWS = 16_384  # fewer in a row group are read as fast
MAX_FILTERS = 8  # of a table: a writer keeps the filters of a file in memory, 128 kB a row group
FALSE_POSITIVES = 0.05

log = structlog.get_logger()


class FileWriter:
    """Writes the rows of one table. Nothing points to its files before the commit."""

    def __init__(
        self, filesystem: fs.FileSystem, location: str, schema: pa.Schema, row_group_bytes: int = ROW_GROUP_BYTES
    ) -> None:
        """Nothing is written yet.

        Args: where to write; the folder of the table's data files, as a location; a schema with field ids; how many
        bytes of rows are gathered at most.
        """
        self._row_group_bytes = row_group_bytes
        self._filesystem = filesystem
        self._location = location
        self._schema = schema
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._file: _OpenFile | None = None
        self._begun: list[str] = []
        self._written: list[WrittenFile] = []

    def add(self, rows: pa.Table) -> None:
        """Take rows; they are written when they fill a row group."""
        if self._pending_bytes + rows.nbytes > self._row_group_bytes:
            self._flush()
        while self._pending_rows + len(rows) >= ROW_GROUP_ROWS:
            head = rows.slice(0, ROW_GROUP_ROWS - self._pending_rows)
            rows = rows.slice(len(head))
            self._keep(head)
            self._flush()
        if len(rows):
            self._keep(rows)
        if self._pending_bytes >= self._row_group_bytes or rows.nbytes >= HUGE_ROWS_BYTES:
            self._flush()

    def close(self) -> list[WrittenFile]:
        """Write what is left; return all files. A table without rows has none."""
        self._flush()
        self._close_file()
        return self._written

    def abort(self) -> None:
        """Delete what was written, as far as that works: what stays is an orphan, and costs only space."""
        if self._file is not None:
            _quietly(self._file.abandon, self._begun[-1])
            self._file = None
        discard(self._filesystem, self._begun)

    def _keep(self, rows: pa.Table) -> None:
        self._pending.append(rows)
        self._pending_rows += len(rows)
        self._pending_bytes += rows.nbytes

    def _flush(self) -> None:
        if not self._pending_rows:
            return
        group = pa.concat_tables(self._pending)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        huge = huge_columns(group)
        if self._file is not None and not huge <= self._file.without_statistics:
            self._close_file()
        if self._file is None:
            self._begun.append(f"{self._location}/{uuid4()}.parquet")
            self._file = _OpenFile(self._filesystem, self._begun[-1], self._schema, group, huge)
        self._file.write(group)
        if self._file.byte_count >= FILE_BYTES:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._written.append(self._file.close())
            self._file = None


def discard(filesystem: fs.FileSystem, locations: Iterable[str]) -> None:
    """Delete files that nothing points to, as far as that works: what stays is an orphan, and costs only space."""
    for location in locations:
        _quietly(partial(filesystem.delete_file, Warehouse.arrow_path(location)), location)


def _quietly(act: Callable[[], object], location: str) -> None:
    try:
        act()
    except FileNotFoundError:
        pass
    except (OSError, pa.ArrowException) as error:
        log.warning("orphan_left", location=location, error=type(error).__name__)


def dictionary_columns(rows: pa.Table) -> list[str]:
    """Return the Parquet paths of the columns whose values repeat, by a sample.

    A dictionary of all but unique values is given up in the end, and costs time and space until then: of lineitem's
    files, 10 % of the bytes and 12 % of the time to write them.
    """
    paths = []
    for field in rows.schema:
        sample = rows.column(field.name).slice(0, SAMPLE_ROWS)
        path = leaf(field)
        if pa.types.is_list(field.type):
            sample = pc.list_flatten(sample).slice(0, SAMPLE_ROWS)
        if isinstance(sample.type, pa.BaseExtensionType):
            continue  # uuid: made to be unique
        if sample.nbytes <= SAMPLE_BYTES and pc.count_distinct(sample).as_py() <= len(sample) * MOSTLY_REPEATED:
            paths.append(path)
    return paths


def key_columns(rows: pa.Table, repeated: Collection[str]) -> list[str]:
    """Return the Parquet paths of the text columns whose values look like keys, by a sample: short, no two words.

    Args: the rows; the columns whose values repeat, where a filter would be of no use. DuckDB asks no filter of a uuid.
    """
    if len(rows) < FILTERED_ROWS:
        return []
    paths = []
    for field in rows.schema:
        if not pa.types.is_string(field.type) or field.name in repeated:
            continue
        sample = rows.column(field.name).slice(0, SAMPLE_ROWS)
        longest = pc.max(pc.binary_length(sample)).as_py()
        if longest and longest <= KEY_BYTES and not pc.any(pc.match_substring(sample, " ")).as_py():
            paths.append(field.name)
    return paths[:MAX_FILTERS]


def huge_columns(rows: pa.Table) -> frozenset[str]:
    """Return the Parquet paths of the columns that hold a huge value.

    The writer keeps several copies of the least and the greatest value, only to leave them out because they are long:
    six times a value's size in memory.
    """
    paths = set()
    for field in rows.schema:
        column = rows.column(field.name)
        if column.nbytes < HUGE_VALUE_BYTES:
            continue
        if pa.types.is_list(field.type):
            column = pc.list_flatten(column)
        has_length = pa.types.is_string(column.type) or pa.types.is_binary(column.type)
        if has_length and (pc.max(pc.binary_length(column)).as_py() or 0) >= HUGE_VALUE_BYTES:
            paths.add(leaf(field))
    return frozenset(paths)


def leaf(field: pa.Field) -> str:
    """Return the Parquet path of a column's values."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else str(field.name)


class _OpenFile:
    """One Parquet file that rows are written to."""

    def __init__(
        self,
        filesystem: fs.FileSystem,
        location: str,
        schema: pa.Schema,
        first: pa.Table,
        without_statistics: frozenset[str],
    ) -> None:
        """Args: where; the schema; the first rows, by which the columns' ways are chosen; columns of huge values."""
        self.without_statistics = without_statistics
        path = Warehouse.arrow_path(location)
        if isinstance(filesystem, fs.LocalFileSystem):
            filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
        self._location = location
        self._sink = filesystem.open_output_stream(path)
        self._footers: list[pq.FileMetaData] = []
        repeated = dictionary_columns(first)
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            compression="zstd",
            store_decimal_as_integer=True,  # as Iceberg wants decimals of up to 18 digits
            write_statistics=[path for path in map(leaf, schema) if path not in without_statistics],
            use_dictionary=repeated,
            bloom_filter_options={
                path: {"ndv": len(first), "fpp": FALSE_POSITIVES} for path in key_columns(first, repeated)
            },
            metadata_collector=self._footers,
        )

    @property
    def byte_count(self) -> int:
        return int(self._sink.tell())

    def write(self, group: pa.Table) -> None:
        self._writer.write_table(group, row_group_size=len(group))

    def close(self) -> WrittenFile:
        self._writer.close()
        byte_count = self.byte_count
        self._sink.close()
        return WrittenFile(self._location, self._footers[0], byte_count)

    def abandon(self) -> None:
        self._writer.is_open = False  # else its finaliser writes a footer
        self._sink.close()
