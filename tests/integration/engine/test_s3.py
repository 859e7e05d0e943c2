"""The lake in a bucket: what is asked of it, and what is not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from catalog.storage import S3Credentials
from pgserver import metrics
from pgserver.encode.rows import WireColumn
from pgserver.engine.errors import EngineError
from pgserver.protocol.errors import QueryCanceled

ROWS = 200_000


@dataclass
class BucketLake:
    """A prefix with one Parquet file, and neighbours that must stay out of reach."""

    bucket: str
    credentials: S3Credentials

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/wh"

    @property
    def numbers(self) -> str:
        return f"read_parquet(['{self.location}/numbers.parquet'])"


@pytest.fixture(scope="module")
def bucket(s3, tmp_path_factory) -> BucketLake:
    path = tmp_path_factory.mktemp("parquet") / "numbers.parquet"
    with duckdb.connect() as duck:
        duck.execute(f"COPY (SELECT i, md5(i::VARCHAR) AS t FROM range({ROWS}) AS r(i)) TO '{path}' (FORMAT parquet)")
    name = s3.new_bucket("engine")
    for key in ("wh/numbers.parquet", "wh2/numbers.parquet", "private/numbers.parquet"):
        s3.client().upload_file(str(path), name, key)
    broken = path.read_bytes()[:-100]
    s3.client().put_object(Bucket=name, Key="wh/truncated.parquet", Body=broken)
    endpoint = f"{s3.host}:{s3.port}"
    return BucketLake(name, S3Credentials(s3.access_key_id, s3.secret_access_key, None, s3.region, endpoint, False))


@pytest.fixture(scope="module")
def bucket_engine(go, bucket, settings, tmp_path_factory):
    from dataclasses import replace

    from pgserver.engine.pool import EnginePool

    folder = tmp_path_factory.mktemp("spill_s3") / "spill"
    pool = EnginePool(replace(settings, lake_prefixes=(bucket.location,), s3=bucket.credentials, spill_folder=folder))
    go(pool.start())
    yield pool
    go(pool.stop())


def test_a_hot_query_asks_storage_for_nothing(go, s3, bucket, bucket_engine, ask, fetch) -> None:
    async def work() -> None:
        columns = WireColumn(25, -1, 0), WireColumn(25, -1, 0)
        statements = [
            f"SELECT count(*), sum(i) FROM {bucket.numbers}",
            f"SELECT i, t FROM {bucket.numbers} ORDER BY t LIMIT 5",
            f"SELECT i, t FROM {bucket.numbers} WHERE i = 4711",
        ]
        cold = [await fetch(bucket_engine, ask(sql, *columns)) for sql in statements]
        assert cold[0] == [(str(ROWS), str(ROWS * (ROWS - 1) // 2))]
        asked = sum(s3.requests.values())
        assert asked > 0
        for _ in range(3):
            assert [await fetch(bucket_engine, ask(sql, *columns)) for sql in statements] == cold
        assert sum(s3.requests.values()) == asked

    go(work())


def test_an_iceberg_table_is_read_by_its_metadata_file(go, s3, bucket, bucket_engine, ask, fetch) -> None:
    properties = {
        "uri": "sqlite:///:memory:",
        "warehouse": bucket.location,
        "s3.endpoint": s3.endpoint,
        "s3.access-key-id": s3.access_key_id,
        "s3.secret-access-key": s3.secret_access_key,
        "s3.region": s3.region,
    }
    catalog = SqlCatalog("test", **properties)
    catalog.create_namespace("public")
    rows = pa.table({"i": [1, 2, 3], "t": ["a", "b", None]})
    table = catalog.create_table("public.small", rows.schema)
    table.append(rows)
    catalog.close()

    async def work() -> None:
        sql = f"SELECT i, t FROM iceberg_scan('{table.metadata_location}') ORDER BY i"
        columns = WireColumn(20, -1, 0), WireColumn(25, -1, 0)
        assert await fetch(bucket_engine, ask(sql, *columns)) == [("1", "a"), ("2", "b"), ("3", None)]
        asked = sum(s3.requests.values())
        assert await fetch(bucket_engine, ask(sql, *columns)) == [("1", "a"), ("2", "b"), ("3", None)]
        assert sum(s3.requests.values()) == asked

    go(work())


@pytest.mark.parametrize("path", ["wh2/numbers.parquet", "private/numbers.parquet"])
def test_a_neighbour_is_not_even_asked_for(go, s3, bucket, bucket_engine, ask, fetch, path: str) -> None:
    async def work() -> None:
        asked = sum(s3.requests.values())
        with pytest.raises(EngineError) as caught:
            await fetch(bucket_engine, ask(f"SELECT count(*) FROM read_parquet(['s3://{bucket.bucket}/{path}'])"))
        assert caught.value.sqlstate == "42501"
        assert sum(s3.requests.values()) == asked

    go(work())


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Take connections, keep what they say, answer nothing."""
    said: list[bytes] = []
    held: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            said.append(connection.recv(65536))

    thread = threading.Thread(target=accept)
    thread.start()
    yield server.getsockname()[1], said
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for connection in held:
        connection.close()


def test_a_url_cannot_name_another_endpoint(go, bucket, bucket_engine, ask, fetch, listener) -> None:
    port, said = listener

    async def work() -> None:
        url = f"{bucket.location}/numbers.parquet?s3_endpoint=127.0.0.1:{port}&s3_use_ssl=false"
        with pytest.raises(EngineError):
            await fetch(bucket_engine, ask(f"SELECT count(*) FROM read_parquet(['{url}'])"))
        assert said == []

    go(work())


def test_files_that_are_missing_or_broken(go, bucket, bucket_engine, ask, fetch) -> None:
    async def work() -> None:
        for name, sqlstate in (("missing", "58030"), ("truncated", "XX001")):
            with pytest.raises(EngineError) as caught:
                await fetch(
                    bucket_engine, ask(f"SELECT count(t) FROM read_parquet(['{bucket.location}/{name}.parquet'])")
                )
            assert (caught.value.sqlstate, caught.value.retryable_on_bridge) == (sqlstate, False)
            assert bucket.bucket not in str(caught.value)

    go(work())


def test_requests_are_counted_by_operation_and_code(go, s3, bucket, new_pool, ask, fetch) -> None:
    def counted(op: str, code: str) -> float:
        return metrics.s3_requests.labels(op, code)._value.get()

    async def work() -> None:
        async with new_pool(lake_prefixes=(bucket.location,), s3=bucket.credentials) as pool:
            kinds = ("HEAD", "200"), ("GET", "206"), ("HEAD", "404")
            before = [counted(*kind) for kind in kinds]
            size, asked = metrics.s3_bytes._value.get(), s3.requests.copy()
            await fetch(pool, ask(f"SELECT sum(i) FROM {bucket.numbers}"))
            with pytest.raises(EngineError):
                await fetch(pool, ask(f"SELECT 1 FROM read_parquet(['{bucket.location}/none.parquet'])"))
            async with asyncio.timeout(60):
                while counted("HEAD", "404") == before[2]:  # noqa: ASYNC110  # a counter has no event
                    await asyncio.sleep(0.05)
            heads, gets, missing = (counted(*kind) - old for kind, old in zip(kinds, before, strict=True))
            assert (heads + missing, gets) == (s3.requests["HEAD"] - asked["HEAD"], s3.requests["GET"] - asked["GET"])
            assert heads > 0
            assert gets > 0
            assert metrics.s3_bytes._value.get() - size > ROWS

    go(work())


def test_a_storage_that_hangs_does_not_outlast_the_deadline(go, new_pool, ask, fetch, listener) -> None:
    port, said = listener

    async def work() -> None:
        credentials = S3Credentials("AKIAKEYKEY", "secret", None, "eu-central-1", f"127.0.0.1:{port}", False)
        async with new_pool(lake_prefixes=("s3://bucket/wh",), s3=credentials) as pool:
            started = time.monotonic()
            with pytest.raises(QueryCanceled):
                await fetch(
                    pool, ask("SELECT count(*) FROM read_parquet(['s3://bucket/wh/x.parquet'])", deadline_ms=500)
                )
            assert 0.5 <= time.monotonic() - started < 9  # less than one of DuckDB's own timeouts
            assert said
            assert await fetch(pool, ask("SELECT 'alive'")) == [("alive",)]

    go(work())


def test_renewed_keys_are_used(go, bucket, new_pool, ask, fetch, listener) -> None:
    port, said = listener

    async def work() -> None:
        old = S3Credentials("AKIAOLDOLD", "old", None, "eu-central-1", f"127.0.0.1:{port}", False)
        async with new_pool(lake_prefixes=(bucket.location,), s3=old) as pool:
            pool.renew(bucket.credentials)
            assert await fetch(pool, ask(f"SELECT count(*) FROM {bucket.numbers}")) == [(str(ROWS),)]
            assert said == []

    go(work())
