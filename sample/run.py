"""The steps of `make run`: a source with TPC-H in it, one sync, and the server."""

import contextlib
import getpass
import os
import socket
import subprocess
import time

from rich.markup import escape

from catalog.errors import OperatorError
from catalog.postgres import PrivatePostgres, bin_dir
from sample.children import program, raise_on_signals
from sample.display import console, loading
from sample.settings import SampleSettings

READY_SECONDS = 60
PSQL_WAIT_SECONDS = 30

# Speed of loading counts here, safety of the source does not: it can be made again.
SOURCE_SETTINGS = {"fsync": "off", "wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "128MB"}

QUERIES = (
    """SELECT l_returnflag, l_linestatus, count(*), sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM lineitem WHERE l_shipdate <= date '1998-09-02' GROUP BY 1, 2 ORDER BY 1, 2;""",
    """SELECT n_name, count(*) AS orders, sum(o_totalprice) AS total
FROM orders JOIN customer ON c_custkey = o_custkey JOIN nation ON n_nationkey = c_nationkey
GROUP BY n_name ORDER BY total DESC LIMIT 5;""",
    """SELECT extract(year FROM o_orderdate) AS year, o_orderpriority, avg(o_totalprice)
FROM orders GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 10;""",
)


def run(settings: SampleSettings) -> int:
    """Serve the sample until Ctrl-C; sync it first if this lake does not have it yet."""
    raise_on_signals()
    _check_port(settings)
    with contextlib.suppress(KeyboardInterrupt):
        if not settings.synced_file.exists():
            exit_code = _fill_lake(settings)
            if exit_code:
                return exit_code
        return _serve(settings)
    console.print("Ended.")
    return 0


def psql(settings: SampleSettings, arguments: list[str]) -> int:
    """Become the wheel's psql, connected to the server that runs on our port."""
    deadline = time.monotonic() + PSQL_WAIT_SECONDS
    while not _is_ready(settings) and time.monotonic() < deadline:
        time.sleep(0.05)
    password = settings.password
    variables = {"PGPASSWORD": password.get_secret_value()} if password else {}
    program_file = str(bin_dir() / "psql")
    try:
        os.execve(program_file, [program_file, *_psql_options(settings), *arguments], {**os.environ, **variables})  # noqa: S606
    except FileNotFoundError as error:
        raise OperatorError("psql", f"{program_file} is missing", "run `make install` again") from error


def _psql_options(settings: SampleSettings) -> list[str]:
    user = settings.user or getpass.getuser()
    return ["-h", settings.connect_host, "-p", str(settings.port), "-U", user, settings.database]


def _check_port(settings: SampleSettings) -> None:
    """Find a taken port before the long work, not after it."""
    family = socket.AF_INET6 if ":" in settings.connect_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.connect_host, settings.port))
        except OSError as error:
            raise OperatorError(
                "BEMIDB_PORT",
                f"{settings.connect_host}:{settings.port} cannot be listened on ({error.strerror})",
                "stop what uses it, or choose another: BEMIDB_PORT=6000 make run",
            ) from error


def _fill_lake(settings: SampleSettings) -> int:
    # Imported here: the generator's DuckDB is not needed, nor its start paid for, by a second run.
    from sample import tpch

    with PrivatePostgres(settings.source_folder, settings=SOURCE_SETTINGS) as source:
        if not tpch.is_loaded(source.url()):
            console.print(f"Making a source PostgreSQL with TPC-H, scale {settings.sample_scale:g}")
            with loading() as progress:
                tpch.load(source.url(), settings.sample_scale, progress)
        console.print("Syncing it into the lake: python -m syncer")
        only_this = {"SOURCE_POSTGRES_INCLUDE_TABLES": "", "SOURCE_POSTGRES_EXCLUDE_TABLES": ""}
        target = {"SOURCE_POSTGRES_DATABASE_URL": source.url(), "DESTINATION_SCHEMA_NAME": "public"}
        with program("syncer", {**only_this, **target}) as syncer:
            exit_code = syncer.wait()
    if exit_code == 0:
        settings.synced_file.touch()
    return exit_code


def _serve(settings: SampleSettings) -> int:
    with program("pgserver") as server:
        if _wait_until_ready(settings, server):
            _greet(settings)
        return server.wait()


def _wait_until_ready(settings: SampleSettings, server: subprocess.Popen[bytes]) -> bool:
    """Wait for a server to take sessions. Returns: False when it ended, or is not ready after a minute."""
    deadline = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if _is_ready(settings):
            return True
        time.sleep(0.02)
    return False


def _is_ready(settings: SampleSettings) -> bool:
    command = [str(bin_dir() / "pg_isready"), "--quiet", "-h", settings.connect_host, "-p", str(settings.port)]
    return subprocess.run(command, check=False).returncode == 0


def _greet(settings: SampleSettings) -> None:
    prefix = "" if settings.port == 5432 else f"BEMIDB_PORT={settings.port} "
    console.print(f"\nServing TPC-H on {settings.connect_host}:{settings.port}. Ctrl-C ends it. To ask it:\n")
    console.print(f"  [bold]psql {' '.join(_psql_options(settings))}[/bold]")
    console.print(
        f"  [bold]{prefix}make psql[/bold]        # the same with the psql that came along\n\nWorth trying:\n"
    )
    for query in QUERIES:
        console.print(escape(query) + "\n")
