"""Drivers of other languages, each by a small program: what it prints of our server it prints of the source.

The programs are under programs/: pgjdbc (Java), node-postgres, pgx (Go), tokio-postgres (Rust). Their packages come
from the registries when the test runs, so it needs the language's tools, and is slow.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Source
from tests.support.programs import Program

PROGRAMS = Path(__file__).parent / "programs"
PGJDBC = "org.postgresql:postgresql:42.7.14"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the program's folder, skipped where the tools are not there."""
    name, *tools = request.param
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"this machine has no {', '.join(missing)}")
    return Path(shutil.copytree(PROGRAMS / name, tmp_path / name))


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stdout


def compare(folder: Path, command: Sequence[str], urls: Sequence[str]) -> None:
    """Run on both; the program has gone through to its end, with the errors that it provokes."""
    expected, found = (run(folder, *command, url).splitlines() for url in urls)
    for what in ("22012", "42703", "57014", "cursor 120350 "):
        assert any(what in line for line in expected), what
    assert found == expected


@pytest.mark.parametrize("folder", [("pgjdbc", "java", "mvn")], indirect=True, ids=["pgjdbc"])
def test_pgjdbc(folder: Path, source: Source, server: Program) -> None:
    run(folder, "mvn", "-q", "-B", "dependency:copy", f"-Dartifact={PGJDBC}", f"-DoutputDirectory={folder}")
    (jar,) = folder.glob("postgresql-*.jar")
    urls = ["jdbc:" + url.replace("analyst@", "") for url in (source.url, server.url())]
    compare(folder, ["java", "-cp", str(jar), "Client.java"], urls)


@pytest.mark.parametrize("folder", [("node", "node", "npm")], indirect=True, ids=["node"])
def test_node_postgres(folder: Path, source: Source, server: Program) -> None:
    run(folder, "npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    compare(folder, ["node", "client.js"], [source.url, server.url()])


@pytest.mark.parametrize("folder", [("pgx", "go")], indirect=True, ids=["pgx"])
def test_pgx(folder: Path, source: Source, server: Program) -> None:
    run(folder, "go", "mod", "tidy")
    run(folder, "go", "build", "-o", "client", ".")
    compare(folder, [str(folder / "client")], [source.url, server.url()])


@pytest.mark.parametrize("folder", [("tokio", "cargo")], indirect=True, ids=["tokio"])
def test_tokio_postgres(folder: Path, source: Source, server: Program) -> None:
    run(folder, "cargo", "build", "--quiet", "--target-dir", str(folder / "built"))
    compare(folder, [str(folder / "built" / "debug" / "client")], [source.url, server.url()])
