"""An incremental copy: the rows of the cursor's window replace those of the lake, in one snapshot.

With a primary key rows are replaced by key. Without one all rows of the lake from the window's beginning on are: none
is lost and none doubled, but a row that was updated stays in its old version, too, as it must where nothing identifies
it. What the source deletes is not seen; a full copy takes it away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import structlog
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual, Reference
from pyiceberg.expressions.literals import literal

from catalog.columns import TableView
from catalog.files import WrittenFile
from catalog.scan import DataFile
from catalog.storage import Warehouse
from catalog.tables import Commit, Content, LakeCatalog, Part, TableRow, TableTarget
from catalog.types import arrow_type
from syncer.cursors import NUMBERS, Window, window, with_highest
from syncer.describe import SourceTable
from syncer.full import row_group_bytes
from syncer.progress import TableProgress
from syncer.readers import Readers
from syncer.scales import scale_of
from syncer.settings import SyncSettings
from syncer.staging import Kept, Staged, stage
from syncer.stream import write_rows
from syncer.upsert import ByKey, FromCursor, Replaced, rewrite
from syncer.values import Unrepresentable, parse
from syncer.write import FileWriter, discard

# Above that a full copy is cheaper, and needs no memory for the keys.
MAX_KEY_BYTES = 128 << 20
# Small files are gathered, so that they do not become many.
SMALL_BYTES, MANY_SMALL = 8 << 20, 8
# Keys whose equality in PostgreSQL is that of their bytes, and that Arrow can join.
KEYS = NUMBERS | {"oid", "text", "varchar", "bpchar", "name", "uuid", "date", "timestamp", "timestamptz", "enum"}
PRUNED = NUMBERS | {"oid"}
# PyIceberg declares their arguments otherwise than they are.
AT_LEAST: Callable[..., BooleanExpression] = GreaterThanOrEqual
AT_MOST: Callable[..., BooleanExpression] = LessThanOrEqual

log = structlog.get_logger()


class NeedsFull(Exception):
    """An incremental copy would not be right, or not worth it: the table is copied in full."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What the lake has."""

    row: TableRow
    view: TableView
    content: Content


class IncrementalCopy:
    """Copies what is new in tables."""

    def __init__(self, readers: Readers, lake: LakeCatalog, warehouse: Warehouse, settings: SyncSettings) -> None:
        """Take what is open."""
        self._readers = readers
        self._lake = lake
        self._warehouse = warehouse
        self._overlap_s = settings.incremental_overlap_s

    def copy(self, table: SourceTable, row: TableRow, commit: Commit, progress: TableProgress) -> Staged | None:
        """Copy what is new, if that is possible. Returns: None when nothing is: the lake has all.

        Raises: NeedsFull with the reason; what reading, writing and staging raise.
        """
        base = self._base(table, row)
        table = _stored_as(table, base.view)
        target = self._lake.prepare_table(*table.destination, table.view.columns)
        if target.schema.schema_id != base.content.schema.schema_id:
            raise NeedsFull("its columns have changed")
        copied = self._readers.submit(
            partial(self._write, table=table, target=target, base=base, progress=progress), table.label
        ).result()
        filesystem = self._warehouse.arrow_filesystem()
        if not copied.files and not copied.kept.part.replaced:
            return None
        try:
            return stage(commit, copied.table, target, copied.files, copied.kept)
        except BaseException:
            discard(filesystem, [file.location for file in copied.files])
            raise

    def _base(self, table: SourceTable, row: TableRow) -> _Base:
        view = row.view
        if view is None:
            raise NeedsFull("the lake's table is not ours")
        if view.origin.filenode != table.relation.filenode:
            raise NeedsFull("it was truncated or rewritten")
        if data_of(view) != data_of(table.view):
            raise NeedsFull("its columns have changed")
        if view.order != table.view.order:
            raise NeedsFull("its order has changed")
        if types_of(view) != types_of(table.view) or key_of(view) != key_of(table.view):
            raise NeedsFull("its key or a type has changed")
        if self._lake.plan(row).has_deletes:
            raise NeedsFull("another program has deleted rows")
        return _Base(row, view, self._lake.read_content(row))

    def _write(
        self,
        connection: psycopg.Connection,
        *,
        table: SourceTable,
        target: TableTarget,
        base: _Base,
        progress: TableProgress,
    ) -> "_Copied":
        """Write the window's rows, and those of the touched files that stay."""
        found = window(connection, table, base.content.summaries, self._overlap_s)
        if isinstance(found, str):
            raise NeedsFull(found)
        _check_scales(connection, table, found)
        table = with_highest(connection, table)
        filesystem = self._warehouse.arrow_filesystem()
        writer = FileWriter(filesystem, target.data_location, target.arrow_schema, row_group_bytes(self._readers.jobs))
        key = key_of(table.view)
        keys: list[pa.Table] = []
        rows_read = 0

        def each(rows: pa.Table) -> None:
            nonlocal rows_read
            self._readers.check()
            progress.advance(len(rows))
            rows_read += len(rows)
            if key:
                keys.append(rows.select([_file_name(target, name) for name in key]))
                if sum(part.nbytes for part in keys) > MAX_KEY_BYTES:
                    raise NeedsFull("too many rows are new")

        try:
            write_rows(connection, table, target, writer, each, found.condition)
            replaced = self._replaced(table, target, found, keys)
            kept = self._rewrite(target, base, replaced if not key or rows_read else None, writer)
            return _Copied(table, writer.close(), kept)
        except BaseException as error:
            writer.abort()
            progress.advance(-rows_read)
            if isinstance(error, Unrepresentable):
                raise NeedsFull(error.reason) from error
            raise

    def _replaced(self, table: SourceTable, target: TableTarget, found: Window, keys: list[pa.Table]) -> "_Replaced":
        if key_of(table.view):
            joined = pa.concat_tables(keys) if keys else None
            return _Replaced(ByKey(joined) if joined else None, _range_of(target, joined) if joined else None)
        name = _file_name(target, found.cursor.name)
        if found.cursor.storage in NUMBERS:
            low = pa.scalar(int(found.low), arrow_type(found.cursor))
            return _Replaced(FromCursor(name, low), AT_LEAST(Reference(name), literal(int(found.low))))
        low = parse(pa.array([found.low]), found.cursor.storage, arrow_type(found.cursor))[0]
        return _Replaced(FromCursor(name, low), None)

    def _rewrite(self, target: TableTarget, base: _Base, replaced: "_Replaced | None", writer: FileWriter) -> Kept:
        """Write anew the files that lose rows, and small ones when they are many. Returns: what stays as it is."""
        everything = self._lake.plan(base.row)
        small = {file.path for file in everything.files if file.bytes < SMALL_BYTES}
        always = small if len(small) >= MANY_SMALL else set()
        touched = _Replaced(None, None) if replaced is None else replaced
        suspects = set()
        if touched.rows is not None:
            plan = self._lake.plan(base.row, touched.condition) if touched.condition is not None else everything
            suspects = {file.path for file in plan.files}
        gone: list[DataFile] = []
        lost = 0
        filesystem = self._warehouse.arrow_filesystem()
        for file in everything.files:
            if file.path not in suspects | always:
                continue
            self._readers.check()
            done = rewrite(
                filesystem,
                file.path,
                target.arrow_schema,
                touched.rows or Nothing(target.arrow_schema.names[:1]),
                writer,
                always=file.path in always,
            )
            if done.lost or file.path in always:
                gone.append(file)
                lost += done.lost
        paths = frozenset(file.path for file in gone)
        return Kept(
            Part(base.row.metadata_location, paths),
            everything.rows - sum(file.rows for file in gone),
            everything.bytes - sum(file.bytes for file in gone),
        )


@dataclass(frozen=True, slots=True)
class _Copied:
    """Files that are written but not committed."""

    table: SourceTable
    files: list[WrittenFile]
    kept: Kept


@dataclass(frozen=True, slots=True)
class _Replaced:
    """Which rows of the lake go, and a condition that all of them meet, to leave out files; none: all files."""

    rows: Replaced | None
    condition: BooleanExpression | None


class Nothing(Replaced):
    """No row is replaced."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Args: any column, to count rows by."""
        self._columns = columns

    def columns(self) -> Sequence[str]:
        """Return the column."""
        return self._columns

    def kept(self, rows: pa.Table) -> pa.BooleanArray:
        """Return that all stay."""
        return pa.array([True], pa.bool_()).take(pa.array([0] * len(rows), pa.int64()))


def key_of(view: TableView) -> tuple[str, ...]:
    """Return the columns of the primary key, if rows can be found by it; else none."""
    columns = {column.name: column for column in view.columns}
    for key in view.keys:
        if key.kind == "p" and all(columns[name].storage in KEYS and not columns[name].array for name in key.columns):
            return key.columns
    return ()


def data_of(view: TableView) -> list[tuple[object, ...]]:
    """Return what of the columns must not change for the rows in the lake to stay as they are at the source."""
    return [(column.name, column.type, column.type_oid, column.typmod, column.generated) for column in view.columns]


def types_of(view: TableView) -> list[tuple[object, ...]]:
    """Return what of the users' types is in values."""
    return [(item.namespace, item.name, item.kind, item.labels, item.base, item.fields) for item in view.types]


def _stored_as(table: SourceTable, view: TableView) -> SourceTable:
    """Store columns as they are in the lake: where that depends on the data it must not change within a table."""
    columns = tuple(
        replace(new, storage=old.storage, array=old.array, precision=old.precision, scale=old.scale)
        for new, old in zip(table.view.columns, view.columns, strict=True)
    )
    return replace(table, view=replace(table.view, columns=columns))


def _check_scales(connection: psycopg.Connection, table: SourceTable, found: Window) -> None:
    """Refuse numerics without precision whose scale is not that of the column in the lake."""
    for column in table.view.columns:
        if column.storage == "numeric" and column.type in ("numeric", "numeric[]"):
            scale = scale_of(connection, table, column, found.condition)
            if scale.problem or (scale.scale is not None and scale.scale != column.scale):
                raise NeedsFull(f"{column.name}: {scale.problem or 'values of another scale'}")


def _range_of(target: TableTarget, keys: pa.Table) -> BooleanExpression | None:
    """Return a condition that all keys meet, by the first key column of a type that is worth it."""
    for column in target.columns:
        name = _file_name(target, column.name)
        if name in keys.column_names and column.storage in PRUNED:
            ends = pc.min_max(keys.column(name)).as_py()
            low, high = literal(ends["min"]), literal(ends["max"])
            return And(AT_LEAST(Reference(name), low), AT_MOST(Reference(name), high))
    return None


def _file_name(target: TableTarget, name: str) -> str:
    """Return what a column is called in the data files."""
    position = next(index for index, column in enumerate(target.columns) if column.name == name)
    return str(target.arrow_schema.names[position])
