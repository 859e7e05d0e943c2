"""Who may log in can change between two starts, and while the twin runs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from pgserver.twin.cluster import Twin
from tests.integration.twin.conftest import Settings
from tests.support.twin_tables import table

ORDERS = table("public", "orders", {"id": "integer"})


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def read(twin: Twin, user: str, password: str | None = None) -> object:
    with psycopg.connect(
        host=str(twin.socket_path.parent), user=user, password=password, dbname=twin.database
    ) as connection:
        return connection.execute("SELECT count(*) FROM orders").fetchone()


def test_a_role_that_is_there_already_can_read_under_another_configuration(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    configured = Settings(user="owner", password=SecretStr("o"))
    for settings, users in ((configured, {"reader": "r"}), (Settings(), None), (configured, {"reader": "r"})):
        twin = Twin(settings, tmp_path / "twin", users)
        runner.run(twin.start())
        try:
            runner.run(twin.apply([ORDERS]))
            runner.run(twin.ensure_role("reader"))
            assert read(twin, "reader", "r") == (0,)
        finally:
            runner.run(twin.stop())


def test_users_change_while_it_runs(runner: asyncio.Runner, tmp_path: Path) -> None:
    twin = Twin(Settings(user="owner", password=SecretStr("o")), tmp_path / "twin", {"a": "1", "b": "2"})
    runner.run(twin.start())
    try:
        runner.run(twin.apply([ORDERS]))
        runner.run(twin.set_users({"b": "3", "c": "4"}))
        for user, password in (("owner", "o"), ("b", "3"), ("c", "4")):
            assert read(twin, user, password) == (0,)
        for user, password in (("a", "1"), ("b", "2")):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                read(twin, user, password)
    finally:
        runner.run(twin.stop())
