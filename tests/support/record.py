"""`make record`: write the answers of a real PostgreSQL into the message scripts of `compat/wire`.

.venv/bin/python -m tests.support.record [name ...]
"""

import sys
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from catalog.postgres import PrivatePostgres
from sample import tpch
from tests.support import wire

FOLDER = Path(__file__).parents[1] / "compat" / "wire"
DATABASE, USER = "bemidb", "analyst"
LOGIN = {"user": USER, "database": DATABASE, "TimeZone": "UTC", "search_path": "nasty, public"}


def main(names: list[str]) -> None:
    """Record all scripts, or those named."""
    with tempfile.TemporaryDirectory() as folder, PrivatePostgres(Path(folder), port=_free_port()) as postgres:
        _load(postgres)
        for path in sorted(FOLDER.glob("*.wire")):
            if names and path.stem not in names:
                continue
            script = wire.read(path)
            with wire.Talk(("127.0.0.1", postgres.port), None if script.raw else LOGIN) as talk:
                path.write_text(wire.record(script, talk), "utf-8")
            sys.stdout.write(f"{path.stem}\n")


def _load(postgres: PrivatePostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(DATABASE)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(USER)))
    tpch.load(postgres.url(DATABASE), 0.01)
    with psycopg.connect(postgres.url(DATABASE)) as connection:
        connection.execute((Path(__file__).parent / "nasty.sql").read_bytes())
        for schema in ("public", "nasty"):
            grants = "GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1}"
            connection.execute(sql.SQL(grants).format(sql.Identifier(schema), sql.Identifier(USER)))


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
