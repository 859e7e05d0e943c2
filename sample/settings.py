"""The variables of `make run`: those of the server, and the sample's size."""

import hashlib
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from pydantic import Field

from pgserver.settings import ServerSettings


class SampleSettings(ServerSettings):
    """The sample is served as the server's own variables say."""

    sample_scale: float = Field(
        default=0.1,
        validation_alias="BEMIDB_SAMPLE_SCALE",
        gt=0,
        le=100,
        description="TPC-H scale of the sample of `make run`: 1 is 6 million rows of lineitem",
    )

    @property
    def source_folder(self) -> Path:
        """Where the sample's source PostgreSQL lives, one for each scale."""
        return self.data_dir / "sample" / f"source-{self.sample_scale:g}"

    @property
    def synced_file(self) -> Path:
        """Written when the sample has been synced into this lake at this scale."""
        return self.data_dir / "sample" / f"synced-{self.sample_scale:g}-{self._lake()}"

    def _lake(self) -> str:
        """Return a short name for where the lake is, without its secrets."""
        catalog = self.catalog_database_url
        parts = conninfo_to_dict(catalog.get_secret_value()) if catalog else {}
        place = [parts.get("host"), parts.get("port"), parts.get("dbname")]
        place += [self.s3_endpoint, self.s3_bucket, self.s3_prefix if self.s3_bucket else None]
        return hashlib.sha256(repr(place).encode()).hexdigest()[:12]

    @property
    def connect_host(self) -> str:
        """Return the address to reach the server at: one that listens everywhere is reached on loopback."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
