"""A wrong rule, a node without a rule, an emitter that fails: the bridge answers; there is a log line and a count."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import free_port
from tests.support.servers import Server, running

# Python runs this at its start, before the server's own first line.
BREAKS = """
from pgserver.emit.nodes.expressions import NODES
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.rules import built, renamed

def fails(call):
    raise KeyError("a fault")

FUNCTIONS["upper(text)"] = renamed("upper(text)", to="no_such_function")
FUNCTIONS["md5(text)"] = built("md5(text)", fails)
del NODES["NULLTEST"]
"""


@pytest.fixture(scope="module")
def http_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(own_lake: dict[str, str], http_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("breaks"))
    (folder / "sitecustomize.py").write_text(BREAKS)
    variables = own_lake | {"PYTHONPATH": str(folder), "BEMIDB_HTTP_PORT": str(http_port)}
    with running(variables, free_port(), folder / "server.log") as server:
        yield server


@pytest.mark.parametrize(
    ("expression", "event", "named", "failures"),
    [
        ("upper(n_name)", "rule_failed", "upper(text)", 1),
        ("md5(n_name)", "emitter_failed", "a fault", 1),
        ("n_name IS NULL", "no_rule", "node NULLTEST", 0),
    ],
)
def test_the_bridge_answers(
    expression: str, event: str, named: str, failures: int, server: Server, http_port: int
) -> None:
    before, counted = server.log.stat().st_size, rule_failures(http_port)
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(f"SELECT {expression} FROM nation WHERE n_nationkey = 0".encode()).fetchone()
        relayed = f"SELECT {expression} FROM (VALUES ('ALGERIA'::char(25))) AS nation (n_name)"
        assert row == connection.execute(relayed.encode()).fetchone()
    log = server.log.read_bytes()[before:].decode()
    assert log.count(event) == 1
    assert named in log
    assert "bridge_taken" in log
    assert rule_failures(http_port) == counted + failures


def test_a_fault_in_a_condition_is_no_failure_of_the_bridge(server: Server, http_port: int) -> None:
    counted = rule_failures(http_port)
    with psycopg.connect(server.url()) as connection:
        statement = "SELECT n_name::text FROM nation WHERE md5(n_name) > 'f' AND n_nationkey < 9 ORDER BY 1"
        rows = connection.execute(statement.encode()).fetchall()
        keys = connection.execute("SELECT n_nationkey, n_name::text FROM nation WHERE n_nationkey < 9").fetchall()
        values = ", ".join(f"({key}, '{name}'::char(25))" for key, name in keys)
        relayed = statement.replace("nation", f"(VALUES {values}) nation (n_nationkey, n_name)", 1)
        assert rows == connection.execute(relayed.encode()).fetchall()
        assert 0 < len(rows) < len(keys)
    assert rule_failures(http_port) == counted + 2


def rule_failures(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("bemidb_rule_failures_total")))
