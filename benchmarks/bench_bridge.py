"""How fast do rows reach PostgreSQL over the bridge, where it has to answer?"""

import statistics
from collections.abc import Iterator

import psycopg

from benchmarks.figure import Figure, seconds
from benchmarks.stand import stand

SCALE = 0.1
TIMES = 5
COLUMNS = "l_orderkey, l_linenumber, l_quantity, l_shipdate"
# Postgres' own hash has no rule, and cannot be left out below a group. PostgreSQL has little else to do.
STATEMENT = (
    "SELECT count(*) FROM lineitem WHERE hashint8(l_orderkey) IS NOT NULL"
    " AND l_linenumber IS NOT NULL AND l_quantity IS NOT NULL AND l_shipdate IS NOT NULL"
)


def run() -> Iterator[Figure]:
    """Measure a table of four columns."""
    with stand(SCALE) as place, psycopg.connect(place.lake_url, autocommit=True) as lake:
        explained = lake.execute(f"EXPLAIN {STATEMENT}".encode()).fetchone()
        assert explained is not None
        assert explained[0].startswith("Bridge"), "it runs in the engine: measure another statement"
        (rows,) = lake.execute(STATEMENT).fetchone() or (0,)
        times = [seconds(lambda: lake.execute(STATEMENT).fetchall()) for _ in range(TIMES)]
    speeds = [rows / duration / 1e6 for duration in times]
    detail = f"{rows:,} rows of {COLUMNS}; {min(speeds):.2f} to {max(speeds):.2f} in {TIMES} runs"
    yield Figure("Rows over the bridge", statistics.median(speeds), "M rows/s", ">= 1.5", detail)
