"""`make run` as a user has it: synced and served at the first run, only served at the second, nothing left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 90

pytestmark = pytest.mark.timeout(240)


class Sample:
    """`python -m sample` in a data folder of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        ours = ("CATALOG_", "AWS_", "BEMIDB_", "SOURCE_", "DESTINATION_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "BEMIDB_DATA_DIR": str(data_dir),
            "BEMIDB_PORT": str(self.port),
            "BEMIDB_SAMPLE_SCALE": "0.01",
            "PYTHONUNBUFFERED": "1",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Run until it serves; give the process and what it has printed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "sample"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
        watchdog.start()
        assert process.stdout is not None
        drain = threading.Thread(target=process.stdout.read)
        try:
            printed = ""
            while "Worth trying" not in printed:
                line = process.stdout.readline()
                assert line, f"ended too early:\n{printed}"
                printed += line
            drain.start()
            yield process, printed
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT_SECONDS)
            if drain.ident is not None:
                drain.join()
            process.stdout.close()
            watchdog.cancel()

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(f"postgresql://somebody@127.0.0.1:{self.port}/bemidb") as connection:
            return connection.execute(sql.encode()).fetchall()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A sample after its first run."""
    sample = Sample(tmp_path_factory.mktemp("sample"))
    with sample.running() as (process, printed):
        assert "python -m syncer" in printed
        assert f"-p {sample.port}" in printed
        assert sample.ask("SELECT count(*) FROM nation") == [(25,)]
        ours = psutil.Process(process.pid).children(recursive=True)
        assert ours
    assert process.returncode == 0
    _, alive = psutil.wait_procs(ours, timeout=60)
    assert alive == []
    return sample


def test_the_first_run_syncs_and_the_second_only_serves(synced: Sample) -> None:
    with synced.running() as (process, printed):
        assert "Making a source" not in printed
        assert "python -m syncer" not in printed
        assert synced.ask("SELECT count(*) FROM region") == [(5,)]
        commands = [" ".join(child.cmdline()) for child in psutil.Process(process.pid).children(recursive=True)]
        assert not any("source-" in command for command in commands)
    assert process.returncode == 0


def test_a_killed_run_leaves_no_process(synced: Sample) -> None:
    with synced.running() as (process, _):
        ours = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(ours, timeout=60)
        assert alive == []


def test_a_taken_port_is_told_before_any_work(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", sample.port))
        taken.listen()
        ended = subprocess.run(
            [sys.executable, "-m", "sample"],
            cwd=ROOT,
            env=sample.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("BEMIDB_PORT: ")
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
