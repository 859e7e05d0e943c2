"""dbt-postgres: debug, show, test, docs, and run of a model that selects. It lives in an environment of its own.

Its `pathspec<0.13` and mypy's `pathspec>=1` exclude each other: `make test-all` installs it from dbt/requirements.lock.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Source
from tests.support.programs import Program, environment

PROJECT = Path(__file__).parent / "dbt"
PYTHON = Path(sys.prefix) / "dbt" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,  # its environment takes longer to install than it takes to run
    pytest.mark.skipif(not PYTHON.exists(), reason=f"no dbt in {PYTHON.parents[1]}: `make test-all` puts it there"),
    pytest.mark.timeout(300),  # of a machine that does much else
]

REVENUE = """
    SELECT c_mktsegment, count(*), sum(o_totalprice), min(o_orderdate), NULL
    FROM orders JOIN customer ON o_custkey = c_custkey GROUP BY 1 ORDER BY 1
"""


@pytest.fixture(scope="module")
def report(server: Program, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dbt says of each command of dbt/run.py."""
    folder = tmp_path_factory.mktemp("dbt")
    project = shutil.copytree(PROJECT, folder / "project")
    variables = {"TEST_PORT": str(server.port), "TEST_DATABASE": server.database, "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [str(PYTHON), str(PROJECT / "run.py"), str(project), str(folder / "made")],
        cwd=project,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_debug_connects(report: dict[str, Any]) -> None:
    assert report["debug"] == {"success": True, "error": "", "nodes": []}


def test_show_gives_the_rows(report: dict[str, Any], source: Source) -> None:
    with psycopg.connect(source.url) as connection:
        expected = [[str(cell) for cell in row] for row in connection.execute(REVENUE)]
    assert report["show"] == {"success": True, "error": "", "nodes": [["revenue", "success", None, expected]]}


def test_data_tests_pass(report: dict[str, Any]) -> None:
    assert report["test"]["success"], report["test"]
    assert [status for _, status, *_ in report["test"]["nodes"]] == ["pass"] * 4


def test_run_of_a_model_that_selects(report: dict[str, Any]) -> None:
    assert report["run"] == {"success": True, "error": "", "nodes": [["revenue", "success", "SELECT 5", None]]}


def test_docs_read_the_catalog(report: dict[str, Any]) -> None:
    assert report["docs"] == {"success": True, "error": "", "nodes": []}


def test_an_error_is_said_and_the_commands_after_it_work(report: dict[str, Any]) -> None:
    assert not report["failing"]["success"]
    assert "division by zero" in report["failing"]["error"]


@pytest.mark.xfail(reason="nothing is written to the lake yet", strict=True, raises=AssertionError)
@pytest.mark.parametrize("kind", ["view", "table"])
def test_run_of_a_model_that_is_made(kind: str, report: dict[str, Any]) -> None:
    assert report[kind]["success"]
