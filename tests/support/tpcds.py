"""TPC-DS: its 24 tables and 99 queries, as DuckDB's extension makes them."""

from typing import cast

import duckdb
import psycopg
import pyarrow as pa
from pyarrow import csv

from sample.tpch import extension_path

Query = tuple[int, str]


def queries() -> list[Query]:
    """Return the queries with their numbers."""
    with duckdb.connect() as connection:
        connection.load_extension(str(extension_path("tpcds")))
        rows = connection.execute("SELECT query_nr, query FROM tpcds_queries() ORDER BY query_nr").fetchall()
    return cast(list[Query], rows)


def load(url: str, scale: float) -> None:
    """Create and fill the tables in schema `public` of a database; with DuckDB's types, which Postgres has, too."""
    with duckdb.connect() as source, psycopg.connect(url) as target:
        source.load_extension(str(extension_path("tpcds")))
        source.execute("CALL dsdgen(sf=?)", [scale])
        for (table,) in source.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            described = source.execute(f"DESCRIBE {table}").fetchall()
            columns = ", ".join(f"{name} {kind}" for name, kind, *_ in described)
            target.execute(f"CREATE TABLE {table} ({columns})".encode())
            buffer = pa.BufferOutputStream()
            csv.write_csv(source.table(table).to_arrow_table(), buffer, csv.WriteOptions(include_header=False))
            with target.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)".encode()) as copy:
                copy.write(buffer.getvalue())
        target.execute("ANALYZE")
