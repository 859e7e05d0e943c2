"""Every variable of the server, typed, with its help."""

import ipaddress
from typing import Self

from pydantic import Field, SecretStr, model_validator

from catalog.errors import OperatorError
from catalog.settings import CatalogSettings

RESERVED_USER = "bemidb_"


class ServerSettings(CatalogSettings):
    """What `python -m pgserver` reads from the environment."""

    host: str = Field(
        default="127.0.0.1",
        validation_alias="BEMIDB_HOST",
        description="Address to listen on (not loopback: set a password)",
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
    catalog_staleness_ms: int = Field(
        default=1000,
        validation_alias="BEMIDB_CATALOG_STALENESS",
        ge=0,
        description="Milliseconds that the catalog's last answer is good for",
    )
    max_connections: int = Field(
        default=200, validation_alias="BEMIDB_MAX_CONNECTIONS", ge=1, le=10000, description="Sessions at the same time"
    )
    memory_limit: str | None = Field(
        default=None,
        validation_alias="BEMIDB_MEMORY_LIMIT",
        pattern=r"^\d+(\.\d+)?\s*([KMGT]i?B|B)$",
        description="Memory of the engine, as 4GB or 800MiB (unset: 60 % of the machine's or the container's)",
    )

    bridge_max_bytes: int = Field(
        default=1 << 30,
        validation_alias="BEMIDB_BRIDGE_MAX_BYTES",
        ge=0,
        description="Bytes of rows that a statement may bring into PostgreSQL for what DuckDB cannot do",
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.user is not None and self.user.startswith((RESERVED_USER, "pg_")):
            raise OperatorError(
                "BEMIDB_USER", "begins with a reserved prefix", "choose a name without bemidb_ or pg_ in front"
            )
        if self.user is not None and self.password is None:
            raise OperatorError("BEMIDB_PASSWORD", "is not set, but BEMIDB_USER is", "set both, or neither")
        if self.password is None and not is_loopback(self.host):
            raise OperatorError(
                "BEMIDB_PASSWORD",
                "is not set, but BEMIDB_HOST is not loopback",
                "set a password, or listen on 127.0.0.1",
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
