"""The variables that both programs read: the catalog, the warehouse, the data folder, the logs.

Settings are read once, in a program's `__main__`, by `load_settings`, and passed down; nothing else reads the
environment. The names are those of BemiDB where it has one.
"""

import re
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from catalog.errors import OperatorError

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
LOG_LEVELS = {"trace": "debug", "warn": "warning"}

S = TypeVar("S", bound="CatalogSettings")


class CatalogSettings(BaseSettings):
    """What a program must know to open the lake. Programs inherit and add their own."""

    model_config = SettingsConfigDict(
        extra="ignore",
        env_ignore_empty=True,  # an empty variable in a compose file means unset
        hide_input_in_errors=True,  # the input may be a secret
        populate_by_name=True,
        frozen=True,
    )

    catalog_database_url: SecretStr | None = Field(
        default=None,
        validation_alias="CATALOG_DATABASE_URL",
        description="PostgreSQL that holds the Iceberg catalog (unset: an embedded one under BEMIDB_DATA_DIR)",
    )
    s3_bucket: str | None = Field(
        default=None,
        validation_alias="AWS_S3_BUCKET",
        description="S3 or R2 bucket of the warehouse (unset: a folder under BEMIDB_DATA_DIR)",
    )
    s3_prefix: str = Field(
        default="iceberg",
        validation_alias="BEMIDB_S3_PREFIX",
        description="Folder in the bucket that holds the warehouse",
    )
    s3_endpoint: str | None = Field(
        default=None,
        validation_alias="AWS_S3_ENDPOINT",
        description="Endpoint of an S3-compatible store, with or without https:// (unset: AWS)",
    )
    s3_region: str | None = Field(
        default=None,
        validation_alias="AWS_REGION",
        description="Region of the bucket (R2: auto; unset: the AWS configuration's)",
    )
    s3_access_key_id: str | None = Field(
        default=None,
        validation_alias="AWS_ACCESS_KEY_ID",
        description="Access key (unset, with its secret: the usual AWS credential chain)",
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None, validation_alias="AWS_SECRET_ACCESS_KEY", description="Secret of the access key"
    )
    s3_session_token: SecretStr | None = Field(
        default=None, validation_alias="AWS_SESSION_TOKEN", description="Session token of temporary credentials"
    )
    data_dir: Path = Field(
        default=Path(".bemidb"),
        validation_alias="BEMIDB_DATA_DIR",
        description="Folder for what is not kept elsewhere: embedded PostgreSQL, local warehouse, spill files",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="BEMIDB_LOG_LEVEL", description="debug, info, warning or error"
    )
    log_format: Literal["console", "json"] = Field(
        default="console",
        validation_alias="BEMIDB_LOG_FORMAT",
        description="console (for people) or json (a line per event)",
    )

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return LOG_LEVELS.get(value.lower(), value.lower()) if isinstance(value, str) else value

    @field_validator("catalog_database_url")
    @classmethod
    def _catalog_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_postgres_url("CATALOG_DATABASE_URL", value.get_secret_value())
        return value

    @field_validator("s3_bucket")
    @classmethod
    def _bucket(cls, value: str | None) -> str | None:
        if value is not None and not BUCKET_NAME.fullmatch(value):
            raise OperatorError(
                "AWS_S3_BUCKET", "is not a bucket name", "give the name alone, without s3:// and without a path"
            )
        return value

    @field_validator("s3_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        prefix = value.strip("/")
        if not re.fullmatch(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*", prefix) or {".", ".."} & set(prefix.split("/")):
            raise OperatorError(
                "BEMIDB_S3_PREFIX", "is not a plain path", "use letters, digits, '-', '_', '.', '=' and '/'"
            )
        return prefix

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        """Give the endpoint its scheme: https where it has none, as R2's dashboard shows it."""
        if value is None:
            return None
        url = value if "://" in value else f"https://{value}"
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise OperatorError(
                "AWS_S3_ENDPOINT",
                "is not an endpoint",
                "write host, host:port or https://host[:port], without bucket and path",
            )
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _keys_whole(self) -> Self:
        """Refuse half a pair: boto3 would silently take other credentials."""
        pair = (("AWS_ACCESS_KEY_ID", self.s3_access_key_id), ("AWS_SECRET_ACCESS_KEY", self.s3_secret_access_key))
        for (here, value), (there, other) in (pair, pair[::-1]):
            if value is None and other is not None:
                raise OperatorError(here, f"is not set, but {there} is", "set both, or neither to use the AWS chain")
        if self.s3_endpoint is not None and self.s3_bucket is None:
            raise OperatorError("AWS_S3_BUCKET", "is not set, but AWS_S3_ENDPOINT is", "set the bucket, or neither")
        return self


def check_postgres_url(variable: str, url: str) -> None:
    """Refuse what is not a URL of a PostgreSQL database.

    Raises: OperatorError, without a part of the URL in it: a password may be anywhere in a malformed one.
    """
    valid = url.startswith(("postgres://", "postgresql://"))
    if valid:
        try:
            parts = conninfo_to_dict(url)
            ports = str(parts.get("port") or 5432).split(",")
            valid = all(port.isdigit() and 0 < int(port) < 65536 for port in ports if port)
            valid = valid and parts.get("sslmode", "prefer") in SSL_MODES
        except psycopg.ProgrammingError:
            valid = False
    if not valid:
        raise OperatorError(
            variable,
            "is not a PostgreSQL URL",
            "write postgresql://user:password@host:5432/database, with %40 for @ and %2F for / in the password",
        )


def load_settings(cls: type[S]) -> S:
    """Read the environment.

    Raises: OperatorError, one line that names the variable, never its value.
    """
    try:
        return cls()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else cls.__name__
        field = _field(cls, name)
        if field is None:
            raise OperatorError(name, first["msg"], "correct it") from None
        default = "" if field.is_required() or field.default is None else f" (default: {field.default})"
        raise OperatorError(
            variable_of(name, field),
            first["msg"][:1].lower() + first["msg"][1:],
            f"set it to: {field.description}{default}",
        ) from None
    except SettingsError as error:
        raise OperatorError("environment", str(error), "correct the variable") from None


def variable_of(name: str, field: FieldInfo) -> str:
    """Return the environment variable that sets a field."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    return alias if isinstance(alias, str) else name.upper()


def _field(cls: type[CatalogSettings], name: str) -> FieldInfo | None:
    for field_name, field in cls.model_fields.items():
        if name in (field_name, variable_of(field_name, field)):
            return field
    return None
