import pytest

from catalog.errors import OperatorError
from catalog.settings import load_settings
from syncer.settings import SyncSettings

URL = "postgresql://me:s3cret@source/app"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in SyncSettings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.setenv("SOURCE_POSTGRES_DATABASE_URL", URL)


def test_defaults() -> None:
    settings = load_settings(SyncSettings)
    assert settings.sync_jobs >= 1
    assert settings.patterns() == ()
    assert settings.destination_schema is None


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SOURCE_POSTGRES_DATABASE_URL": ""}, "SOURCE_POSTGRES_DATABASE_URL"),
        ({"SOURCE_POSTGRES_DATABASE_URL": "mysql://me:s3cret@h/db"}, "SOURCE_POSTGRES_DATABASE_URL"),
        ({"BEMIDB_SYNC_JOBS": "0"}, "BEMIDB_SYNC_JOBS"),
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "users"}, "SOURCE_POSTGRES_INCLUDE_TABLES"),
        ({"SOURCE_POSTGRES_EXCLUDE_TABLES": "a."}, "SOURCE_POSTGRES_EXCLUDE_TABLES"),
        ({"DESTINATION_SCHEMA_NAME": "pg_lake"}, "DESTINATION_SCHEMA_NAME"),
        ({"DESTINATION_SCHEMA_NAME": "é" * 32}, "DESTINATION_SCHEMA_NAME"),
        (
            {"SOURCE_POSTGRES_INCLUDE_TABLES": "a.b", "SOURCE_POSTGRES_EXCLUDE_TABLES": "a.c"},
            "SOURCE_POSTGRES_INCLUDE_TABLES",
        ),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError) as caught:
        load_settings(SyncSettings)
    assert caught.value.variable == named
    assert "s3cret" not in str(caught.value)
