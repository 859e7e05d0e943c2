"""What the syncer reads from the environment, besides the catalog's and the warehouse's variables."""

import os

from pydantic import Field, SecretStr, field_validator, model_validator

from catalog.errors import OperatorError
from catalog.settings import CatalogSettings, check_postgres_url
from syncer.patterns import Pattern, parse_patterns

SOURCE_URL = "SOURCE_POSTGRES_DATABASE_URL"
INCLUDE = "SOURCE_POSTGRES_INCLUDE_TABLES"
EXCLUDE = "SOURCE_POSTGRES_EXCLUDE_TABLES"
DESTINATION_SCHEMA = "DESTINATION_SCHEMA_NAME"
MAX_NAME_BYTES = 63  # NAMEDATALEN - 1


class SyncSettings(CatalogSettings):
    """One run: what to copy, from where, to which schema."""

    source_url: SecretStr = Field(
        validation_alias=SOURCE_URL,
        description="PostgreSQL to copy from: postgresql://user:password@host:5432/database",
    )
    include_tables: str | None = Field(
        default=None,
        validation_alias=INCLUDE,
        description="Tables to copy: schema.table, comma-separated, * as wildcard (unset: all)",
    )
    exclude_tables: str | None = Field(
        default=None,
        validation_alias=EXCLUDE,
        description="Tables to leave out, written as in SOURCE_POSTGRES_INCLUDE_TABLES; not both",
    )
    destination_schema: str | None = Field(
        default=None,
        validation_alias=DESTINATION_SCHEMA,
        description="Schema of the lake to copy into (unset: tables keep their schema)",
    )
    sync_jobs: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        validation_alias="BEMIDB_SYNC_JOBS",
        ge=1,
        le=64,
        description="Tables copied at a time, each over a connection of its own (unset: one a core)",
    )

    @field_validator("source_url")
    @classmethod
    def _source_url(cls, value: SecretStr) -> SecretStr:
        check_postgres_url(SOURCE_URL, value.get_secret_value())
        return value

    @field_validator("destination_schema")
    @classmethod
    def _destination(cls, value: str | None) -> str | None:
        if value is not None and (len(value.encode()) > MAX_NAME_BYTES or "\0" in value or value.startswith("pg_")):
            raise OperatorError(
                DESTINATION_SCHEMA, "is not a schema name", "use at most 63 bytes and a name without pg_ in front"
            )
        return value

    @model_validator(mode="after")
    def _one_selection(self) -> "SyncSettings":
        if self.include_tables is not None and self.exclude_tables is not None:
            raise OperatorError(INCLUDE, f"is set together with {EXCLUDE}", "unset one of them")
        self.patterns()
        return self

    def patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns of the include or exclude list: of the one that is set."""
        if self.include_tables is not None:
            return parse_patterns(INCLUDE, self.include_tables)
        return parse_patterns(EXCLUDE, self.exclude_tables or "")
