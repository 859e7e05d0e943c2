"""pgbench: scripts that select and check what they find, by every kind of statement and in pipelines."""

import re
import subprocess
from pathlib import Path

import pytest

from catalog.postgres import bin_dir
from tests.conftest import Source
from tests.support.programs import Program

# `\gset` brings a result into the next statement; 1/0 where the two disagree ends the client.
SCRIPT = r"""
\set key random(1, 1500)
SELECT count(*) AS orders, coalesce(sum(o_totalprice), 0) AS total FROM orders WHERE o_custkey = :key \gset
SELECT 1 / (count(*) = :orders::int8)::int FROM orders JOIN customer ON c_custkey = o_custkey WHERE c_custkey = :key;
\if :orders > 0
SELECT o_orderkey, o_totalprice FROM orders WHERE o_custkey = :key ORDER BY o_totalprice DESC LIMIT 1 \gset
SELECT 1 / (:o_totalprice::numeric <= :total::numeric AND :o_orderkey::int8 > 0)::int;
\endif
"""
PIPELINE = r"""
\startpipeline
SELECT count(*) FROM region;
SELECT n_name FROM nation WHERE n_nationkey = 7;
SELECT 1 / (count(*) = 25)::int FROM nation;
\endpipeline
"""


def pgbench(url: str, script: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(bin_dir() / "pgbench"), "-n", "-f", str(script), *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_every_transaction_of_a_select_script_succeeds(mode: str, server: Program, tmp_path: Path) -> None:
    script = tmp_path / "select.sql"
    script.write_text(SCRIPT)
    done = pgbench(server.url(), script, "-M", mode, "-c", "4", "-j", "2", "-t", "5")
    assert done.returncode == 0, done.stderr
    assert "actually processed: 20/20" in done.stdout
    assert "failed transactions: 0 " in done.stdout


def test_a_pipeline(server: Program, tmp_path: Path) -> None:
    script = tmp_path / "pipeline.sql"
    script.write_text(PIPELINE)
    done = pgbench(server.url(), script, "-M", "prepared", "-c", "2", "-t", "10")
    assert done.returncode == 0, done.stderr
    assert "actually processed: 20/20" in done.stdout


def test_an_error_is_reported_as_postgres_does(source: Source, server: Program, tmp_path: Path) -> None:
    script = tmp_path / "failing.sql"
    script.write_text("SELECT 1 / (n_nationkey - 1) FROM nation;\n")
    said = []
    for url in (source.url, server.url()):
        done = pgbench(url, script, "-t", "1")
        assert done.returncode == 2
        said.append(re.findall(r"ERROR: .*", done.stderr))
    assert said[0]
    assert said[1] == said[0]
