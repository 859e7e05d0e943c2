"""Each door of a DuckDB, tried as the engine's SQL.

The gate above never lets such a text come here; if it did, this holds.
"""

import os

import pytest

from pgserver.emit.relations import EMPTY_FILE
from pgserver.engine.errors import EngineError

CLOSED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM read_text('file:///etc/passwd')",
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM '/etc/hosts.parquet'",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM parquet_metadata('/etc/x.parquet')",
    "SELECT * FROM parquet_schema('/etc/x.parquet')",
    "SELECT * FROM read_text('https://example.com/x')",
    "SELECT * FROM read_parquet('s3://elsewhere/x.parquet')",
    "SELECT * FROM read_parquet('s3a://elsewhere/x.parquet')",
    "SELECT * FROM read_parquet('gcs://elsewhere/x.parquet')",
    "SELECT * FROM iceberg_scan('/etc/metadata.json')",
    "SELECT * FROM read_avro('/etc/x.avro')",
    "COPY (SELECT 1) TO '/tmp/bemidb-must-not-exist.csv'",
    "EXPORT DATABASE '/tmp/bemidb-must-not-exist'",
    "IMPORT DATABASE '/tmp'",
    "ATTACH '/tmp/bemidb-must-not-exist.db'",
    "ATTACH 'https://example.com/x.db'",
    "INSTALL spatial",
    "LOAD spatial",
    "LOAD '/tmp/x.duckdb_extension'",
    "UPDATE EXTENSIONS",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "SET temp_directory = '/tmp'",
    "SET allowed_directories = ['/']",
    "SET allowed_configs = ['memory_limit']",
    "SET s3_url_compatibility_mode = false",
    "SET python_enable_replacements = true",
    "SET log_query_path = '/tmp/bemidb-must-not-exist.log'",
    "SET extension_directory = '/tmp'",
    "SET secret_directory = '/tmp'",
    "SET allow_unredacted_secrets = true",
    "SET enable_external_file_cache = false",
    "RESET memory_limit",
    "RESET enable_external_access",
    "PRAGMA memory_limit = '100GB'",
    "PRAGMA profiling_output = '/tmp/bemidb-must-not-exist.json'",
    "CREATE PERSISTENT SECRET stolen (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "SELECT getenv('PATH')",
    "SELECT * FROM connection",  # variables of the child's own Python
    "SELECT * FROM duckdb_secrets(redact = false)",
]


@pytest.mark.parametrize("sql", CLOSED)
def test_a_door_is_shut(go, engine, ask, fetch, sql: str) -> None:
    async def work() -> None:
        with pytest.raises(EngineError) as caught:
            await fetch(engine, ask(sql))
        text = f"{caught.value.message} {caught.value.detail} {caught.value.hint}"
        assert "/etc" not in text
        assert "://" not in text
        assert await fetch(engine, ask("SELECT 'alive'")) == [("alive",)]

    go(work())
    assert not [name for name in os.listdir("/tmp") if name.startswith("bemidb-must-not-exist")]  # noqa: PTH208


def test_a_folder_beside_the_lake_is_shut(go, engine, ask, fetch, lake) -> None:
    beside = lake.folder.parent / (lake.folder.name + "2")
    beside.mkdir(exist_ok=True)
    (beside / "numbers.parquet").write_bytes((lake.folder / "numbers.parquet").read_bytes())

    async def work() -> None:
        for path in (
            f"{beside}/numbers.parquet",
            f"file://{beside}/numbers.parquet",
            f"{lake.folder}/../{beside.name}/numbers.parquet",
            f"file://{lake.folder}/../{beside.name}/numbers.parquet",
        ):
            with pytest.raises(EngineError) as caught:
                await fetch(engine, ask(f"SELECT count(*) FROM read_parquet(['{path}'])"))
            assert caught.value.sqlstate == "42501", path
        for path in (f"{lake.folder}/numbers.parquet", f"{lake.location}/numbers.parquet"):
            assert await fetch(engine, ask(f"SELECT count(*) FROM read_parquet(['{path}'])")) == [("1000000",)]

    go(work())


def test_the_empty_file_is_open_and_its_folder_shut(go, engine, ask, fetch, lake) -> None:
    """A large file of the lake is read beside it (emit/relations.py)."""
    schema = "schema=MAP {1: {name: 'c1', type: 'BIGINT', default_value: NULL}}"

    async def work() -> None:
        read = f"SELECT count(*) FROM read_parquet(['{lake.folder}/numbers.parquet', '{EMPTY_FILE}'], {schema})"
        assert await fetch(engine, ask(read)) == [("1000000",)]
        with pytest.raises(EngineError) as caught:
            await fetch(engine, ask(f"SELECT * FROM read_text('{EMPTY_FILE.parent}/query.py')"))
        assert caught.value.sqlstate == "42501"

    go(work())


def test_the_child_has_no_keys_in_its_environment(go, monkeypatch, new_pool) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "must-not-be-seen")
    monkeypatch.setenv("CATALOG_DATABASE_URL", "postgres://must-not-be-seen")

    async def work() -> None:
        async with new_pool() as pool:
            with open(f"/proc/{pool.active.pid}/environ", "rb") as environment:  # noqa: ASYNC230, PTH123
                assert b"must-not-be-seen" not in environment.read()
            with open(f"/proc/{pool.active.pid}/cmdline", "rb") as command:  # noqa: ASYNC230, PTH123
                assert b"must-not-be-seen" not in command.read()

    go(work())
