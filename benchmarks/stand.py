"""What a benchmark measures against: a source PostgreSQL 18, its lake in a local folder, and a server.

The source has TPC-H and, where it is asked for, ClickBench.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import psutil
import psycopg

from catalog.postgres import PrivatePostgres
from sample import hits, tpch
from sample.children import program
from sample.run import SOURCE_SETTINGS

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stand:
    """Two URLs that answer the same statements, and the server's process."""

    source_url: str
    lake_url: str
    server: psutil.Process
    data_dir: Path


def bench_folder() -> Path:
    """Return where sources are kept from run to run: making one takes longer than measuring."""
    return Path(os.environ.get("BEMIDB_DATA_DIR") or ".bemidb").absolute() / "bench"


@contextlib.contextmanager
def source(scale: float, hits_rows: int = 0) -> Iterator[PrivatePostgres]:
    """Run a source, over TCP as our server is asked; made when it is missing."""
    settings = {**SOURCE_SETTINGS, "shared_buffers": "1GB", "max_wal_size": "8GB"}
    folder = bench_folder() / f"source-{name_of(scale, hits_rows)}"
    with PrivatePostgres(folder, port=free_port(), settings=settings) as postgres:
        if not tpch.is_loaded(postgres.url()):
            if hits_rows:
                hits.load(postgres.url(), hits_rows)
            tpch.load(postgres.url(), scale)
        yield postgres


def name_of(scale: float, hits_rows: int) -> str:
    """Return the part of the folders' names that says what they hold."""
    return f"{scale:g}-hits-{hits_rows}" if hits_rows else f"{scale:g}"


def lake_variables(data_dir: Path) -> dict[str, str]:
    """Return the environment of a lake of its own in a folder, whatever the user's variables say."""
    ours = ("CATALOG_", "AWS_", "BEMIDB_", "SOURCE_", "DESTINATION_")
    unset = {name: "" for name in os.environ if name.startswith(ours)}
    return {**unset, "BEMIDB_DATA_DIR": str(data_dir), "BEMIDB_LOG_LEVEL": "warning"}


def sync(url: str, data_dir: Path) -> None:
    """Sync a source into the lake of a folder."""
    variables = {"SOURCE_POSTGRES_DATABASE_URL": url}
    with program("syncer", {**lake_variables(data_dir), **variables}, quiet=True) as syncer:
        if syncer.wait() != 0:
            raise SystemExit("the syncer failed")


@contextlib.contextmanager
def stand(scale: float, hits_rows: int = 0) -> Iterator[Stand]:
    """Sync a source if its lake is missing, and serve it beside the source."""
    data_dir = bench_folder() / f"lake-{name_of(scale, hits_rows)}"
    done = data_dir / "synced"
    port = free_port()
    with source(scale, hits_rows) as postgres:
        if not done.exists():
            sync(postgres.url(), data_dir)
            done.touch()
        # Each statement is to be run, not answered again.
        variables = {**lake_variables(data_dir), "BEMIDB_PORT": str(port), "BEMIDB_RESULT_CACHE_BYTES": "0"}
        with program("pgserver", variables) as server:
            url = f"postgresql://bench@127.0.0.1:{port}/bemidb"
            _wait_until_ready(url, server)
            yield Stand(postgres.url(), url, psutil.Process(server.pid), data_dir)


def duckdb_over_the_same_files(place: Stand, tables: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB in this process, with views of the lake's Parquet files."""
    connection = duckdb.connect()
    connection.execute("SET parquet_metadata_cache = true")
    for table in tables:
        files = [str(path) for path in place.data_dir.rglob("*.parquet") if table in path.parts]
        if not files:
            raise SystemExit(f"no Parquet files of {table} in {place.data_dir}")
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet({files!r})")
    return connection


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return
        time.sleep(0.05)
    raise SystemExit("the server did not become ready")


class PeakMemory:
    """The highest resident memory of processes while a block runs, asked for by calling `look`."""

    def __init__(self, *processes: psutil.Process) -> None:
        """Args: each is watched on its own, without its children."""
        self._processes = processes
        self.peak_mb = [0.0 for _ in processes]

    def look(self) -> None:
        """Ask once."""
        for number, process in enumerate(self._processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.peak_mb[number] = max(self.peak_mb[number], process.memory_info().rss / 1e6)

    def __enter__(self) -> Self:
        """Look at the start."""
        self.look()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Look at the end."""
        self.look()
