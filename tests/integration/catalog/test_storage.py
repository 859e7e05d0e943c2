"""The warehouse in a bucket and in a folder, and what an operator is told when it cannot be used."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.io import load_file_io

from catalog.errors import NotReachable, OperatorError
from catalog.settings import CatalogSettings
from catalog.storage import S3Credentials, Warehouse

Answer = tuple[int, dict[str, str], bytes]


def error(status: int, code: str, **headers: str) -> Answer:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>secret-looking</Message></Error>'
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body.encode()


@pytest.fixture
def store() -> Iterator[Callable[[Answer], CatalogSettings]]:
    """A server that gives one answer to everything."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> CatalogSettings:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return bucket_settings(f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def bucket_settings(endpoint: str, bucket: str = "lake", **more: Any) -> CatalogSettings:
    keys = {"s3_access_key_id": "AKIA", "s3_secret_access_key": "very-secret", "s3_region": "eu-west-1"}
    return CatalogSettings(s3_bucket=bucket, s3_endpoint=endpoint, **keys | more)


@pytest.mark.parametrize(
    ("answer", "variable", "words"),
    [
        (error(404, "NoSuchBucket"), "AWS_S3_BUCKET", "lake does not exist"),
        (error(403, "AccessDenied"), "AWS_ACCESS_KEY_ID", "denied"),
        (error(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID", "does not know this key"),
        (error(401, "Unauthorized"), "AWS_ACCESS_KEY_ID", "does not know this key"),
        (error(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY", "does not belong"),
        (error(400, "ExpiredToken"), "AWS_SESSION_TOKEN", "expired"),
        (error(301, "PermanentRedirect", x_amz_bucket_region="us-west-2"), "AWS_REGION", "set it to us-west-2"),
        ((200, {"Content-Type": "text/html"}, b"<html><body>It works!"), "AWS_S3_ENDPOINT", "web page"),
        ((404, {"Content-Type": "text/html"}, b"<html>nginx</html>"), "AWS_S3_ENDPOINT", "web page"),
        ((405, {}, b""), "AWS_S3_ENDPOINT", "see that it is an S3 endpoint"),
    ],
)
def test_a_refusal_names_the_variable_and_no_secret(
    store: Callable[[Answer], CatalogSettings], answer: Answer, variable: str, words: str
) -> None:
    with pytest.raises(OperatorError) as raised:
        Warehouse.open(store(answer)).check()
    assert raised.value.variable == variable
    assert words in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "answer", [error(503, "SlowDown"), error(500, "InternalError"), (502, {"Content-Type": "text/html"}, b"<html>")]
)
def test_a_store_in_trouble_is_waited_for(store: Callable[[Answer], CatalogSettings], answer: Answer) -> None:
    with pytest.raises(NotReachable, match="AWS_S3_ENDPOINT"):
        Warehouse.open(store(answer)).check()


def test_a_closed_port_is_waited_for() -> None:
    with pytest.raises(NotReachable, match="does not answer"):
        Warehouse.open(bucket_settings("http://127.0.0.1:1")).check()


def test_a_host_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(OperatorError, match="AWS_S3_ENDPOINT"):
        Warehouse.open(bucket_settings("http://no-such-host.invalid")).check()


def test_an_endpoint_without_its_scheme_is_tried_with_tls(s3: Any) -> None:
    with pytest.raises(OperatorError, match="write http:// before it"):
        Warehouse.open(bucket_settings(s3.endpoint.removeprefix("http://"))).check()


def test_a_bucket_is_checked_and_used_with_path_style(s3: Any) -> None:
    bucket = s3.new_bucket()
    settings = bucket_settings(s3.endpoint, bucket)
    warehouse = Warehouse.open(settings)
    warehouse.check(write=True)
    assert warehouse.location == f"s3://{bucket}/iceberg"
    assert s3.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0, "the check leaves nothing"
    location = f"{warehouse.location}/x.txt"
    with load_file_io(warehouse.file_io_properties, location).new_output(location).create() as output:
        output.write(b"hello")
    with warehouse.arrow_filesystem().open_input_file(warehouse.arrow_path(location)) as source:
        assert source.read() == b"hello"
    host = s3.endpoint.removeprefix("http://")
    assert warehouse.s3_credentials() == S3Credentials("AKIA", "very-secret", None, "eu-west-1", host, use_ssl=False)
    assert "very-secret" not in repr(warehouse.s3_credentials())


def test_a_missing_bucket_is_named(s3: Any) -> None:
    with pytest.raises(OperatorError, match="AWS_S3_BUCKET: the bucket no-such-bucket does not exist"):
        Warehouse.open(bucket_settings(s3.endpoint, "no-such-bucket")).check()


def test_credentials_come_from_the_aws_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    settings = CatalogSettings(s3_bucket="lake", s3_endpoint="https://acc.r2.cloudflarestorage.com")
    with pytest.raises(OperatorError, match="AWS_ACCESS_KEY_ID: is not set"):
        Warehouse.open(settings).s3_credentials()
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    expected = S3Credentials("A", "B", None, "auto", "acc.r2.cloudflarestorage.com", use_ssl=True)
    assert Warehouse.open(settings).s3_credentials() == expected
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(OperatorError, match=r"^AWS_PROFILE: "):
        Warehouse.open(settings).check()


def test_a_folder_is_made_and_checked(tmp_path: Path) -> None:
    warehouse = Warehouse.open(CatalogSettings(data_dir=tmp_path / "data"))
    warehouse.check(write=True)
    assert warehouse.location == f"file://{tmp_path}/data/warehouse"
    assert warehouse.file_io_properties == {}
    assert warehouse.s3_credentials() is None
    assert list((tmp_path / "data" / "warehouse").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=r"^BEMIDB_DATA_DIR: "):
        Warehouse.open(CatalogSettings(data_dir=tmp_path / "file")).check()


def test_a_folder_whose_name_would_be_read_as_a_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"^BEMIDB_DATA_DIR: its path holds \?"):
        Warehouse.open(CatalogSettings(data_dir=tmp_path / "what?"))
