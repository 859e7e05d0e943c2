"""A server of ours with settings of a test's own; ready when it says so in its log."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sample import children
from tests.support.programs import ROOT, environment, run


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def url(self, user: str = "analyst", password: str = "", **options: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        login = f"{user}:{password}" if password else user
        return f"postgresql://{login}@127.0.0.1:{self.port}/bemidb" + (f"?{query}" if query else "")

    def signal(self, number: int = signal.SIGTERM) -> None:
        os.kill(self.process.pid, number)

    def wait_for_log(self, text: str, seconds: float = 60) -> None:
        wait_until(lambda: text in self.log.read_text(), seconds, what=text)

    def exit_code(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)


def wait_until(condition: Callable[[], bool], seconds: float = 60, *, what: str = "condition") -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        select.select([], [], [], 0.02)


@contextlib.contextmanager
def running(variables: Mapping[str, str], port: int, log: Path, *, wait_s: float = 60) -> Iterator[Server]:
    """Run `python -m pgserver` until the block is left."""
    variables = {"BEMIDB_PORT": str(port), "BEMIDB_DATABASE": "bemidb", **variables}
    with log.open("wb") as output:
        process = children.start(
            "pgserver", cwd=ROOT, env=environment(variables), stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(process, log, port)
    try:
        wait_until(lambda: process.poll() is not None or "listening" in log.read_text(), wait_s, what="listening")
        assert process.poll() is None, f"ended with {process.returncode}:\n{log.read_text()}"
        yield server
    finally:
        children.end(process)


def start_fails(variables: Mapping[str, str], *, seconds: float = 60) -> str:
    """Run a server that must not start; return what it says."""
    done = run("pgserver", variables, timeout_s=seconds)
    assert done.returncode == 2, done.stderr
    return done.stderr.strip()
