"""A source database, a catalog and a folder: syncs run in this process or as a program, rows are read by DuckDB."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from rich.console import Console

from catalog.columns import TableView
from catalog.storage import Warehouse, local_path
from catalog.tables import LakeCatalog
from syncer.run import sync
from syncer.settings import SyncSettings
from tests.support import forked, programs

Rows = list[tuple[Any, ...]]
PATIENCE_S = 180  # a source or store that is gone is waited for 60 s


@dataclass
class Lab:
    """One source and one lake."""

    source_url: str
    catalog_url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SOURCE_POSTGRES_DATABASE_URL": self.source_url,
            "CATALOG_DATABASE_URL": self.catalog_url,
            "BEMIDB_DATA_DIR": str(self.folder),
        }

    def execute(self, script: str) -> None:
        with psycopg.connect(self.source_url, autocommit=True) as connection:
            connection.execute(script.encode())

    def ask(self, query: str) -> Rows:
        with psycopg.connect(self.source_url) as connection:
            connection.execute(
                "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';"
                "SET bytea_output = 'hex'; SET extra_float_digits = 3"
            )
            return connection.execute(query.encode()).fetchall()

    def settings(self, **variables: str) -> SyncSettings:
        return SyncSettings.model_validate(self.environment | variables)

    def sync(self, **variables: str) -> tuple[bool, str]:
        """Run a sync here. Returns: whether all tables were copied, and what was printed."""
        printed = StringIO()
        done = sync(self.settings(**variables), Console(file=printed))
        return done, printed.getvalue()

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a sync as a user does."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BEMIDB_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "syncer", *arguments],
            env=clean | self.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def program(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = programs.environment(self.environment | variables)
        return forked.run("syncer", environment, *arguments, timeout_s=PATIENCE_S)

    @contextmanager
    def lake(self) -> Iterator[LakeCatalog]:
        """Open the catalog, as a program does."""
        settings = self.settings()
        with closing(LakeCatalog.open(settings, Warehouse.open(settings))) as lake:
            yield lake

    def views(self) -> dict[str, TableView]:
        with self.lake() as lake:
            rows = lake.read_tables()
        return {f"{row.namespace}.{row.name}": row.view for row in rows if row.view is not None}

    def files(self, namespace: str, name: str) -> list[Path]:
        with self.lake() as lake:
            table = lake.iceberg.load_table((namespace, name))
            return [local_path(task.file.file_path) for task in table.scan().plan_files()]

    def read(self, namespace: str, name: str, columns: str = "*", tail: str = "") -> Rows:
        """Ask DuckDB for rows of a table of the lake."""
        files = [str(path) for path in self.files(namespace, name)]
        if not files:
            return []
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(f"SELECT {columns} FROM read_parquet({files}) {tail}").fetchall()
