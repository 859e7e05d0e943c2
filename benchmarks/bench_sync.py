"""How near is a sync to the speed of a COPY whose output nobody looks at, and how much memory does it take?"""

import shutil
import subprocess
import time
from collections.abc import Iterator

import psutil

from benchmarks.figure import Figure, seconds
from benchmarks.stand import PeakMemory, bench_folder, lake_variables, source
from catalog.postgres import bin_dir
from sample import tpch
from sample.children import program

SCALE = 0.5
TIMES = 2


def run() -> Iterator[Figure]:
    """Measure both, in turns."""
    with source(SCALE) as postgres:
        _drained_copies(postgres.url())  # warm the source's cache
        copies, syncs, peaks = [], [], []
        for _ in range(TIMES):
            copies.append(seconds(lambda: _drained_copies(postgres.url())))
            duration, peak_mb = _sync(postgres.url())
            syncs.append(duration)
            peaks.append(peak_mb)
    detail = f"sync {min(syncs):.1f} s, COPY {min(copies):.1f} s, best of {TIMES}; start of Python and catalog included"
    yield Figure(
        f"Sync of TPC-H {SCALE:g}, speed over a drained COPY", min(copies) / min(syncs), "x", ">= 0.35", detail
    )
    yield Figure("Memory of the syncer", max(peaks), "MB", "< 1000", "highest resident memory of its process")


def _drained_copies(url: str) -> None:
    statements = [part for table in tpch.TABLES for part in ("-c", f"COPY {table} TO STDOUT (FORMAT csv)")]
    command = [str(bin_dir() / "psql"), "--no-psqlrc", "-d", url, *statements]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _sync(url: str) -> tuple[float, float]:
    """Sync into a lake that is new, as a first sync is. Returns: seconds, MB."""
    data_dir = bench_folder() / "sync"
    shutil.rmtree(data_dir, ignore_errors=True)
    variables = {"SOURCE_POSTGRES_DATABASE_URL": url, "DESTINATION_SCHEMA_NAME": "public"}
    start = time.perf_counter()
    with program("syncer", {**lake_variables(data_dir), **variables}, quiet=True) as syncer:
        with PeakMemory(psutil.Process(syncer.pid)) as memory:
            while syncer.poll() is None:
                memory.look()
                time.sleep(0.02)
        duration = time.perf_counter() - start
        if syncer.returncode != 0:
            raise SystemExit("the syncer failed")
    return duration, memory.peak_mb[0]
