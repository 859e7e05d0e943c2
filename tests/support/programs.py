"""Our programs as child processes of the tests: started with settings of their own, ended by their process id."""

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sample import children
from tests.support import forked

ROOT = Path(__file__).parents[2]
OURS = ("BEMIDB_", "AWS_", "CATALOG_", "SOURCE_POSTGRES_", "DESTINATION_", "PG")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with these variables, and no others that a program of ours would read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PYTHONUNBUFFERED": "1", "AWS_EC2_METADATA_DISABLED": "true", **variables}


def run(module: str, variables: Mapping[str, str], *, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` to its end."""
    return forked.run(module, environment(variables), timeout_s=timeout_s)


@dataclass(frozen=True)
class Program:
    """A running server of ours."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    database: str

    def url(self, user: str = "analyst", **options: str) -> str:
        """Return a libpq URL."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{user}@127.0.0.1:{self.port}/{self.database}" + (f"?{query}" if query else "")

    def log_bytes(self) -> int:
        """Return how long the log is now."""
        return self.log.stat().st_size

    def bridge_reasons(self, offset: int) -> list[str]:
        """Return why statements took the bridge since the log was so long."""
        lines = self.log.read_bytes()[offset:].decode().splitlines()
        return [line.partition("reason=")[2] for line in lines if "bridge_taken" in line]


@contextlib.contextmanager
def server(variables: Mapping[str, str], port: int, log: Path, *, wait_s: float = 60) -> Iterator[Program]:
    """Run `python -m pgserver` until the block is left, and wait until it serves."""
    variables = {"BEMIDB_PORT": str(port), "BEMIDB_DATABASE": "bemidb", **variables}
    with log.open("wb") as output:
        process = children.start(
            "pgserver", cwd=ROOT, env=environment(variables), stdout=output, stderr=subprocess.STDOUT
        )
    program = Program(process, log, port, variables["BEMIDB_DATABASE"])
    try:
        _wait_until_serving(program, wait_s)
        yield program
    finally:
        children.end(process)


def _wait_until_serving(program: Program, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        if program.process.poll() is not None:
            raise AssertionError(f"the server ended with {program.process.returncode}:\n{program.log.read_text()}")
        try:
            psycopg.connect(program.url(), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"not serving: {error}\n{program.log.read_text()}") from error
            select.select([], [], [], 0.05)
        else:
            return
