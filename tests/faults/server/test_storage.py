"""The bucket fails: statements are answered late and right, or fail soon and tell nothing of where the data is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.conftest import PostgresServer, S3Server, free_port
from tests.support import programs, servers
from tests.support.faulty_store import Faults

ROWS = 50_000
QUICK_S = 30.0


@dataclass
class Stand:
    """A server over a bucket that fails as told. A query over a table that nobody has read asks the bucket."""

    server: servers.Server
    faults: Faults
    s3: S3Server
    bucket: str
    environment: dict[str, str]
    source_url: str

    def ask(self, table: str, timeout_ms: int = 0) -> tuple[int, int]:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(f"SET statement_timeout = {timeout_ms}")
            row = connection.execute(f"SELECT count(DISTINCT s), sum(i)::bigint FROM {table}".encode()).fetchone()
            assert row is not None
            return row

    def fails(self, table: str) -> psycopg.Error:
        began = time.monotonic()
        with pytest.raises(psycopg.Error) as caught:
            self.ask(table)
        assert time.monotonic() - began < QUICK_S
        said = (
            f"{caught.value.diag.message_primary} {caught.value.diag.message_detail} {caught.value.diag.message_hint}"
        )
        for secret in (self.bucket, str(self.s3.port), "parquet", "s3://", self.s3.access_key_id, "/data/"):
            assert secret not in said
        return caught.value

    def keys(self, table: str) -> list[str]:
        listed = self.s3.client().list_objects_v2(Bucket=self.bucket, Prefix=f"iceberg/public/{table}/data/")
        return [item["Key"] for item in listed["Contents"]]


RIGHT = (ROWS, ROWS * (ROWS + 1) // 2)
TABLES = (
    "some_503",
    "some_429",
    "some_reset",
    "some_cut",
    "all_503",
    "all_403",
    "all_hang",
    "gone",
    "short",
    "swapped",
)


@pytest.fixture(scope="module")
def stand(
    faulty: tuple[S3Server, Faults], postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    s3, faults = faulty
    source = postgres.new_database("faulty")
    with psycopg.connect(source, autocommit=True) as connection:
        for table in TABLES:
            rows = f"SELECT i, md5(i::text) AS s FROM generate_series(1, {ROWS}) i"
            connection.execute(f"CREATE TABLE {table} AS {rows}".encode())
    bucket = s3.new_bucket("faulty")
    folder = tmp_path_factory.mktemp("faulty")
    environment = s3.environment(bucket) | {"BEMIDB_DATA_DIR": str(folder / "data")}
    synced = programs.run("syncer", environment | {"SOURCE_POSTGRES_DATABASE_URL": source})
    assert synced.returncode == 0, synced.stdout + synced.stderr
    settled = environment | {"BEMIDB_CATALOG_STALENESS": "3600"}
    with servers.running(settled, free_port(), folder / "server.log") as server:
        yield Stand(server, faults, s3, bucket, environment, source)


@pytest.fixture(autouse=True)
def _well_again(stand: Stand) -> Iterator[None]:
    yield
    stand.faults.set("")


@pytest.mark.parametrize("kind", ["503", "429", "reset", "cut"])
def test_now_and_then(stand: Stand, kind: str) -> None:
    stand.faults.set(kind, one_in=3, path=f"some_{kind}")
    assert stand.ask(f"some_{kind}") == RIGHT
    assert stand.faults.count > 0


@pytest.mark.parametrize("kind", [pytest.param("503", marks=pytest.mark.slow), "403"])
def test_always(stand: Stand, kind: str) -> None:
    stand.faults.set(kind, path=f"all_{kind}")
    assert stand.fails(f"all_{kind}").sqlstate == "58030"
    assert stand.faults.count > 0
    stand.faults.set("")
    assert stand.ask(f"all_{kind}") == RIGHT


def test_a_bucket_that_hangs_does_not_outlast_statement_timeout(stand: Stand) -> None:
    stand.faults.slow_s = 60
    stand.faults.set("slow", path="all_hang")
    began = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        stand.ask("all_hang", timeout_ms=1000)
    assert time.monotonic() - began < stand.faults.slow_s / 2
    stand.faults.set("")
    assert stand.ask("all_hang") == RIGHT


def test_a_file_that_is_gone(stand: Stand) -> None:
    for key in stand.keys("gone"):
        stand.s3.client().delete_object(Bucket=stand.bucket, Key=key)
    assert stand.fails("gone").sqlstate == "58030"


def test_a_file_that_is_cut_short(stand: Stand) -> None:
    for key in stand.keys("short"):
        body = stand.s3.client().get_object(Bucket=stand.bucket, Key=key)["Body"].read()
        stand.s3.client().put_object(Bucket=stand.bucket, Key=key, Body=body[:-100] + bytes(100))
    assert stand.fails("short").sqlstate == "XX001"


def test_a_file_that_a_newer_snapshot_has_replaced(stand: Stand) -> None:
    """The server has asked the catalog long ago: it looks again when a file is not there."""
    old = stand.keys("swapped")
    with psycopg.connect(stand.source_url, autocommit=True) as connection:
        connection.execute("UPDATE swapped SET i = i + 1")
    variables = {"SOURCE_POSTGRES_DATABASE_URL": stand.source_url, "SOURCE_POSTGRES_INCLUDE_TABLES": "public.swapped"}
    synced = programs.run("syncer", stand.environment | variables)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    for key in old:
        stand.s3.client().delete_object(Bucket=stand.bucket, Key=key)
    assert stand.ask("swapped") == (ROWS, RIGHT[1] + ROWS)
