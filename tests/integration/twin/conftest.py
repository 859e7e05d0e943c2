"""Twins to test with: one for a module, and as many more as a test wants."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from catalog.postgres import bin_dir
from pgserver.twin.cluster import Twin
from pgserver.twin.schema import LakeSchema
from tests.support.twin_tables import Row


@dataclass(frozen=True)
class Settings:
    database: str = "bemidb"
    user: str | None = None
    password: SecretStr | None = None
    max_connections: int = 30
    port: int = 5432


class RunningTwin:
    """A twin and the event loop that it lives on."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.runner = asyncio.Runner()
        self.runner.get_loop()
        self.folder = folder
        self.twin = Twin(settings, folder)
        self.stopped = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    def start(self) -> None:
        self.run(self.twin.start())

    def stop(self) -> None:
        self.stopped = True
        self.run(self.twin.stop())
        self.runner.close()

    def apply(self, *rows: Row) -> LakeSchema:
        schema: LakeSchema = self.run(self.twin.apply(rows))
        return schema

    def connect(self, user: str = "reader", password: str | None = None, database: str | None = None) -> Any:
        """A client's connection."""
        self.run(self.twin.ensure_role(user))
        return psycopg.connect(
            host=str(self.twin.socket_path.parent),
            user=user,
            password=password,
            dbname=database or self.twin.database,
            autocommit=True,
        )

    def query(
        self,
        statement: str,
        parameters: Sequence[object] | None = None,
        *,
        user: str = "reader",
        password: str | None = None,
    ) -> list[Any]:
        """One statement of a client's, closed at once."""
        with self.connect(user, password) as connection:
            rows: list[Any] = connection.execute(statement, parameters).fetchall()
        return rows

    def psql(self, *commands: str) -> str:
        self.run(self.twin.ensure_role("reader"))
        socket_folder = str(self.twin.socket_path.parent)
        command = [str(bin_dir() / "psql"), "-X", "-h", socket_folder, "-U", "reader", "-d", self.twin.database]
        for text in commands:
            command += ["-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def system_identifier(self) -> int:
        """Another one for each cluster ever made."""
        identifier: int = self.query("SELECT system_identifier FROM pg_control_system()")[0][0]
        return identifier

    def postmaster(self) -> int:
        return int((self.folder / "cluster/data/postmaster.pid").read_text().split("\n", 1)[0])


@pytest.fixture
def make_twin(tmp_path: Path) -> Iterator[Callable[..., RunningTwin]]:
    """Starts twins; the same folder unless told otherwise. All are stopped at the end."""
    made: list[RunningTwin] = []

    def make(folder: Path = tmp_path / "data/twin", **settings: Any) -> RunningTwin:
        running = RunningTwin(folder, Settings(**settings))
        made.append(running)
        running.start()
        return running

    yield make
    for running in made:
        if not running.stopped:
            running.stop()


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    running = RunningTwin(tmp_path_factory.mktemp("twin"), Settings())
    running.start()
    yield running
    running.stop()
