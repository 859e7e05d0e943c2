"""What an operator got wrong: exit code 2 and one line that names the variable; no stack trace, no secret."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from catalog.postgres import PrivatePostgres
from tests.conftest import S3Server, Source, free_port
from tests.support import programs
from tests.support.programs import Program

SECRET = "s3cret-pass"
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT")
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    """A PostgreSQL that asks for passwords."""
    folder = Path(tmp_path_factory.mktemp("guarded"))
    with PrivatePostgres(folder, port=free_port(), hba=HBA, settings={"fsync": "off"}) as cluster:
        socket_url = f"postgresql://postgres@/postgres?host={cluster.socket_folder}&port={cluster.port}"
        with psycopg.connect(socket_url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE app LOGIN PASSWORD '{SECRET}'".encode())
        yield cluster


def refused(module: str, variables: dict[str, str], *names: str) -> None:
    done = programs.run(module, variables, timeout_s=60)
    output = done.stdout + done.stderr
    assert done.returncode == 2, output
    lines = [line for line in output.splitlines() if line and not LOG_LINE.match(line)]
    assert len(lines) == 1, output
    assert any(name in lines[0] for name in names), output
    assert "Traceback" not in output
    assert SECRET not in output
    assert "wrong-pass" not in output


def test_port_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused("pgserver", {"BEMIDB_PORT": port, "BEMIDB_DATA_DIR": str(tmp_path)}, "BEMIDB_PORT")


def test_data_dir_locked_by_another_server(server: Program, lake: dict[str, str]) -> None:
    refused("pgserver", lake | {"BEMIDB_PORT": str(free_port())}, "BEMIDB_DATA_DIR")
    psycopg.connect(server.url()).close()


def test_data_dir_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    variables = {"BEMIDB_DATA_DIR": str(tmp_path / "file"), "BEMIDB_PORT": str(free_port())}
    refused("pgserver", variables, "BEMIDB_DATA_DIR")
    refused("syncer", variables | {"SOURCE_POSTGRES_DATABASE_URL": "postgresql://x@127.0.0.1/x"}, "BEMIDB_DATA_DIR")


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"BEMIDB_PORT": "nope"}, "BEMIDB_PORT"),
        ({"BEMIDB_PORT": "70000"}, "BEMIDB_PORT"),
        ({"BEMIDB_LOG_LEVEL": "loud"}, "BEMIDB_LOG_LEVEL"),
        ({"BEMIDB_HOST": "0.0.0.0"}, "BEMIDB_PASSWORD"),
        ({"BEMIDB_USER": "app"}, "BEMIDB_PASSWORD"),
        ({"CATALOG_DATABASE_URL": f"nonsense:{SECRET}"}, "CATALOG_DATABASE_URL"),
        ({"CATALOG_DATABASE_URL": f"postgresql://u:{SECRET}@[bad/x"}, "CATALOG_DATABASE_URL"),
        ({"AWS_S3_BUCKET": "s3://bucket/x"}, "AWS_S3_BUCKET"),
        ({"AWS_S3_BUCKET": "bucket", "AWS_ACCESS_KEY_ID": "x"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_S3_BUCKET": "bucket", "AWS_SECRET_ACCESS_KEY": SECRET}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_S3_ENDPOINT": "https://x/y/z", "AWS_S3_BUCKET": "bucket"}, "AWS_S3_ENDPOINT"),
    ],
)
def test_settings_of_the_server(variables: dict[str, str], name: str, tmp_path: Path) -> None:
    refused("pgserver", {"BEMIDB_DATA_DIR": str(tmp_path), "BEMIDB_PORT": str(free_port())} | variables, name)


def test_catalog_password_wrong(guarded: PrivatePostgres, tmp_path: Path) -> None:
    url = f"postgresql://app:wrong-pass@127.0.0.1:{guarded.port}/postgres"
    variables = {"CATALOG_DATABASE_URL": url, "BEMIDB_DATA_DIR": str(tmp_path), "BEMIDB_PORT": str(free_port())}
    refused("pgserver", variables, "CATALOG_DATABASE_URL")


def test_catalog_database_missing(guarded: PrivatePostgres, tmp_path: Path) -> None:
    url = f"postgresql://app:{SECRET}@127.0.0.1:{guarded.port}/nope"
    variables = {"CATALOG_DATABASE_URL": url, "BEMIDB_DATA_DIR": str(tmp_path), "BEMIDB_PORT": str(free_port())}
    refused("pgserver", variables, "CATALOG_DATABASE_URL")


def test_bucket_missing(s3: S3Server, tmp_path: Path) -> None:
    variables = s3.environment("no-such-bucket") | {"BEMIDB_DATA_DIR": str(tmp_path)}
    refused("pgserver", variables | {"BEMIDB_PORT": str(free_port())}, "AWS_S3_BUCKET")


def test_source_password_wrong(guarded: PrivatePostgres, tmp_path: Path) -> None:
    url = f"postgresql://app:wrong-pass@127.0.0.1:{guarded.port}/postgres"
    variables = {"BEMIDB_DATA_DIR": str(tmp_path), "SOURCE_POSTGRES_DATABASE_URL": url}
    refused("syncer", variables, "SOURCE_POSTGRES_DATABASE_URL")


def test_source_url_missing_or_malformed(tmp_path: Path) -> None:
    variables = {"BEMIDB_DATA_DIR": str(tmp_path)}
    refused("syncer", variables, "SOURCE_POSTGRES_DATABASE_URL")
    url = f"mysql://u:{SECRET}@x/y"
    refused("syncer", variables | {"SOURCE_POSTGRES_DATABASE_URL": url}, "SOURCE_POSTGRES_DATABASE_URL")


@pytest.mark.parametrize(
    ("patterns", "name"),
    [
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "public.nope"}, "SOURCE_POSTGRES_INCLUDE_TABLES"),
        (
            {"SOURCE_POSTGRES_INCLUDE_TABLES": "public.*", "SOURCE_POSTGRES_EXCLUDE_TABLES": "public.x"},
            "SOURCE_POSTGRES_INCLUDE_TABLES",
        ),
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "region"}, "SOURCE_POSTGRES_INCLUDE_TABLES"),
        ({"DESTINATION_SCHEMA_NAME": "pg_mine"}, "DESTINATION_SCHEMA_NAME"),
    ],
)
def test_settings_of_the_syncer(patterns: dict[str, str], name: str, source: Source, tmp_path: Path) -> None:
    variables = {"BEMIDB_DATA_DIR": str(tmp_path), "SOURCE_POSTGRES_DATABASE_URL": source.admin_url}
    refused("syncer", variables | patterns, name)


def test_garbage_on_the_port_closes_and_harms_nobody(server: Program) -> None:
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\0",
        b"\x7f\xff\xff\xff",
        bytes(range(256)),
        b"\x16\x03\x01\x02\0",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    psycopg.connect(server.url()).close()
