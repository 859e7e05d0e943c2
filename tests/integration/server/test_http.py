"""/health, /ready, /metrics, and the lines of the log that an operator reads."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.conftest import free_port
from tests.integration.server.test_cancel import QUICK
from tests.support.raw import Wire, query, sqlstates
from tests.support.servers import Server, start_fails, wait_until


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(port: int) -> dict[str, float]:
    lines = get(port, "/metrics")[1].splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


@pytest.fixture(scope="module")
def http_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def level_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("level") / "level"
    file.write_text("info\n")
    return file


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], http_port: int, level_file: Path) -> Server:
    return make_server(
        BEMIDB_HTTP_PORT=str(http_port),
        BEMIDB_LOG_FORMAT="json",
        BEMIDB_LOG_MIN_DURATION_MS="300",
        BEMIDB_LOG_LEVEL_FILE=str(level_file),
        BEMIDB_MAX_CONNECTIONS="2",
        BEMIDB_DRAIN_SECONDS="5",
    )


def events(server: Server, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


def test_a_server_that_serves_says_so(server: Server, http_port: int) -> None:
    assert server.process.poll() is None
    wait_until(lambda: get(http_port, "/ready")[0] == 200)
    assert get(http_port, "/health") == (200, "ok\n")
    assert get(http_port, "/other")[0] == 404


def test_what_happens_is_counted(server: Server, http_port: int) -> None:
    before = values(http_port)

    def gained(name: str) -> float:
        return values(http_port)[name] - before.get(name, 0)

    with Wire(server.port) as first, Wire(server.port) as second:
        first.log_in()
        second.log_in()
        first.send(query(QUICK))
        first.until()
        first.send(query("SELECT 1/0"))
        first.until()
        second.send(query("BEGIN"))
        second.until()
        with Wire(server.port) as third:
            assert sqlstates(third.log_in()) == ["53300"]
        now = values(http_port)
        assert now['bemidb_connections_open{state="idle"}'] == 1
        assert now['bemidb_connections_open{state="idle_in_transaction"}'] == 1
    assert gained('bemidb_query_total{sqlstate_class="00",status="success"}') == 2
    assert gained('bemidb_query_total{sqlstate_class="22",status="error"}') == 1
    assert gained('bemidb_query_duration_seconds_count{way="lake"}') == 1
    assert gained("bemidb_first_row_seconds_count") == 1
    assert gained("bemidb_rows_sent_total") == 1
    assert gained("bemidb_read_bytes_total") > 0
    assert gained("bemidb_connections_total") == 2
    assert gained('bemidb_connections_rejected_total{reason="too_many_connections"}') == 1
    assert now["bemidb_tables"] > 8
    assert now["bemidb_worker_rss_bytes"] > 10_000_000
    assert now["bemidb_queries_active"] == 0
    assert now["bemidb_queue_wait_seconds_count"] == 0
    assert now["process_open_fds"] > 0
    assert now["bemidb_oldest_snapshot_age_seconds"] > 0


@pytest.mark.parametrize("prepared", [False, True])
def test_a_slow_statement_is_logged_without_its_literals(server: Server, prepared: bool) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        before = len(events(server, "statement_slow"))
        text = "SELECT 'pass\\word', 4711, pg_sleep(0.4) -- and hunter2"
        connection.execute(text.encode(), prepare=prepared)
        wait_until(lambda: len(events(server, "statement_slow")) > before)
    line = events(server, "statement_slow")[-1]
    assert line["statement"] == "SELECT ?, ?, pg_sleep(?)"
    assert isinstance(line["duration_ms"], float)
    assert line["duration_ms"] >= 400
    assert (line["user"], line["sqlstate"], line["executor"]) == ("analyst", "00000", "postgres")


def test_reload_changes_the_level(server: Server, level_file: Path) -> None:
    def ask() -> None:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("SELECT count(*) FROM nation WHERE n_name = 'hunter2'")

    ask()
    assert events(server, "statement_finished") == []
    level_file.write_text("debug\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: events(server, "reloaded") != [])
    ask()
    wait_until(lambda: events(server, "statement_finished") != [])
    started, finished = events(server, "statement_started")[-1], events(server, "statement_finished")[-1]
    assert started["query_id"] == finished["query_id"]
    assert (finished["executor"], finished["rows"], finished["sqlstate"]) == ("lake", 1, "00000")
    level_file.write_text("loud\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: events(server, "reload_failed") != [])
    assert "hunter2" not in server.log.read_text()


def test_ready_turns_before_the_port_closes(server: Server, http_port: int) -> None:
    with Wire(server.port) as wire:
        wire.log_in()
        wire.send(query("BEGIN"))
        wire.until()
        server.signal()
        wait_until(lambda: get(http_port, "/ready") == (503, "draining\n"))
        assert get(http_port, "/health")[0] == 200
        wire.send(query("COMMIT"))
        assert wire.until()[-1] == ("Z", b"I")
    assert server.exit_code() == 0


def test_a_port_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = start_fails({"BEMIDB_DATA_DIR": str(tmp_path / "data"), "BEMIDB_HTTP_PORT": port})
    assert said == f"pgserver: BEMIDB_HTTP_PORT: port {port} is in use; stop the other program, or choose another"
