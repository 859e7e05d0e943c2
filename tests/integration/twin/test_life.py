"""A twin's starts, ends and deaths."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from catalog.errors import OperatorError
from pgserver.twin import install
from tests.support.twin_tables import primary_key, table

ORDERS = table("public", "orders", {"id": "bigint"}, keys=[primary_key("orders_pkey", "id")], byte_count=77)

OWNER = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from pgserver.twin.cluster import Twin

async def main():
    twin = Twin(SimpleNamespace(
        database="bemidb", user=None, password=None, max_connections=10, port=5432
    ), Path(sys.argv[1]))
    await twin.start()
    print("ready", file=sys.stderr, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def processes_in(folder: Path) -> list[int]:
    """Processes that work in a folder, as PostgreSQL's do."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink().is_relative_to(folder) and runs(int(entry.name)):
                    found.append(int(entry.name))
    return found


def test_a_restart_finds_everything(make_twin: Any) -> None:
    first = make_twin()
    before = first.apply(ORDERS)
    identifier = first.system_identifier()
    first.stop()
    second = make_twin()
    after = second.apply(ORDERS)
    assert second.system_identifier() == identifier
    assert after.tables == before.tables
    assert second.query("SELECT pg_table_size('orders')") == [(77,)]


def test_a_second_server_is_refused(make_twin: Any) -> None:
    first = make_twin()
    with pytest.raises(OperatorError, match="another server uses") as refused:
        make_twin()
    assert refused.value.variable == "BEMIDB_DATA_DIR"
    assert first.query("SELECT 1") == [(1,)]
    first.stop()
    assert make_twin().query("SELECT 1") == [(1,)]


def test_a_folder_that_cannot_be(make_twin: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError) as refused:
        make_twin(tmp_path / "file/twin")
    assert refused.value.variable == "BEMIDB_DATA_DIR"


def test_stop_leaves_no_process(make_twin: Any) -> None:
    running = make_twin()
    assert processes_in(running.folder)
    running.stop()
    wait_until(lambda: not processes_in(running.folder))


def test_a_killed_owner_leaves_no_process_and_can_start_again(make_twin: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data/twin"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stderr=subprocess.PIPE, text=True) as owner:
        assert owner.stderr is not None
        while "ready" not in owner.stderr.readline():
            assert owner.poll() is None
        assert processes_in(folder)
        owner.kill()
    again = make_twin(folder)  # at once: the old cluster may still be there
    assert again.apply(ORDERS).pending == ()
    assert again.query("SELECT count(*) FROM orders") == [(0,)]
    again.stop()
    wait_until(lambda: not processes_in(folder))


def test_a_killed_postmaster_is_back(make_twin: Any) -> None:
    running = make_twin()
    running.apply(ORDERS)
    events: list[str] = []

    async def kill_and_wait() -> None:
        back = asyncio.Event()

        async def on_up() -> None:
            events.append("up")
            back.set()

        task = asyncio.create_task(running.twin.supervise(lambda: events.append("down"), on_up))
        await asyncio.sleep(0.1)
        assert running.twin.alive()
        os.kill(running.postmaster(), signal.SIGKILL)
        await asyncio.wait_for(back.wait(), 60)
        task.cancel()

    running.run(kill_and_wait())
    assert events == ["down", "up"]
    assert running.apply(ORDERS).version == 1
    assert running.query("SELECT pg_table_size('orders')") == [(77,)]
    with pytest.raises(psycopg.OperationalError):
        running.connect("bemidb_admin", "guess")


def test_a_killed_guardian_too(make_twin: Any) -> None:
    running = make_twin()
    postmaster = running.postmaster()
    guardian = int(Path(f"/proc/{postmaster}/stat").read_text().rsplit(")", 1)[1].split()[1])

    async def kill_and_wait() -> None:
        back = asyncio.Event()

        async def on_up() -> None:
            back.set()

        task = asyncio.create_task(running.twin.supervise(on_up=on_up))
        await asyncio.sleep(0.1)
        os.kill(guardian, signal.SIGKILL)
        os.kill(postmaster, signal.SIGKILL)
        await asyncio.wait_for(back.wait(), 60)
        task.cancel()

    running.run(kill_and_wait())
    assert running.postmaster() != postmaster
    assert running.query("SELECT 1") == [(1,)]


def test_a_killed_backend_takes_only_a_moment(make_twin: Any) -> None:
    """PostgreSQL then starts itself anew: all connections end, ours too."""
    running = make_twin()
    running.apply(ORDERS)
    with running.connect() as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            victim.execute("SELECT 1")

    def answers() -> bool:
        try:
            return bool(running.query("SELECT 1") == [(1,)])
        except psycopg.OperationalError:
            return False

    wait_until(answers)
    assert running.apply(ORDERS, table("public", "b", {"i": "integer"})).pending == ()


def test_passwords(make_twin: Any) -> None:
    open_door = make_twin()
    open_door.query("SELECT 1", user="somebody")
    open_door.stop()

    first = make_twin(user="analyst", password=SecretStr("sécret"))
    assert first.query("SELECT current_user", user="analyst", password="sécret") == [("analyst",)]
    for user, password in (("analyst", "wrong"), ("analyst", None), ("somebody", None), ("somebody", "sécret")):
        with pytest.raises(psycopg.OperationalError, match=r"password|supplied"):
            first.connect(user, password)
    with first.connect("analyst", "sécret") as connection:
        connection.execute("ALTER ROLE analyst PASSWORD 'my own'")
    first.stop()

    second = make_twin(user="analyst", password=SecretStr("new"))
    assert second.query("SELECT 1", user="analyst", password="new") == [(1,)]
    for password in ("sécret", "my own"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            second.connect("analyst", password)
    second.stop()

    third = make_twin(user="other", password=SecretStr("new"))
    assert third.query("SELECT 1", user="other", password="new") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        third.connect("analyst", "new")
    third.stop()

    fourth = make_twin()
    assert fourth.query("SELECT current_user", user="analyst") == [("analyst",)]


def test_the_password_is_nowhere_in_the_folder(make_twin: Any) -> None:
    secret = "hunter2-hunter2"
    running = make_twin(user="analyst", password=SecretStr(secret))
    with pytest.raises(psycopg.OperationalError):
        running.connect("analyst", "guess")
    running.connect("analyst", secret).close()
    running.stop()
    admin_password = running.twin.admin_password.encode()
    for file in running.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert secret.encode() not in content, file
            assert admin_password not in content, file


@pytest.mark.parametrize("name", ['we"ird, Näme', "all", "postgres"])
def test_the_database_gets_another_name(make_twin: Any, name: str) -> None:
    first = make_twin()
    first.apply(ORDERS)
    first.stop()
    second = make_twin(database=name)
    assert second.query("SELECT current_database()::text, to_regclass('orders')") == [(name, None)]
    second.apply(ORDERS)
    assert second.query("SELECT pg_database_size(%s)", [name]) == [(77,)]
    assert {row[0] for row in second.query("SELECT datname FROM pg_database")} == {
        name,
        "postgres",
        "template0",
        "template1",
    }
    with pytest.raises(psycopg.OperationalError):
        second.connect(database="bemidb")


def test_other_sql_files_make_the_database_anew(make_twin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_twin()
    first.apply(ORDERS)
    first.stop()
    files = [*install.sql_files(), "CREATE FUNCTION pg_catalog.of_a_later_version() RETURNS int RETURN 1"]
    monkeypatch.setattr(install, "sql_files", lambda: files)
    second = make_twin()
    assert second.query("SELECT of_a_later_version(), to_regclass('orders')") == [(1, None)]
    assert len(second.apply(ORDERS).tables) == 1


def test_a_crash_of_the_machine_makes_the_cluster_anew(make_twin: Any) -> None:
    """It ran without fsync: whatever is on the disk may be torn."""
    first = make_twin()
    first.apply(ORDERS)
    identifier = first.system_identifier()
    first.stop()
    (first.folder / "running_since_boot").write_text("another boot")
    second = make_twin()
    assert second.system_identifier() != identifier
    assert len(second.apply(ORDERS).tables) == 1


def test_a_broken_cluster_is_made_anew(make_twin: Any) -> None:
    first = make_twin()
    first.stop()
    (first.folder / "cluster/data/global/pg_control").write_bytes(b"\0" * 8192)
    assert make_twin().query("SELECT 1") == [(1,)]


def test_temporary_objects_of_killed_sessions_go(make_twin: Any) -> None:
    first = make_twin()
    with contextlib.closing(first.connect()) as user:
        user.execute("CREATE TEMP TABLE own (m int PRIMARY KEY); CREATE TYPE pg_temp.t AS ENUM ('a')")
        os.kill(first.postmaster(), signal.SIGKILL)
        os.kill(user.info.backend_pid, signal.SIGKILL)
    first.stop()
    second = make_twin(user="other", password=SecretStr("x"))
    with second.connect("other", "x") as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^own'").fetchall()
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1").fetchall()
    assert found == []
    assert roles == [("other",), ("postgres",)]


def test_vacuum_keeps_the_catalog_small(make_twin: Any) -> None:
    running = make_twin()

    def litter() -> int:
        with running.connect() as user:
            for _ in range(60):
                user.execute("CREATE TEMP TABLE own (a int, b int, c int, d int, e int, f int, g int, h int, i int)")
                user.execute("DROP TABLE own")
            user.execute("SELECT pg_stat_force_next_flush()")
            size: int = user.execute("SELECT pg_relation_size('pg_attribute')").fetchone()[0]
        running.run(running.twin.vacuum())
        return size

    sizes = [litter() for _ in range(6)]
    assert sizes[5] < sizes[1] * 1.2, sizes  # without: twice as much


def test_a_deep_folder(make_twin: Any, tmp_path: Path) -> None:
    running = make_twin(tmp_path / ("d" * 100) / ("e" * 100) / "twin")
    assert running.query("SELECT 1") == [(1,)]
    assert len(os.fsencode(running.twin.socket_path)) <= 107
