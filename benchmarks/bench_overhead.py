"""What does the way through us cost: a lake statement over DuckDB's own time, a relayed one over PostgreSQL's?"""

import statistics
from collections.abc import Iterator

import duckdb
import psycopg

from benchmarks.figure import Figure, in_turns
from benchmarks.stand import duckdb_over_the_same_files, stand
from sample import tpch

SCALE = 0.1
TIMES = 300
STATEMENTS = (
    "SELECT count(*) FROM nation",
    "SELECT n_name, r_name FROM nation JOIN region ON r_regionkey = n_regionkey ORDER BY n_name",
    "SELECT o_orderstatus, count(*) FROM orders GROUP BY o_orderstatus ORDER BY o_orderstatus",
)


def run() -> Iterator[Figure]:
    """Measure both."""
    with stand(SCALE) as place, psycopg.connect(place.lake_url, autocommit=True) as lake:
        with duckdb_over_the_same_files(place, tpch.TABLES) as engine:
            for statement in STATEMENTS:
                yield _lake_statement(lake, engine, statement)
        with psycopg.connect(place.source_url, autocommit=True) as source:
            yield _relayed(lake, source)


def _lake_statement(
    lake: psycopg.Connection[tuple[object, ...]], engine: duckdb.DuckDBPyConnection, statement: str
) -> Figure:
    ours, reference = in_turns(
        lambda: lake.execute(statement.encode()).fetchall(), lambda: engine.execute(statement).fetchall(), TIMES
    )
    mine, other = statistics.median(ours) * 1000, statistics.median(reference) * 1000
    detail = f"p50 {mine:.2f} against {other:.2f} ms; p95 {_p95(ours):.2f} against {_p95(reference):.2f} ms"
    return Figure(f"Overhead of `{statement}`", mine - other, "ms", "<= 3", detail)


def _relayed(lake: psycopg.Connection[tuple[object, ...]], source: psycopg.Connection[tuple[object, ...]]) -> Figure:
    ours, reference = in_turns(
        lambda: lake.execute("select 1").fetchall(), lambda: source.execute("select 1").fetchall(), 2000
    )
    mine, other = statistics.median(ours) * 1000, statistics.median(reference) * 1000
    detail = f"p50 {mine:.3f} against {other:.3f} ms; p95 {_p95(ours):.3f} against {_p95(reference):.3f} ms"
    return Figure("Relayed `select 1`, time over PostgreSQL's", mine / other, "x", "<= 3", detail)


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] * 1000
