"""Fill a Postgres database with TPC-H, made by DuckDB and loaded by COPY. Tests and benchmarks use it too."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import duckdb
import psycopg
import pyarrow as pa
from pyarrow import csv

TABLES = ("region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem")
BATCH_ROWS = 50_000

_FOLDER = Path(__file__).parent
_NO_HEADER = csv.WriteOptions(include_header=False)

Progress = Callable[[str, int, int], None]


def extension_path(name: str) -> Path:
    """Return where the wheel `duckdb-extension-<name>` keeps its extension, so that nothing is downloaded."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"duckdb-extension-{name} is not installed: run `make install`")
    folder = Path(spec.submodule_search_locations[0]) / "extensions" / f"v{duckdb.__version__}"
    return folder / f"{name}.duckdb_extension"


def generate(scale: float) -> duckdb.DuckDBPyConnection:
    """Make TPC-H in a DuckDB in memory. Scale 1 is 6 million rows of lineitem."""
    connection = duckdb.connect()
    connection.load_extension(str(extension_path("tpch")))
    connection.execute("CALL dbgen(sf=?)", [scale])
    return connection


def queries() -> list[tuple[int, str]]:
    """Return the 22 queries of TPC-H with their numbers."""
    with duckdb.connect() as connection:
        connection.load_extension(str(extension_path("tpch")))
        rows = connection.execute("SELECT query_nr, query FROM tpch_queries() ORDER BY query_nr").fetchall()
    return cast(list[tuple[int, str]], rows)


def is_loaded(url: str) -> bool:
    """Tell whether `load` has once run to its end on this database."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT to_regclass('public.lineitem')").fetchone() != (None,)


def load(url: str, scale: float, progress: Progress = lambda _table, _done, _total: None) -> None:
    """Create the eight tables in schema `public`, with keys and comments, in one transaction: all or nothing.

    Args: a libpq URL of an empty database; the scale; a function called with table, rows loaded and rows to load.
    """
    with generate(scale) as source, psycopg.connect(url) as target:
        target.execute((_FOLDER / "schema.sql").read_bytes())
        for table in TABLES:
            _copy(source, target, table, progress)
        target.execute((_FOLDER / "keys.sql").read_bytes())


def _copy(
    source: duckdb.DuckDBPyConnection, target: psycopg.Connection[tuple[object, ...]], table: str, progress: Progress
) -> None:
    total = len(source.table(table))
    done = 0
    with target.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)".encode()) as copy:
        for batch in _batches(source, table):
            buffer = pa.BufferOutputStream()
            csv.write_csv(batch, buffer, _NO_HEADER)
            copy.write(buffer.getvalue())
            done += batch.num_rows
            progress(table, done, total)


def _batches(source: duckdb.DuckDBPyConnection, table: str) -> Iterator[pa.RecordBatch]:
    yield from source.execute(f"FROM {table}").to_arrow_reader(BATCH_ROWS)
