"""The life of a private PostgreSQL: shared, killed, taken over, never orphaned."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.errors import OperatorError
from catalog.postgres import PostgresFailed, PrivatePostgres

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "10"}
USER = """
import sys, time
from pathlib import Path
from catalog.postgres import PrivatePostgres
cluster = PrivatePostgres(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
cluster.start()
sys.stdout.write(f"{cluster.pid}\\n")
sys.stdout.flush()
time.sleep(600)
"""


def cluster_in(folder: Path) -> PrivatePostgres:
    return PrivatePostgres(folder, settings=FAST)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes_of(folder: Path) -> list[int]:
    """Every process that works in the folder or was told of it: postmaster, backends, guardian."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and int(process.name) != os.getpid():
                told = str(folder).encode() in (process / "cmdline").read_bytes()
                if (told or folder in (process / "cwd").readlink().parents) and alive(int(process.name)):
                    found.append(int(process.name))
        except OSError:
            continue
    return found


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def value(cluster: PrivatePostgres) -> int:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped cluster with one row; copied for each test, which is faster than initdb."""
    folder = tmp_path_factory.mktemp("made")
    with cluster_in(folder) as cluster, psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "cluster"
    subprocess.run(["cp", "-a", str(made), str(copy)], check=True)
    yield copy
    eventually(lambda: processes_of(copy) == [])


@pytest.fixture
def user(folder: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts another program that uses the cluster, and waits until it does."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        root = Path(__file__).parents[3]
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_it_starts_serves_and_leaves_nothing_running(folder: Path) -> None:
    cluster = cluster_in(folder)
    cluster.start()
    assert cluster.alive()
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(
            "SELECT current_setting('server_encoding'), datlocprovider, datlocale, current_setting('TimeZone')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8", "Etc/UTC") or row == ("UTF8", "b", "C.UTF-8", "UTC")
    assert (cluster.socket_folder.stat().st_mode & 0o777, cluster.folder.stat().st_mode & 0o777) == (0o700, 0o700)
    pid = cluster.pid
    cluster.stop()
    assert not alive(pid)
    assert processes_of(folder) == []
    assert not cluster.alive()


def test_no_tcp_port_is_opened_unless_asked_for(folder: Path) -> None:
    with cluster_in(folder) as cluster, psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_kill_of_the_only_user_leaves_no_orphan(folder: Path, user: Callable[[], subprocess.Popen[str]]) -> None:
    process = user()
    assert len(processes_of(folder)) > 3
    process.send_signal(signal.SIGKILL)
    process.wait()
    eventually(lambda: processes_of(folder) == [])
    with cluster_in(folder) as cluster:
        assert value(cluster) == 1


def test_two_users_share_one_cluster_until_the_last_is_gone(
    folder: Path, user: Callable[[], subprocess.Popen[str]]
) -> None:
    first = user()
    cluster = cluster_in(folder)
    cluster.start()
    pid = cluster.pid
    first.kill()
    first.wait()
    time.sleep(0.3)
    assert cluster.pid == pid
    assert value(cluster) == 1
    second = user()
    cluster.stop()
    assert alive(pid)
    second.kill()
    second.wait()
    eventually(lambda: not alive(pid))


def test_a_killed_postmaster_is_started_again(folder: Path) -> None:
    with cluster_in(folder) as cluster:
        before = cluster.pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: cluster.alive() and cluster.pid != before)
        assert value(cluster) == 1


def test_a_killed_guardian_takes_postgres_along_and_start_brings_both_back(folder: Path) -> None:
    with cluster_in(folder) as cluster:
        before = cluster.pid
        assert cluster._guardian is not None
        os.kill(cluster._guardian.pid, signal.SIGKILL)
        eventually(lambda: not alive(before))
        cluster.start()
        assert cluster.pid != before
        assert value(cluster) == 1


def test_guardian_and_postmaster_killed_together_do_not_prevent_a_start(folder: Path) -> None:
    cluster = cluster_in(folder)
    cluster.start()
    assert cluster._guardian is not None
    pids = (cluster._guardian.pid, cluster.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in pids))  # a signal sent is not yet a death
    cluster.start()
    assert value(cluster) == 1
    cluster.stop()


def test_a_stale_pid_file_that_names_a_stranger_does_not_prevent_a_start(folder: Path) -> None:
    lines = [str(os.getppid()), str(folder / "data"), "1", "5432", str(folder / "run"), "", "  1  1", "ready   "]
    (folder / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    shutil.copystat(folder / "data" / "PG_VERSION", folder / "data" / "postmaster.pid")
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / ".s.PGSQL.5432").touch()
    (folder / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n")
    with cluster_in(folder) as cluster:
        assert value(cluster) == 1


def test_an_interrupted_initdb_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "c" / "data.new" / "base").mkdir(parents=True)
    with cluster_in(tmp_path / "c") as cluster, psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_long_path_gets_its_socket_elsewhere_and_leaves_nothing_there(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    subprocess.run(["cp", "-a", str(made), str(folder)], check=True)
    with cluster_in(folder) as cluster:
        elsewhere = cluster.socket_folder
        assert value(cluster) == 1
        assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert not elsewhere.exists()
    assert not elsewhere.is_relative_to(folder)


def test_a_user_that_dies_while_starting_leaves_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    for seconds in (0.15, 0.4, 0.8):
        folder = tmp_path / str(seconds)
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        time.sleep(seconds)
        process.kill()
        process.wait()
        eventually(lambda folder=folder: processes_of(folder) == [])
        with cluster_in(folder) as cluster, psycopg.connect(cluster.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_wrong_setting_is_told_with_the_log(folder: Path) -> None:
    cluster = PrivatePostgres(folder, settings={"shared_buffers": "nonsense"})
    with pytest.raises(PostgresFailed, match="shared_buffers"):
        cluster.start()
    assert not cluster.alive()
    with cluster_in(folder) as again:
        assert value(again) == 1


def test_a_folder_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=r"^BEMIDB_DATA_DIR: "):
        cluster_in(tmp_path / "file" / "cluster").start()


def test_hba_is_applied_at_each_start(folder: Path) -> None:
    strict = PrivatePostgres(folder, settings=FAST, hba="local all postgres trust\nlocal all all reject\n")
    with strict as cluster:
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE other LOGIN")
        with pytest.raises(psycopg.OperationalError, match="rejects"):
            psycopg.connect(cluster.url(user="other"))
    with cluster_in(folder) as cluster:
        psycopg.connect(cluster.url(user="other")).close()


def test_a_process_that_wants_more_memory_than_it_may_have_fails_alone(tmp_path: Path) -> None:
    with (
        PrivatePostgres(tmp_path / "pg", process_bytes=1 << 30) as postgres,
        psycopg.connect(postgres.url(), autocommit=True) as connection,
    ):
        with pytest.raises(psycopg.errors.OutOfMemory):
            connection.execute("SELECT " + ", ".join(["repeat('x', 400000000)"] * 4))
        assert connection.execute("SELECT 1").fetchone() == (1,)
