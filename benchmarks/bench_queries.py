"""How much longer than in DuckDB alone, over the same files, do the queries of TPC-H and ClickBench take?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import psycopg

from benchmarks.figure import Figure, in_turns
from benchmarks.stand import duckdb_over_the_same_files, stand
from sample import tpch

SCALE = 1
HITS_ROWS = 1_000_000
TIMES = 3
CLICKBENCH = Path(__file__).parents[1] / "tests/compat/sql/clickbench/queries.sql"


def run() -> Iterator[Figure]:
    """Measure both sets, hot, without a cache of results."""
    with (
        stand(SCALE, HITS_ROWS) as place,
        duckdb_over_the_same_files(place, (*tpch.TABLES, "hits")) as engine,
        psycopg.connect(place.lake_url, autocommit=True, options="-c search_path=public,clickbench") as lake,
    ):
        yield from _set(f"TPC-H {SCALE:g}", [query for _, query in tpch.queries()], lake, engine)
        yield from _set(f"ClickBench, {HITS_ROWS:,} rows", clickbench(), lake, engine)


def clickbench() -> list[str]:
    """Return the queries, one a line of their file; they are DuckDB's own SQL as well."""
    return [line for line in CLICKBENCH.read_text("utf-8").splitlines() if line.startswith("SELECT")]


def _set(
    name: str,
    queries: Sequence[str],
    lake: psycopg.Connection[tuple[object, ...]],
    engine: duckdb.DuckDBPyConnection,
) -> Iterator[Figure]:
    times = [_best(query, lake, engine) for query in queries]
    ours, other = (sum(side) for side in zip(*times, strict=True))
    yield Figure(
        f"{name}: time of all queries over DuckDB's", ours / other, "x", "<= 1.15", f"{ours:.2f} against {other:.2f} s"
    )
    ratios = sorted(((mine / its, number) for number, (mine, its) in enumerate(times, start=1)), reverse=True)
    told = ", ".join(f"q{number} {ratio:.2f}x of {times[number - 1][1] * 1000:.0f} ms" for ratio, number in ratios[:5])
    yield Figure(f"{name}: the slowest query against DuckDB", ratios[0][0], "x", "<= 1.5", told)


def _best(
    query: str, lake: psycopg.Connection[tuple[object, ...]], engine: duckdb.DuckDBPyConnection
) -> tuple[float, float]:
    ours, other = in_turns(
        lambda: lake.execute(query.encode()).fetchall(), lambda: engine.execute(query).fetchall(), TIMES
    )
    return min(ours), min(other)
