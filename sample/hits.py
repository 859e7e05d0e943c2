"""Fill a Postgres database with the table of ClickBench, in rows that look like those of a web counter."""

from pathlib import Path

import psycopg

_FOLDER = Path(__file__).parent


def load(url: str, rows: int) -> None:
    """Create `clickbench.hits` and fill it, in one transaction; the same rows each time.

    Args: a libpq URL; how many rows.
    """
    with psycopg.connect(url) as connection:
        connection.execute((_FOLDER / "hits.sql").read_bytes())
        connection.execute((_FOLDER / "hits_rows.sql").read_text("utf-8").replace("@rows", str(rows)).encode())
