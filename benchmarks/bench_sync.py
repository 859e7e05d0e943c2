"""How near is a sync to the speed of a COPY whose output nobody looks at, what does it cost, how large are its files?

With `BEMIDB_BENCH_BIG=1` also a table of 20 million rows, which takes minutes to make.
"""

import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import psycopg

from benchmarks.figure import Figure, seconds
from benchmarks.measured import Usage, measured
from benchmarks.stand import bench_folder, lake_variables, source
from catalog.postgres import bin_dir

SCALE = 1
HITS_ROWS = 1_000_000
TIMES = 3
WIDE = ("clickbench.hits",)
BIG = ("public.big",)
BIG_ROWS = 20_000_000
LARGEST_FIRST = ("lineitem", "orders", "partsupp", "part", "customer", "supplier", "nation", "region")
ALL = tuple(f"public.{name}" for name in LARGEST_FIRST)
JOBS = os.cpu_count() or 1

ADBC = """
import sys
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi
url, table, path = sys.argv[1:]
with dbapi.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute(f"SELECT * FROM {table}")
    reader = cursor.fetch_record_batch()
    with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
"""
DUCKDB = """
import sys
import duckdb
from sample.tpch import extension_path
url, table, path = sys.argv[1:]
with duckdb.connect() as engine:
    engine.load_extension(str(extension_path("postgres_scanner")))
    engine.execute(f"ATTACH '{url}' AS source (TYPE postgres, READ_ONLY)")
    engine.execute(f"COPY (FROM source.{table}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
"""


def run() -> Iterator[Figure]:
    """Measure all, in turns with what it is compared with."""
    with source(SCALE, HITS_ROWS) as postgres:
        url = postgres.url()
        yield from _speed(f"TPC-H {SCALE:g}", url, ALL, ">= 0.6")
        yield from _speed(f"105 columns, {HITS_ROWS:,} rows", url, WIDE, ">= 0.5")
        yield _cost(url)
        for name, tables in ((f"TPC-H {SCALE:g}", ALL), ("105 columns", WIDE)):
            yield _size(name, url, tables)
        if os.environ.get("BEMIDB_BENCH_BIG"):
            yield from _big(url)


def _speed(name: str, url: str, tables: Sequence[str], bar: str) -> Iterator[Figure]:
    _drained_copies(url, tables)  # warms the source's cache
    copies, syncs = [], []
    for _ in range(TIMES):
        copies.append(seconds(lambda: _drained_copies(url, tables)))
        syncs.append(_sync(url, tables))
    ratios = [copy / done.seconds for copy, done in zip(copies, syncs, strict=True)]
    best = min(done.seconds for done in syncs)
    detail = f"{JOBS} connections each; sync {best:.1f} s, COPY {min(copies):.1f} s at best of {TIMES}"
    detail += f"; {min(ratios):.2f} to {max(ratios):.2f}; start of Python and catalog included"
    yield Figure(f"Sync of {name}, speed over a drained COPY", min(copies) / best, "x", bar, detail)
    peak = max(done.peak_mb for done in syncs)
    yield Figure(f"Memory of the sync of {name}", peak, "MB", "< 1000", f"highest resident memory, {JOBS} jobs")


def _drained_copies(url: str, tables: Sequence[str]) -> None:
    """Read all, over as many connections as a sync has."""

    def drain(table: str) -> None:
        command = [str(bin_dir() / "psql"), "--no-psqlrc", "-d", url, "-c", f"COPY {table} TO STDOUT (FORMAT csv)"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(drain, tables))


def _sync(url: str, tables: Sequence[str], jobs: int = JOBS) -> Usage:
    """Sync into a lake that is new, as a first sync is."""
    shutil.rmtree(_lake(), ignore_errors=True)
    variables = {
        "SOURCE_POSTGRES_DATABASE_URL": url,
        "SOURCE_POSTGRES_INCLUDE_TABLES": ",".join(tables),
        "BEMIDB_SYNC_JOBS": str(jobs),
    }
    return measured(["-m", "syncer"], {**lake_variables(_lake()), **variables})


def _lake() -> Path:
    return bench_folder() / "sync"


def _cost(url: str) -> Figure:
    """Compare the processor's time for lineitem with that of two others who read Postgres into Parquet."""
    with psycopg.connect(url) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM lineitem").fetchone() or (0,)
    target = bench_folder() / "other.parquet"
    others = {"ADBC": ADBC, "DuckDB": DUCKDB}
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(TIMES):
        ours.append(_sync(url, ("public.lineitem",)).cpu_s)
        for name, program in others.items():
            theirs[name].append(measured(["-c", program, url, "public.lineitem", str(target)], {}).cpu_s)
            target.unlink()
    medians = {name: statistics.median(times) / rows * 1e6 for name, times in theirs.items()}
    mine = statistics.median(ours) / rows * 1e6
    told = ", ".join(f"{name} {cost:.2f}" for name, cost in medians.items())
    detail = f"{mine:.2f} s a million rows of lineitem, with start, catalog and commit; {told}"
    best = min(medians.values())
    return Figure("CPU time of a sync over the best of ADBC and DuckDB", mine / best, "x", "<= 1.0", detail)


def _size(name: str, url: str, tables: Sequence[str]) -> Figure:
    """Compare the files with those that DuckDB writes of the same rows, in the same order."""
    _sync(url, tables, jobs=1)
    ours = theirs = 0
    with duckdb.connect() as engine:
        for table in tables:
            files = sorted((_lake() / "warehouse" / table.replace(".", "/")).rglob("*.parquet"))
            target = bench_folder() / "other.parquet"
            paths = [str(path) for path in files]
            engine.execute(f"COPY (FROM read_parquet({paths!r})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            ours += sum(path.stat().st_size for path in files)
            theirs += target.stat().st_size
            target.unlink()
    detail = f"{ours / 1e6:.1f} against {theirs / 1e6:.1f} MB, zstd both"
    return Figure(f"Size of the files of {name} over DuckDB's", ours / theirs, "x", "<= 1.1", detail)


def _big(url: str) -> Iterator[Figure]:
    with psycopg.connect(url, autocommit=True) as connection:
        query = f"SELECT l.* FROM generate_series(1, 4), lineitem l LIMIT {BIG_ROWS}"
        connection.execute(f"DROP TABLE IF EXISTS big; CREATE TABLE big AS {query}".encode())
        for jobs, bar in ((JOBS, "< 1000"), (1, "< 400")):
            done = _sync(url, BIG, jobs)
            detail = f"in {done.seconds:.0f} s"
            yield Figure(f"Memory of the sync of {BIG_ROWS:,} rows, {jobs} jobs", done.peak_mb, "MB", bar, detail)
        connection.execute("DROP TABLE big")
