"""Commits, races, lost replies, and what a reader sees of them."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.expressions import GreaterThan, In, IsNull
from pyiceberg.io import load_file_io
from pyiceberg.table import StaticTable

from catalog import commits, tables
from catalog.columns import Column, Origin, TableView
from catalog.errors import CommitConflict, CommitOutcomeUnknown, CorruptMetadata, NotReachable, OperatorError
from catalog.files import WrittenFile
from catalog.pointers import Pointers
from catalog.scan import forget_plans, plan_scan
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog, Part, TableTarget

ORIGIN = Origin("7", "db", "public", "t", "0/1", "2026-11-25T00:00:00Z")


def column(name: str, storage: str = "int4", **more: Any) -> Column:
    return Column(name=name, attnum=1, field_id=0, type=storage, type_oid=23, typmod=-1, storage=storage, **more)


def columns_of(*specs: Column) -> tuple[Column, ...]:
    return tuple(replace(spec, attnum=position) for position, spec in enumerate(specs, 1))


def view_of(target: TableTarget, rows: int) -> TableView:
    return TableView(target.columns, (), (), None, -1, rows, 0, ORIGIN)


def write(warehouse: Warehouse, target: TableTarget, data: dict[str, list[Any]]) -> WrittenFile:
    """Write one data file as the syncer does."""
    location = f"{target.data_location}/{uuid4().hex}.parquet"
    filesystem, path = warehouse.arrow_filesystem(), warehouse.arrow_path(location)
    if not warehouse.is_s3:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(data, schema=target.arrow_schema)
    with pq.ParquetWriter(path, target.arrow_schema, filesystem=filesystem, compression="zstd") as writer:
        writer.write_table(table, row_group_size=2)
    with filesystem.open_input_file(path) as source:
        return WrittenFile(location, pq.read_metadata(source), source.size())


def refresh(lake: LakeCatalog, warehouse: Warehouse, name: str, data: dict[str, list[Any]], *specs: Column) -> Any:
    target = lake.prepare_table("public", name, columns_of(*(specs or (column("id"),))))
    file = write(warehouse, target, data)
    return lake.commit_table(target, [file], view_of(target, file.footer.num_rows))


def rows_at(warehouse: Warehouse, location: str) -> list[dict[str, Any]]:
    table = StaticTable.from_metadata(location, warehouse.file_io_properties)
    return table.scan().to_arrow().to_pylist()


@pytest.fixture
def settings(postgres: Any, tmp_path: Path) -> CatalogSettings:
    return CatalogSettings(catalog_database_url=postgres.new_database("catalog"), data_dir=tmp_path)


@pytest.fixture
def warehouse(settings: CatalogSettings) -> Warehouse:
    return Warehouse.open(settings)


@pytest.fixture
def lake(settings: CatalogSettings, warehouse: Warehouse) -> Iterator[LakeCatalog]:
    lake = LakeCatalog.open(settings, warehouse)
    lake.ensure_schema()
    yield lake
    lake.close()


@pytest.fixture
def other(settings: CatalogSettings, warehouse: Warehouse) -> Iterator[LakeCatalog]:
    lake = LakeCatalog.open(settings, warehouse)
    yield lake
    lake.close()


def test_a_new_table_appears_with_its_rows_and_its_view(lake: LakeCatalog, warehouse: Warehouse) -> None:
    assert lake.read_tables() == []
    committed = refresh(lake, warehouse, "orders", {"id": [1, 2, 3]})
    [row] = lake.read_tables()
    assert (row.namespace, row.name, row.metadata_location) == ("public", "orders", committed.metadata_location)
    assert row.view == committed.view
    assert rows_at(warehouse, row.metadata_location) == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_a_refresh_replaces_all_rows_and_leaves_the_old_snapshot_readable(
    lake: LakeCatalog, warehouse: Warehouse
) -> None:
    first = refresh(lake, warehouse, "t", {"id": [1, 2]})
    assert [row.view for row in lake.read_tables()] == [first.view]
    second = refresh(lake, warehouse, "t", {"id": [7]})
    assert [row.view for row in lake.read_tables()] == [second.view], "the view moves with the pointer"
    assert second.view != first.view
    assert rows_at(warehouse, second.metadata_location) == [{"id": 7}]
    assert rows_at(warehouse, first.metadata_location) == [{"id": 1}, {"id": 2}]
    table = StaticTable.from_metadata(second.metadata_location)
    assert [row["id"] for row in table.scan(snapshot_id=first.snapshot_id).to_arrow().to_pylist()] == [1, 2]
    summary = table.current_snapshot().summary
    assert (summary["total-records"], summary["deleted-records"], summary["total-data-files"]) == ("1", "2", "1")
    assert len(table.metadata.snapshots) == 2
    assert table.metadata.format_version == 2


def test_field_ids_agree_in_view_schema_and_files(lake: LakeCatalog, warehouse: Warehouse) -> None:
    specs = (column("a"), column("tags", "text", array=True), column("b", "uuid"))
    target = lake.prepare_table("public", "t", columns_of(*specs))
    file = write(warehouse, target, {"a": [1], "tags": [["x", None]], "b": [uuid4().bytes]})
    committed = lake.commit_table(target, [file], view_of(target, 1))
    schema = StaticTable.from_metadata(committed.metadata_location).schema()
    carried = [int(field.metadata[b"PARQUET:field_id"]) for field in file.footer.schema.to_arrow_schema()]
    assert [c.field_id for c in committed.view.columns] == [f.field_id for f in schema.fields] == carried == [1, 2, 4]
    assert committed.view.schema_id == schema.schema_id
    assert "UUID" in str(file.footer.schema.column(2))
    assert rows_at(warehouse, committed.metadata_location)[0]["tags"] == ["x", None]


def test_columns_keep_their_ids_and_a_changed_type_gets_a_new_one(lake: LakeCatalog, warehouse: Warehouse) -> None:
    refresh(lake, warehouse, "t", {"a": [1], "b": [2]}, column("a"), column("b"))
    second = refresh(
        lake, warehouse, "t", {"b": ["x"], "a": [1], "c": [3]}, column("b", "text"), column("a"), column("c")
    )
    assert [(c.name, c.field_id) for c in second.view.columns] == [("b", 3), ("a", 1), ("c", 4)]
    assert second.view.schema_id == 1
    third = refresh(lake, warehouse, "t", {"a": [1], "b": [2]}, column("a"), column("b"))
    assert [(c.name, c.field_id) for c in third.view.columns] == [("a", 1), ("b", 5)]
    assert rows_at(warehouse, third.metadata_location) == [{"a": 1, "b": 2}]


def test_an_unchanged_schema_keeps_its_schema_id(lake: LakeCatalog, warehouse: Warehouse) -> None:
    first, second = (refresh(lake, warehouse, "t", {"id": [n]}) for n in (1, 2))
    assert first.view.schema_id == second.view.schema_id == 0


@pytest.mark.parametrize(
    ("namespace", "name"),
    [("a.b", "c.d"), ('q"q', "Größe"), ("s p", "x/../y"), ("%41", "?s3_endpoint=x"), ("~", "a*[b]"), ("public", "A")],
)
def test_odd_names_are_kept(lake: LakeCatalog, warehouse: Warehouse, namespace: str, name: str) -> None:
    target = lake.prepare_table(namespace, name, columns_of(column("id")))
    lake.commit_table(target, [write(warehouse, target, {"id": [1]})], view_of(target, 1))
    [row] = lake.read_tables()
    assert (row.namespace, row.name) == (namespace, name)
    assert rows_at(warehouse, row.metadata_location) == [{"id": 1}]
    assert lake.iceberg.load_table((namespace, name)).scan().to_arrow().to_pylist() == [{"id": 1}]


def test_names_never_share_a_location() -> None:
    names = ["a", "A", "a.b", "a/b", "a~2eb", "ä", "a b", "", "."]
    assert len({tables.encode_name(name) for name in names}) == len(names)


def test_an_empty_table_has_no_files(lake: LakeCatalog, warehouse: Warehouse) -> None:
    target = lake.prepare_table("public", "t", columns_of(column("id")))
    committed = lake.commit_table(target, [], view_of(target, 0))
    assert rows_at(warehouse, committed.metadata_location) == []
    assert plan_scan(committed.metadata_location, {}).files == ()


def test_of_two_committers_each_lands_once(
    lake: LakeCatalog, other: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second commits between the first one's look at the pointer and its swap."""
    refresh(lake, warehouse, "t", {"id": [0]})
    stage, interferences = commits.snapshot.stage_replacement, iter([True])

    def stage_then_lose(*arguments: Any) -> Any:
        staged = stage(*arguments)
        if next(interferences, False):
            refresh(other, warehouse, "t", {"id": [1]})
        return staged

    monkeypatch.setattr(commits.snapshot, "stage_replacement", stage_then_lose)
    committed = refresh(lake, warehouse, "t", {"id": [2]})
    [row] = other.read_tables()
    assert row.metadata_location == committed.metadata_location
    assert rows_at(warehouse, row.metadata_location) == [{"id": 2}]
    snapshots = StaticTable.from_metadata(row.metadata_location).metadata.snapshots
    assert [s.summary["total-records"] for s in snapshots] == ["1", "1", "1"]
    assert len({s.summary["bemidb.commit-id"] for s in snapshots}) == 3
    written = {path.name for path in Path(warehouse.location.removeprefix("file://")).rglob("*.metadata.json")}
    assert len(written) == 3, "the loser's metadata is left behind"


def test_a_race_of_many_committers_loses_nothing(
    settings: CatalogSettings, lake: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "COMMIT_ATTEMPTS", 20)
    monkeypatch.setattr(commits, "RETRY_SECONDS", 0.001)
    landed, failed = [], []

    def run(number: int) -> None:
        mine = LakeCatalog.open(settings, warehouse)
        try:
            landed.append(refresh(mine, warehouse, "t", {"id": [number]}).snapshot_id)
        except CommitConflict:
            failed.append(number)
        finally:
            mine.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [row] = lake.read_tables()
    snapshots = StaticTable.from_metadata(row.metadata_location).metadata.snapshots
    assert sorted(s.snapshot_id for s in snapshots) == sorted(landed)
    assert len(landed) + len(failed) == 4
    assert landed


def test_a_writer_that_changed_the_columns_meanwhile_is_a_conflict(
    lake: LakeCatalog, other: LakeCatalog, warehouse: Warehouse
) -> None:
    refresh(lake, warehouse, "t", {"id": [0]})
    target = lake.prepare_table("public", "t", columns_of(column("id"), column("mine")))
    file = write(warehouse, target, {"id": [1], "mine": [1]})
    refresh(other, warehouse, "t", {"id": [0], "theirs": ["x"]}, column("id"), column("theirs", "text"))
    with pytest.raises(CommitConflict):
        lake.commit_table(target, [file], view_of(target, 1))


class LostReply:
    """A connection that commits, or does not, and then breaks."""

    def __init__(self, connection: psycopg.Connection, commits: bool) -> None:
        self.connection = connection
        self.commits = commits

    def __enter__(self) -> "LostReply":
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()

    @property
    def closed(self) -> bool:
        return self.connection.closed

    @property
    def broken(self) -> bool:
        return self.connection.broken

    def execute(self, statement: Any, *arguments: Any) -> Any:
        if statement != "COMMIT":
            return self.connection.execute(statement, *arguments)
        if self.commits:
            self.connection.execute("COMMIT")
        self.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("lands", [True, False])
def test_a_lost_reply_to_commit_is_resolved_by_looking(
    lake: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, lands: bool, is_new: bool
) -> None:
    if not is_new:
        refresh(lake, warehouse, "t", {"id": [0]})
    swap, faults = commits.swap, iter([True])

    def faulty(connection: psycopg.Connection, *arguments: Any) -> bool:
        wrapped: Any = LostReply(connection, lands) if next(faults, False) else connection
        return swap(wrapped, *arguments)

    monkeypatch.setattr(commits, "swap", faulty)
    committed = refresh(lake, warehouse, "t", {"id": [1, 2]})
    [row] = lake.read_tables()
    assert row.metadata_location == committed.metadata_location
    assert len(StaticTable.from_metadata(row.metadata_location).metadata.snapshots) == (1 if is_new else 2)
    assert rows_at(warehouse, row.metadata_location) == [{"id": 1}, {"id": 2}]


def test_a_lost_reply_is_found_behind_a_later_commit(
    lake: LakeCatalog, other: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap, faults = commits.swap, iter([True])

    def faulty(connection: psycopg.Connection, *arguments: Any) -> bool:
        if next(faults, False):
            swap(connection, *arguments)
            refresh(other, warehouse, "t", {"id": [9]})
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return swap(connection, *arguments)

    monkeypatch.setattr(commits, "swap", faulty)
    refresh(lake, warehouse, "t", {"id": [1]})
    [row] = lake.read_tables()
    assert rows_at(warehouse, row.metadata_location) == [{"id": 9}], "the later commit stays"
    assert len(StaticTable.from_metadata(row.metadata_location).metadata.snapshots) == 2


def test_an_outcome_that_cannot_be_looked_up_deletes_nothing(
    lake: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(connection: psycopg.Connection, *_: Any) -> bool:
        connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(commits, "swap", lost)
    monkeypatch.setattr(commits, "SWAP_TIMEOUT_SECONDS", 0.3)
    with pytest.raises(CommitOutcomeUnknown):
        refresh(lake, warehouse, "t", {"id": [1]})
    assert list(Path(warehouse.location.removeprefix("file://")).rglob("*.metadata.json"))


def test_a_row_that_somebody_holds_fails_in_bounded_time_and_changes_nothing(
    lake: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = refresh(lake, warehouse, "t", {"id": [0]})
    monkeypatch.setattr(commits, "SWAP_TIMEOUT_SECONDS", 0.0)
    monkeypatch.setattr("catalog.database.BEGIN", "BEGIN; SET LOCAL lock_timeout = '200ms'")
    with psycopg.connect(lake.url) as holder:
        holder.execute("UPDATE iceberg_tables SET iceberg_type = 'TABLE'")
        with pytest.raises(NotReachable):
            refresh(lake, warehouse, "t", {"id": [1]})
    [row] = lake.read_tables()
    assert row.metadata_location == first.metadata_location
    assert len(list(Path(warehouse.location.removeprefix("file://")).rglob("*.metadata.json"))) == 1


def test_a_reader_whose_connection_was_cut_reads_on(lake: LakeCatalog, warehouse: Warehouse) -> None:
    refresh(lake, warehouse, "t", {"id": [0]})
    assert len(lake.read_tables()) == 1
    with psycopg.connect(lake.url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'bemidb'"
        )
    assert len(lake.read_tables()) == 1


def test_a_view_is_fetched_only_when_its_pointer_moved(
    lake: LakeCatalog, other: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(lake, warehouse, "a", {"id": [0]})
    refresh(lake, warehouse, "b", {"id": [0]})
    decoded: list[int] = []
    from_json = TableView.from_json
    monkeypatch.setattr(TableView, "from_json", lambda value: decoded.append(1) or from_json(value))
    assert len(other.read_tables()) == 2
    assert len(decoded) == 2
    other.read_tables()
    assert len(decoded) == 2
    moved = refresh(lake, warehouse, "b", {"id": [1]})
    assert {row.name: row.metadata_location for row in other.read_tables()}["b"] == moved.metadata_location
    assert len(decoded) == 3
    with psycopg.connect(lake.url) as connection:
        connection.execute("DELETE FROM iceberg_tables WHERE table_name = 'a'")
    assert [row.name for row in other.read_tables()] == ["b"]


def test_tables_of_other_programs_have_no_view(lake: LakeCatalog, warehouse: Warehouse) -> None:
    lake.iceberg.create_namespace("spark")
    lake.iceberg.create_table(("spark", "t"), pa.schema([("x", pa.int64())]))
    refresh(lake, warehouse, "t", {"id": [0]})
    with psycopg.connect(lake.url) as connection:
        connection.execute(
            "UPDATE iceberg_tables SET columns = '{\"format_version\": 99}'"
            " WHERE table_name = 't' AND table_namespace = 'public'"
        )
    assert {row.namespace: row.view for row in lake.read_tables()} == {"spark": None, "public": None}


def test_two_programs_prepare_the_catalog_at_once(settings: CatalogSettings, warehouse: Warehouse) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(6)

    def run() -> None:
        lake = LakeCatalog.open(settings, warehouse)
        barrier.wait()
        try:
            lake.ensure_schema()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            lake.close()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_our_column_is_added_to_the_catalog_of_another_program(settings: CatalogSettings, warehouse: Warehouse) -> None:
    lake = LakeCatalog.open(settings, warehouse)
    lake.iceberg.create_namespace("spark")  # PyIceberg makes its own tables
    lake.iceberg.create_table(("spark", "t"), pa.schema([("x", pa.int64())]))
    barrier = threading.Barrier(2)

    def run() -> None:
        mine = LakeCatalog.open(settings, warehouse)
        barrier.wait()
        mine.ensure_schema()
        mine.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.name for row in lake.read_tables()] == ["t"]
    lake.ensure_schema()
    lake.close()


def test_a_user_without_rights_is_told(postgres: Any, tmp_path: Path) -> None:
    url = postgres.new_database("catalog")
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"DROP ROLE IF EXISTS reader_{name}")
        admin.execute(f"CREATE ROLE reader_{name} LOGIN")
    settings = CatalogSettings(catalog_database_url=postgres.url(name, f"reader_{name}"), data_dir=tmp_path)
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    with pytest.raises(OperatorError, match=r"^CATALOG_DATABASE_URL: its user may not"):
        lake.ensure_schema()
    lake.close()


def test_the_embedded_catalog_keeps_its_tables(tmp_path: Path) -> None:
    settings = CatalogSettings(data_dir=tmp_path)
    warehouse = Warehouse.open(settings)
    for names in ([], ["t"]):
        lake = LakeCatalog.open(settings, warehouse)
        lake.ensure_schema()
        assert [row.name for row in lake.read_tables()] == names
        if not names:
            refresh(lake, warehouse, "t", {"id": [1]})
        lake.close()


def test_a_plan_prunes_by_bounds_and_asks_storage_once(lake: LakeCatalog, warehouse: Warehouse) -> None:
    specs = (column("id"), column("f", "float8"), column("s", "text"))
    target = lake.prepare_table("public", "t", columns_of(*specs))
    nan = float("nan")
    files = [
        write(warehouse, target, {"id": [1, 2], "f": [1.0, nan], "s": ["a", "b"]}),
        write(warehouse, target, {"id": [10, 20], "f": [1.0, 2.0], "s": [None, None]}),
    ]
    location = lake.commit_table(target, files, view_of(target, 4)).metadata_location
    forget_plans()
    whole = plan_scan(location, {})
    assert (whole.rows, [file.path for file in whole.files]) == (4, [file.location for file in files])
    assert whole.bytes == sum(file.byte_count for file in files)
    assert whole.fields == ((1, "id"), (2, "f"), (3, "s"))
    assert not whole.has_deletes
    for path in Path(warehouse.location.removeprefix("file://")).rglob("*"):
        if path.suffix in (".json", ".avro"):
            path.unlink()  # from here on only what is cached can answer
    assert plan_scan(location, {}) is whole
    assert [file.rows for file in plan_scan(location, {}, GreaterThan("id", 5)).files] == [2]
    assert plan_scan(location, {}, GreaterThan("id", 50)).files == ()
    assert plan_scan(location, {}, In("id", [2, 3])).files == whole.files[:1]
    assert plan_scan(location, {}, IsNull("s")).files == whole.files[1:]
    assert plan_scan(location, {}, GreaterThan("f", 100.0)).files == whole.files, "NaN is above every number"
    forget_plans()
    with pytest.raises(FileNotFoundError):
        plan_scan(location, {})


def test_infinite_and_ancient_values_have_bounds(lake: LakeCatalog) -> None:
    specs = (column("d", "date"), column("ts", "timestamptz"), column("n", "numeric", precision=38, scale=2))
    target = lake.prepare_table("public", "t", columns_of(*specs))
    table = pa.table(
        {
            "d": pa.array([2**31 - 1, -(2**31) + 1], pa.int32()).cast(pa.date32()),
            "ts": pa.array([2**63 - 1, -(2**63) + 1], pa.int64()).cast(pa.timestamp("us", "UTC")),
            "n": pa.array([None, None], pa.decimal128(38, 2)),
        }
    )
    location = f"{target.data_location}/{uuid4().hex}.parquet"
    path = Path(location.removeprefix("file://"))
    path.parent.mkdir(parents=True)
    pq.write_table(table.cast(target.arrow_schema), path)
    file = WrittenFile(location, pq.read_metadata(path), path.stat().st_size)
    committed = lake.commit_table(target, [file], view_of(target, 2))
    io = load_file_io({}, location)
    [manifest] = StaticTable.from_metadata(committed.metadata_location).current_snapshot().manifests(io)
    [entry] = manifest.fetch_manifest_entry(io)
    assert entry.data_file.lower_bounds[1] == (-(2**31) + 1).to_bytes(4, "little", signed=True)
    assert entry.data_file.upper_bounds[2] == (2**63 - 1).to_bytes(8, "little", signed=True)
    assert 3 not in entry.data_file.lower_bounds
    assert entry.data_file.null_value_counts == {1: 0, 2: 0, 3: 2}


def test_the_same_on_s3(postgres: Any, s3: Any) -> None:
    bucket = s3.new_bucket()
    settings = CatalogSettings(
        catalog_database_url=postgres.new_database("catalog"),
        s3_bucket=bucket,
        s3_endpoint=s3.endpoint,
        s3_region=s3.region,
        s3_access_key_id=s3.access_key_id,
        s3_secret_access_key=s3.secret_access_key,
    )
    warehouse = Warehouse.open(settings)
    lake = LakeCatalog.open(settings, warehouse)
    lake.ensure_schema()
    first = refresh(lake, warehouse, "orders", {"id": [1, 2]})
    second = refresh(lake, warehouse, "orders", {"id": [3]})
    assert second.metadata_location.startswith(f"s3://{bucket}/iceberg/public/orders/metadata/00001-")
    assert rows_at(warehouse, first.metadata_location) == [{"id": 1}, {"id": 2}]
    assert rows_at(warehouse, second.metadata_location) == [{"id": 3}]
    assert plan_scan(second.metadata_location, warehouse.file_io_properties).rows == 1
    for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]:
        s3.client().delete_object(Bucket=bucket, Key=item["Key"])
    assert plan_scan(second.metadata_location, warehouse.file_io_properties).rows == 1, "cached: no request"
    with pytest.raises(FileNotFoundError):
        plan_scan(first.metadata_location, warehouse.file_io_properties)
    lake.close()


def test_damaged_metadata_is_told_as_such(lake: LakeCatalog, warehouse: Warehouse) -> None:
    location = refresh(lake, warehouse, "t", {"id": [1]}).metadata_location
    path = Path(location.removeprefix("file://"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    forget_plans()
    with pytest.raises(CorruptMetadata):
        plan_scan(location, {})
    path.write_bytes(whole)
    for manifest in path.parent.glob("*.avro"):
        manifest.write_bytes(manifest.read_bytes()[:-20])
    with pytest.raises(CorruptMetadata):
        plan_scan(location, {})


def test_old_metadata_files_are_deleted_in_time(
    lake: LakeCatalog, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(commits.snapshot.PROPERTIES, "write.metadata.previous-versions-max", "2")
    for number in range(5):
        refresh(lake, warehouse, "t", {"id": [number]})
    assert len(list(Path(warehouse.location.removeprefix("file://")).rglob("*.metadata.json"))) == 3


def test_pointers_close_without_a_connection() -> None:
    Pointers(lambda: pytest.fail("must not connect")).close()


def test_nothing_of_sqlalchemy_is_loaded_for_reading(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, catalog.tables, catalog.scan; sys.exit('sqlalchemy' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(tables.__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment, cwd=tmp_path).returncode == 0


def add(lake: LakeCatalog, warehouse: Warehouse, ids: list[int], replaced: set[str], location: str) -> Any:
    target = lake.prepare_table("public", "t", columns_of(column("id")))
    files = [write(warehouse, target, {"id": ids})] if ids else []
    part = Part(location, frozenset(replaced))
    return lake.commit_table(target, files, view_of(target, 0), {}, part)


def test_a_commit_of_a_part_leaves_the_other_files(lake: LakeCatalog, warehouse: Warehouse) -> None:
    first = refresh(lake, warehouse, "t", {"id": [1, 2]})
    second = add(lake, warehouse, [3], set(), first.metadata_location)
    assert second.view.file_count == 2
    assert rows_at(warehouse, second.metadata_location) == [{"id": 3}, {"id": 1}, {"id": 2}]

    old = {file.path for file in plan_scan(first.metadata_location, {}).files}
    third = add(lake, warehouse, [4, 5], old, second.metadata_location)
    assert sorted(row["id"] for row in rows_at(warehouse, third.metadata_location)) == [3, 4, 5]
    assert third.view.file_count == 2
    assert rows_at(warehouse, first.metadata_location) == [{"id": 1}, {"id": 2}]
    metadata = lake.iceberg.load_table(("public", "t")).metadata
    summaries = [snapshot.summary for snapshot in metadata.snapshots if snapshot.summary is not None]
    assert [summary["total-records"] for summary in summaries] == ["2", "3", "3"]
    assert [summary.operation.value for summary in summaries] == ["append", "append", "overwrite"]

    with pytest.raises(CommitConflict):
        add(lake, warehouse, [6], set(), second.metadata_location)


def test_many_small_commits_keep_few_manifests(lake: LakeCatalog, warehouse: Warehouse) -> None:
    committed = refresh(lake, warehouse, "t", {"id": [0]})
    for number in range(1, 21):
        committed = add(lake, warehouse, [number], set(), committed.metadata_location)
    metadata = lake.iceberg.load_table(("public", "t")).metadata
    current = metadata.current_snapshot()
    assert current is not None
    assert len(current.manifests(load_file_io({}, committed.metadata_location))) < 16
    assert sorted(row["id"] for row in rows_at(warehouse, committed.metadata_location)) == list(range(21))


def test_a_view_is_replaced_or_a_table_dropped_only_as_it_was_read(lake: LakeCatalog, warehouse: Warehouse) -> None:
    refresh(lake, warehouse, "t", {"id": [1]})
    old = lake.read_table("public", "t")
    assert old is not None
    assert old.view is not None
    assert lake.set_view(old, replace(old.view, comment="new"))
    now = lake.read_table("public", "t")
    assert now is not None
    assert now.view == replace(old.view, comment="new")
    assert now.metadata_location == old.metadata_location
    refresh(lake, warehouse, "t", {"id": [2]})
    assert not lake.set_view(old, old.view)
    assert not lake.drop_table(old)
    row = lake.read_table("public", "t")
    assert row is not None
    assert lake.drop_table(row)
    assert lake.read_table("public", "t") is None
