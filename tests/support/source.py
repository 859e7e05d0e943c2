"""The PostgreSQL that is synced and compared with: TPC-H in `public`, odd values, hierarchies of tables, ClickBench."""

from pathlib import Path

import psycopg
from psycopg import sql

from catalog.postgres import PrivatePostgres
from sample import hits, tpch

DATABASE = "bemidb"
USER = "analyst"  # may read, and lock rows of one table, as on a lake: there is nothing to wait for
SCALE = 0.01
HITS = 3000
SCRIPTS = [Path(__file__).parent / name for name in ("nasty.sql", "family.sql")]
SCHEMAS = "public, nasty, family, family_parts, clickbench"


def load(postgres: PrivatePostgres) -> None:
    """Make the database and its reader."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(DATABASE)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(USER)))
    tpch.load(postgres.url(DATABASE), SCALE)
    hits.load(postgres.url(DATABASE), HITS)
    with psycopg.connect(postgres.url(DATABASE)) as connection:
        for script in SCRIPTS:
            connection.execute(script.read_bytes())
        for grant in (
            f"USAGE ON SCHEMA {SCHEMAS}",
            f"SELECT ON ALL TABLES IN SCHEMA {SCHEMAS}",
            "UPDATE ON nasty.people",
        ):
            connection.execute(f"GRANT {grant} TO {USER}".encode())
