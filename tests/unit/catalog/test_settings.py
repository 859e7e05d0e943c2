from pathlib import Path

import pytest
from pydantic import Field

from catalog.errors import OperatorError
from catalog.settings import CatalogSettings, load_settings, variable_of


class Program(CatalogSettings):
    port: int = Field(default=5432, validation_alias="BEMIDB_PORT", ge=1, le=65535, description="TCP port")
    source: str = Field(validation_alias="SOURCE_URL", description="where from")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (CatalogSettings, Program):
        for name, field in cls.model_fields.items():
            monkeypatch.delenv(variable_of(name, field), raising=False)


def test_without_variables_everything_is_local() -> None:
    settings = load_settings(CatalogSettings)
    assert settings.catalog_database_url is None
    assert settings.s3_bucket is None
    assert settings.data_dir == Path.cwd() / ".bemidb"
    assert (settings.log_level, settings.log_format) == ("info", "console")


@pytest.mark.parametrize(
    ("variables", "named", "words"),
    [
        ({"CATALOG_DATABASE_URL": "mysql://u:hunter2@h/d"}, "CATALOG_DATABASE_URL", "is not a PostgreSQL URL"),
        ({"CATALOG_DATABASE_URL": "postgres://u:hunter2@h:port/d"}, "CATALOG_DATABASE_URL", "is not a PostgreSQL URL"),
        ({"CATALOG_DATABASE_URL": "postgres://u:hun/ter2@h/d"}, "CATALOG_DATABASE_URL", "%2F for /"),
        ({"CATALOG_DATABASE_URL": "postgres://u:hunter2@h/d?sslmode=no"}, "CATALOG_DATABASE_URL", "PostgreSQL URL"),
        ({"AWS_S3_BUCKET": "s3://hunter2/x"}, "AWS_S3_BUCKET", "without s3://"),
        ({"AWS_S3_BUCKET": "b-1", "AWS_ACCESS_KEY_ID": "hunter2"}, "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID is"),
        ({"AWS_S3_BUCKET": "b-1", "AWS_SECRET_ACCESS_KEY": "hunter2"}, "AWS_ACCESS_KEY_ID", "set both"),
        ({"AWS_S3_BUCKET": "b-1", "AWS_S3_ENDPOINT": "h/hunter2"}, "AWS_S3_ENDPOINT", "without bucket and path"),
        ({"AWS_S3_BUCKET": "b-1", "AWS_S3_ENDPOINT": "h:hunter2"}, "AWS_S3_ENDPOINT", "is not an endpoint"),
        ({"AWS_S3_BUCKET": "b-1", "AWS_S3_ENDPOINT": "ftp://hunter2"}, "AWS_S3_ENDPOINT", "is not an endpoint"),
        ({"AWS_S3_ENDPOINT": "https://h"}, "AWS_S3_BUCKET", "AWS_S3_ENDPOINT is"),
        ({"BEMIDB_S3_PREFIX": "../hunter2"}, "BEMIDB_S3_PREFIX", "plain path"),
        ({"BEMIDB_S3_PREFIX": "/"}, "BEMIDB_S3_PREFIX", "plain path"),
        ({"BEMIDB_LOG_LEVEL": "hunter2"}, "BEMIDB_LOG_LEVEL", "debug, info, warning or error (default: info)"),
        ({"BEMIDB_LOG_FORMAT": "hunter2"}, "BEMIDB_LOG_FORMAT", "'console' or 'json'"),
        ({"BEMIDB_PORT": "hunter2"}, "BEMIDB_PORT", "TCP port (default: 5432)"),
        ({"BEMIDB_PORT": "70000"}, "BEMIDB_PORT", "less than or equal to 65535"),
        ({}, "SOURCE_URL", "where from"),
    ],
)
def test_bad_input_is_one_line_that_names_the_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str, words: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if variables:
        monkeypatch.setenv("SOURCE_URL", "x")
    with pytest.raises(OperatorError) as raised:
        load_settings(Program)
    assert raised.value.variable == named
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "ter2" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("acc.r2.cloudflarestorage.com", "https://acc.r2.cloudflarestorage.com"),
        ("https://acc.r2.cloudflarestorage.com/", "https://acc.r2.cloudflarestorage.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("minio:9000", "https://minio:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_an_endpoint_is_taken_with_and_without_its_scheme(
    monkeypatch: pytest.MonkeyPatch, given: str, understood: str
) -> None:
    monkeypatch.setenv("AWS_S3_BUCKET", "lake")
    monkeypatch.setenv("AWS_S3_ENDPOINT", given)
    assert load_settings(CatalogSettings).s3_endpoint == understood


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/d",
        "postgres://u:p%40@h:6543/d?sslmode=verify-full",
        "postgresql://a:5432,b:5433/d?target_session_attrs=read-write",
        "postgresql://u@/d?host=/run/postgresql",
    ],
)
def test_urls_that_libpq_understands_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CATALOG_DATABASE_URL", url)
    secret = load_settings(CatalogSettings).catalog_database_url
    assert secret is not None
    assert secret.get_secret_value() == url
    assert "p%40" not in repr(load_settings(CatalogSettings))


@pytest.mark.parametrize(("given", "understood"), [("INFO", "info"), ("TRACE", "debug"), ("Warn", "warning")])
def test_log_levels_of_bemidb_are_understood(monkeypatch: pytest.MonkeyPatch, given: str, understood: str) -> None:
    monkeypatch.setenv("BEMIDB_LOG_LEVEL", given)
    assert load_settings(CatalogSettings).log_level == understood


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_S3_BUCKET", "")
    assert load_settings(CatalogSettings).s3_bucket is None


def test_every_variable_is_described() -> None:
    assert all(field.description and field.validation_alias for field in CatalogSettings.model_fields.values())
