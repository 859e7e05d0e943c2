"""Requests to object storage: DuckDB logs them in its memory, where they are counted now and then, and forgotten.

The log has URLs; no statement reaches it, since the twin knows no such function.
"""

from collections.abc import Iterator

import duckdb

ENABLE = "CALL enable_logging('HTTP')"
COUNT = """
SELECT request.type, coalesce(nullif(regexp_extract(response.status::VARCHAR, '[0-9]+$'), ''), 'none'), count(*),
  coalesce(sum(try_cast(response.headers['Content-Length'] AS BIGINT)) FILTER (WHERE request.type = 'GET'), 0)::BIGINT
FROM duckdb_logs_parsed('HTTP') GROUP BY ALL
"""
FORGET = "CALL truncate_duckdb_logs()"


def counted(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, int, int]]:
    """Return operation, status code ("none" without an answer), requests and bytes of answers, since the last time."""
    rows = cursor.execute(COUNT).fetchall()
    cursor.execute(FORGET)
    for operation, code, requests, size in rows:
        yield str(operation), str(code), int(requests), int(size)
