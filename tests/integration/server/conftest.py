"""Servers of these tests: one with passwords, TLS and small limits; more with whatever a test wants."""

from pathlib import Path

import pytest

from tests.support import certificates
from tests.support.certificates import Certificate
from tests.support.lakes import make_server, own_lake

OWNER, ANALYST = "owner-secret", "analyst secret"
LOGIN_S = 3


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("users") / "users.txt"
    file.write_text(f'; people\n"analyst" "{ANALYST}"\n')
    return file


__all__ = ["certificate", "make_server", "own_lake", "users_file"]
