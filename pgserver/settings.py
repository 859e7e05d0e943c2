"""Every variable of the server, typed, with its help."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from catalog.errors import OperatorError
from catalog.settings import LOG_LEVELS, CatalogSettings

RESERVED_USER = "bemidb_"


class ServerSettings(CatalogSettings):
    """What `python -m pgserver` reads from the environment."""

    host: str = Field(
        default="127.0.0.1",
        validation_alias="BEMIDB_HOST",
        description="Address to listen on (not loopback: set a password or BEMIDB_USERS_FILE)",
    )
    port: int = Field(default=5432, validation_alias="BEMIDB_PORT", ge=1, le=65535, description="TCP port to listen on")
    database: str = Field(
        default="bemidb",
        validation_alias="BEMIDB_DATABASE",
        min_length=1,
        max_length=63,
        description="Name of the database",
    )
    user: str | None = Field(
        default=None,
        validation_alias="BEMIDB_USER",
        max_length=63,
        description="User that may log in (unset, with the password: any name, without a password, on loopback only)",
    )
    password: SecretStr | None = Field(
        default=None, validation_alias="BEMIDB_PASSWORD", description="Password of that user"
    )
    users_file: Path | None = Field(
        default=None,
        validation_alias="BEMIDB_USERS_FILE",
        description='File of further users, a line each: "name" "password or SCRAM verifier"; read again on SIGHUP',
    )
    allowed_networks: str = Field(
        default="",
        validation_alias="BEMIDB_ALLOWED_NETWORKS",
        description="Networks that may connect, as 10.0.0.0/8,::1 (unset: all)",
    )
    tls_cert: Path | None = Field(
        default=None,
        validation_alias="BEMIDB_TLS_CERT",
        description="PEM file of the server's certificate chain; read again on SIGHUP (unset: no TLS)",
    )
    tls_key: Path | None = Field(
        default=None, validation_alias="BEMIDB_TLS_KEY", description="PEM file of the certificate's private key"
    )
    tls_required: bool = Field(
        default=False, validation_alias="BEMIDB_TLS_REQUIRED", description="Refuse connections without TLS"
    )
    authentication_timeout_s: int = Field(
        default=60,
        validation_alias="BEMIDB_AUTHENTICATION_TIMEOUT",
        ge=1,
        le=600,
        description="Seconds that a client may take from connecting to being logged in",
    )
    write_timeout_s: int = Field(
        default=300,
        validation_alias="BEMIDB_WRITE_TIMEOUT",
        ge=1,
        description="Seconds after which a client that takes none of its result is disconnected",
    )
    drain_seconds: int = Field(
        default=30,
        validation_alias="BEMIDB_DRAIN_SECONDS",
        ge=0,
        description="Seconds that running statements and open transactions are given after SIGTERM",
    )
    catalog_staleness_s: float = Field(
        default=1,
        validation_alias="BEMIDB_CATALOG_STALENESS",
        ge=0,
        description="Seconds that the catalog's last answer is good for",
    )
    catalog_max_staleness_s: int = Field(
        default=600,
        validation_alias="BEMIDB_CATALOG_MAX_STALENESS",
        ge=0,
        description="Seconds that the lake is read as it was last known while the catalog is not reachable",
    )
    max_connections: int = Field(
        default=200, validation_alias="BEMIDB_MAX_CONNECTIONS", ge=1, le=10000, description="Sessions at the same time"
    )
    reserved_connections: int = Field(
        default=3,
        validation_alias="BEMIDB_RESERVED_CONNECTIONS",
        ge=0,
        description="How many of them are kept for BEMIDB_USER, where there is a BEMIDB_USERS_FILE",
    )
    memory_limit: str | None = Field(
        default=None,
        validation_alias="BEMIDB_MEMORY_LIMIT",
        pattern=r"^\d+(\.\d+)?\s*([KMGT]i?B|B)$",
        description="Memory of the engine, as 4GB or 800MiB (unset: 60 % of the machine's or the container's)",
    )

    max_active_statements: int | None = Field(
        default=None,
        validation_alias="BEMIDB_MAX_ACTIVE_STATEMENTS",
        ge=1,
        description="Statements that the engine works on at once; others wait (unset: two for each CPU, at least 4)",
    )
    result_cache_bytes: int = Field(
        default=64 << 20,
        validation_alias="BEMIDB_RESULT_CACHE_BYTES",
        ge=0,
        description="Memory for results that are asked for again while their tables stay as they are (0: none)",
    )
    bridge_max_bytes: int = Field(
        default=1 << 30,
        validation_alias="BEMIDB_BRIDGE_MAX_BYTES",
        ge=0,
        description="Bytes of rows that a statement may bring into PostgreSQL for what DuckDB cannot do",
    )
    http_port: int | None = Field(
        default=None,
        validation_alias="BEMIDB_HTTP_PORT",
        ge=1,
        le=65535,
        description="TCP port of /health, /ready and /metrics (unset: none)",
    )
    http_host: str = Field(
        default="127.0.0.1", validation_alias="BEMIDB_HTTP_HOST", description="Address that port is opened on"
    )
    log_min_duration_ms: int = Field(
        default=5000,
        validation_alias="BEMIDB_LOG_MIN_DURATION_MS",
        ge=-1,
        description="Statements that take longer are logged, without their literals (-1: none, 0: all)",
    )
    log_level_file: Path | None = Field(
        default=None,
        validation_alias="BEMIDB_LOG_LEVEL_FILE",
        description="File that holds the log level, in place of BEMIDB_LOG_LEVEL; read again on SIGHUP",
    )

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @model_validator(mode="after")
    def _tls_whole(self) -> Self:
        pair = (("BEMIDB_TLS_CERT", self.tls_cert), ("BEMIDB_TLS_KEY", self.tls_key))
        for (here, value), (there, other) in (pair, pair[::-1]):
            if value is None and other is not None:
                raise OperatorError(here, f"is not set, but {there} is", "set both, or neither")
        if self.tls_required and self.tls_cert is None:
            raise OperatorError("BEMIDB_TLS_CERT", "is not set, but BEMIDB_TLS_REQUIRED is", "give a certificate")
        return self

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.user is not None and self.user.startswith((RESERVED_USER, "pg_")):
            raise OperatorError(
                "BEMIDB_USER", "begins with a reserved prefix", "choose a name without bemidb_ or pg_ in front"
            )
        if self.user is not None and self.password is None:
            raise OperatorError("BEMIDB_PASSWORD", "is not set, but BEMIDB_USER is", "set both, or neither")
        if self.user is None and self.password is not None:
            raise OperatorError("BEMIDB_USER", "is not set, but BEMIDB_PASSWORD is", "set both, or neither")
        if self.password is None and self.users_file is None and not is_loopback(self.host):
            raise OperatorError(
                "BEMIDB_PASSWORD",
                "is not set, but BEMIDB_HOST is not loopback",
                "set a password or BEMIDB_USERS_FILE, or listen on 127.0.0.1",
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Read a list of networks, or addresses.

    Raises: OperatorError.
    """
    networks = []
    for part in value.replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError as error:
            raise OperatorError(
                "BEMIDB_ALLOWED_NETWORKS", f"{part!r} is not a network", "write it as 10.0.0.0/8, 192.168.1.7 or ::1"
            ) from error
    return tuple(networks)


def read_log_level(settings: ServerSettings) -> str:
    """Return the log level as it is now.

    Raises: OperatorError.
    """
    if settings.log_level_file is None:
        return settings.log_level
    variable, file = "BEMIDB_LOG_LEVEL_FILE", settings.log_level_file
    try:
        level = file.read_text(encoding="utf-8").strip().lower()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(variable, f"{file} cannot be read", "give a readable file") from error
    level = LOG_LEVELS.get(level, level)
    if level not in ("debug", "info", "warning", "error"):
        raise OperatorError(variable, f"{file} holds no level", "write debug, info, warning or error into it")
    return level
