"""Fixtures for every test: one PostgreSQL and one S3 server per test session."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from psycopg import sql

from catalog.postgres import PrivatePostgres

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
    """A moto server on loopback: checks no signatures, keeps all in memory."""

    host: str
    port: int
    region: str = "eu-central-1"
    access_key_id: str = "AKIATESTKEY"
    secret_access_key: str = "test-secret"
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
    host, port = server.get_host_and_port()
    yield S3Server(host, port)
    server.stop()
