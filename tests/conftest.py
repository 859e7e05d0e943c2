"""Fixtures for every test: one PostgreSQL and one S3 server per test session."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from moto.server import ThreadedMotoServer
from psycopg import sql

from catalog.postgres import PrivatePostgres
from tests.support import programs
from tests.support import source as the_source

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@dataclass
class PostgresServer:
    """The embedded PostgreSQL of the test session, reachable by TCP and by its unix socket."""

    cluster: PrivatePostgres
    _names: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres", user: str | None = None) -> str:
        return self.cluster.url(database, user)

    def new_database(self, prefix: str = "test") -> str:
        """Make an empty database and return its URL."""
        name = f"{prefix}_{next(self._names)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)


@dataclass(frozen=True)
class S3Server:
    """A moto server on loopback: checks no signatures, keeps all in memory. `requests`: how many came, by method."""

    host: str
    port: int
    region: str = "eu-central-1"
    access_key_id: str = "AKIATESTKEY"
    secret_access_key: str = "test-secret"
    requests: Counter[str] = field(default_factory=Counter)
    _names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def new_bucket(self, prefix: str = "lake") -> str:
        """Make an empty bucket and return its name."""
        name = f"{prefix}-{next(self._names)}"
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        return name

    def environment(self, bucket: str) -> dict[str, str]:
        """The variables that make a program of ours use this bucket."""
        return {
            "AWS_S3_BUCKET": bucket,
            "AWS_S3_ENDPOINT": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


def free_port() -> int:
    """Ask the kernel for a port; another process may still be faster."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    folder = Path(tmp_path_factory.mktemp("postgres"))
    settings = FAST | {"max_connections": "200", "wal_level": "logical"}
    with PrivatePostgres(folder, port=free_port(), settings=settings) as cluster:
        yield PostgresServer(cluster)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    s3_server = S3Server(*server.get_host_and_port())
    listener = server._server
    assert listener is not None
    answer = listener.app

    def count(environment: Any, start_response: Any) -> Any:
        s3_server.requests[environment["REQUEST_METHOD"]] += 1
        return answer(environment, start_response)

    listener.app = count
    yield s3_server
    server.stop()


@dataclass(frozen=True)
class Source:
    """The PostgreSQL that is synced and compared with: TPC-H in `public`, odd values in `nasty`, ClickBench."""

    admin_url: str
    url: str  # of `analyst`, who may read
    database: str


@pytest.fixture(scope="session")
def source(postgres: PostgresServer) -> Source:
    the_source.load(postgres.cluster)
    return Source(
        postgres.url(the_source.DATABASE), postgres.url(the_source.DATABASE, the_source.USER), the_source.DATABASE
    )


def sync(source: Source, variables: dict[str, str]) -> dict[str, str]:
    """Sync all tables of the source; return the variables that open the lake."""
    done = programs.run("syncer", variables | {"SOURCE_POSTGRES_DATABASE_URL": source.admin_url}, timeout_s=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return variables


@pytest.fixture(scope="session")
def lake(source: Source, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a lake in a local folder that holds all tables of the source."""
    return sync(source, {"BEMIDB_DATA_DIR": str(tmp_path_factory.mktemp("lake"))})


@pytest.fixture(scope="session")
def lake_s3(source: Source, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a lake on S3 that holds all tables of the source."""
    variables = s3.environment(s3.new_bucket()) | {"BEMIDB_DATA_DIR": str(tmp_path_factory.mktemp("lake_s3"))}
    return sync(source, variables)


@pytest.fixture(scope="session")
def server(
    lake: dict[str, str], source: Source, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[programs.Program]:
    """A server of ours over the local lake."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with programs.server(lake | {"BEMIDB_DATABASE": source.database}, free_port(), log) as program:
        yield program


@pytest.fixture(scope="session")
def server_s3(
    lake_s3: dict[str, str], source: Source, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[programs.Program]:
    """A server of ours over the lake on S3."""
    log = tmp_path_factory.mktemp("server_s3") / "server.log"
    with programs.server(lake_s3 | {"BEMIDB_DATABASE": source.database}, free_port(), log) as program:
        yield program
