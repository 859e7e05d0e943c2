"""The lock files: every dependency, pinned by hash, and no address in them."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-dev.lock")
ALL_LOCKS = (*LOCKS, "tests/integration/clients/dbt/requirements.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned(lock: str) -> dict[str, Requirement]:
    lines = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    requirements = [Requirement(line.split(" --hash", 1)[0]) for line in lines if line and line[0] not in " #"]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


@pytest.mark.parametrize("lock", ALL_LOCKS)
def test_every_requirement_is_pinned_by_version_and_hash(lock: str) -> None:
    entries = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    entries = [entry for entry in entries if entry and entry[0] not in " #"]
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+( ; .+?)? +--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", ALL_LOCKS)
def test_no_address_in_the_lock(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    assert "--trusted-host" not in text


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["dependencies"]),
        (
            "requirements-dev.lock",
            [
                *PROJECT["dependencies"],
                *PROJECT["optional-dependencies"]["dev"],
                *PROJECT["optional-dependencies"]["sample"],
            ],
        ),
    ],
)
def test_the_lock_has_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    versions = pinned(lock)
    for requirement in map(Requirement, wanted):
        (pin,) = versions[canonicalize_name(requirement.name)].specifier
        assert requirement.specifier.contains(pin.version), f"{lock}: {requirement} but {pin}"


def test_both_locks_agree() -> None:
    runtime, development = pinned(LOCKS[0]), pinned(LOCKS[1])
    assert {name: str(pin) for name, pin in runtime.items()}.items() <= {
        name: str(pin) for name, pin in development.items()
    }.items()


def test_extensions_are_of_duckdbs_version() -> None:
    versions = pinned("requirements-dev.lock")
    extensions = [name for name in versions if name.startswith("duckdb-extension-")]
    assert len(extensions) == 6
    assert {str(versions[name].specifier) for name in extensions} == {str(versions["duckdb"].specifier)}


def test_the_package_that_has_our_import_name_is_not_installed() -> None:
    assert "pgserver" not in pinned("requirements-dev.lock")
