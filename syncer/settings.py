"""What the syncer reads from the environment, besides the catalog's and the warehouse's variables."""

import os
import re
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator

from catalog.errors import OperatorError
from catalog.settings import CatalogSettings, check_postgres_url
from syncer.patterns import Name, Pattern, parse_patterns

SOURCE_URL = "SOURCE_POSTGRES_DATABASE_URL"
INCLUDE = "SOURCE_POSTGRES_INCLUDE_TABLES"
EXCLUDE = "SOURCE_POSTGRES_EXCLUDE_TABLES"
CURSORS = "SOURCE_POSTGRES_CURSOR_COLUMNS"
SORT = "BEMIDB_SORT_COLUMNS"
DESTINATION_SCHEMA = "DESTINATION_SCHEMA_NAME"
MAX_NAME_BYTES = 63  # NAMEDATALEN - 1
_NAME = r'("(?:[^"]|"")+"|[^".:,]+)'
COLUMN = re.compile(rf"\s*{_NAME}\.{_NAME}:{_NAME}\s*(?:,\s*|$)")


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

    cursor_columns: str | None = Field(
        default=None,
        validation_alias=CURSORS,
        description="Tables to copy incrementally, by a column that only grows: schema.table:column, comma-separated",
    )
    incremental_overlap_s: float = Field(
        default=300,
        validation_alias="BEMIDB_INCREMENTAL_OVERLAP",
        ge=0,
        le=7 * 86400,
        description="Seconds that an incremental copy reaches back, for transactions that committed late",
    )
    sort_columns: str | None = Field(
        default=None,
        validation_alias=SORT,
        description="Columns to sort tables by that readers filter by: schema.table:column, comma-separated; "
        "of a table's columns the first one counts most (unset: as at the source)",
    )
    skip_unchanged: bool = Field(
        default=True,
        validation_alias="BEMIDB_SYNC_SKIP_UNCHANGED",
        description="Do not copy big tables again that the source's statistics prove to be unchanged",
    )
    lock_wait_s: float = Field(
        default=60,
        validation_alias="BEMIDB_SYNC_LOCK_WAIT",
        ge=0,
        le=86400,
        description="Seconds to wait for another sync that copies the same table",
    )
    take_over: bool = Field(
        default=False,
        validation_alias="BEMIDB_SYNC_TAKE_OVER",
        description="Replace tables of the lake that came from another source, or from another program",
    )
    drop_missing: bool = Field(
        default=False,
        validation_alias="BEMIDB_SYNC_DROP_MISSING",
        description="Drop tables from the lake that are gone at the source (false: they are kept and marked)",
    )
    summary_json: Path | None = Field(
        default=None, validation_alias="BEMIDB_SYNC_SUMMARY_JSON", description="File to write the run's summary to"
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
        self.cursors()
        self.orders()
        return self

    def patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns of the include or exclude list: of the one that is set."""
        if self.include_tables is not None:
            return parse_patterns(INCLUDE, self.include_tables)
        return parse_patterns(EXCLUDE, self.exclude_tables or "")

    def cursors(self) -> dict[Name, str]:
        """Return the cursor column of each table that is copied incrementally."""
        cursors = parse_columns(CURSORS, self.cursor_columns or "")
        for (schema, table), columns in cursors.items():
            if len(columns) > 1:
                raise OperatorError(CURSORS, f"{schema}.{table} has two cursor columns", "name one")
        return {table: columns[0] for table, columns in cursors.items()}

    def orders(self) -> dict[Name, tuple[str, ...]]:
        """Return the columns that tables are sorted by, the first one counts most."""
        return parse_columns(SORT, self.sort_columns or "")


def parse_columns(variable: str, text: str) -> dict[Name, tuple[str, ...]]:
    """Read a comma-separated list of `schema.table:column`; odd names are in double quotes.

    Returns: the columns of each table, in the order of the list.
    Raises: OperatorError.
    """
    found: dict[Name, tuple[str, ...]] = {}
    rest = text.strip()
    while rest:
        match = COLUMN.match(rest)
        if match is None:
            raise OperatorError(
                variable,
                f"{rest.split(',')[0]} is not schema.table:column",
                'write for example public.orders:updated_at, odd names in "quotes"',
            )
        schema, table, column = (_unquoted(part) for part in match.groups())
        if column not in found.setdefault((schema, table), ()):
            found[schema, table] += (column,)
        rest = rest[match.end() :]
    return found


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.strip()
