"""The image cannot be built in a test; its file is parsed, and what its commands run is run."""

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENTRYPOINT = ROOT / "docker" / "entrypoint.sh"


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def values(name: str) -> list[str]:
    return [value for instruction, value in instructions() if instruction == name]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [str(ENTRYPOINT), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_only_known_instructions() -> None:
    known = {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
    assert {name for name, _ in instructions()} <= known | {"ENTRYPOINT", "CMD"}
    assert instructions()[0][0] == "FROM"


def test_two_slim_stages_and_the_second_takes_the_first_ones_environment() -> None:
    build, final = values("FROM")
    assert build.endswith("-slim AS build")
    assert final.endswith("-slim")
    assert any(value.startswith("--from=build ") for value in values("COPY"))
    assert "--require-hashes" in " ".join(values("RUN"))


def test_it_does_not_run_as_root_and_nothing_needs_root_after_that() -> None:
    (user,) = values("USER")
    assert user not in ("root", "0")
    assert f" {user}" in " ".join(values("RUN"))
    after = [name for name, _ in instructions()][[name for name, _ in instructions()].index("USER") :]
    assert not {"RUN", "COPY"} & set(after)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    sources = [source for value in values("COPY") if "--from" not in value for source in value.split()[:-1]]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert {"catalog", "pgserver", "syncer"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source


def test_nothing_else_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!requirements.lock",
        "!catalog",
        "!pgserver",
        "!syncer",
        "!docker/entrypoint.sh",
    }


def test_start_command_and_healthcheck_are_commands_of_the_entrypoint() -> None:
    assert [json.loads(value) for value in values("ENTRYPOINT")] == [[ENTRYPOINT.name]]
    commands = set(re.findall(r"^    ([a-z-]+)\)", ENTRYPOINT.read_text(), re.MULTILINE))
    assert commands == {"server", "syncer-postgres", "healthcheck"}
    (start,) = (json.loads(value) for value in values("CMD"))
    assert start[0] in commands
    (check,) = values("HEALTHCHECK")
    assert json.loads(check.split(" CMD ", 1)[1]) == [ENTRYPOINT.name, "healthcheck"]


@pytest.mark.parametrize(("command", "program"), [("server", "pgserver"), ("syncer-postgres", "syncer")])
def test_commands_run_their_program(command: str, program: str) -> None:
    shown = run(command, "--help")
    assert shown.returncode == 0, shown.stderr
    assert program in shown.stdout


def test_the_images_address_needs_a_password() -> None:
    refused = run("server", BEMIDB_HOST="0.0.0.0", BEMIDB_USER="", BEMIDB_PASSWORD="")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "BEMIDB_PASSWORD" in refused.stderr


def test_healthcheck_fails_where_nothing_listens() -> None:
    assert run("healthcheck", BEMIDB_PORT="1").returncode == 2  # pg_isready: no response


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    refused = run("serve")
    assert refused.returncode == 2
    assert "syncer-postgres" in refused.stderr
