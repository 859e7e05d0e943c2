"""How much longer than in DuckDB alone, over the same files, do the queries of TPC-H and ClickBench take?"""

import re
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
# Constants that TPC-H compares with char(n): in the lake those values have their blanks, which DuckDB alone minds.
PADDED = {
    10: (
        *("BUILDING", "MAIL", "SHIP", "AIR", "AIR REG"),
        *(f"Brand#{first}{second}" for first in range(1, 6) for second in range(1, 6)),
        *(f"{size} {kind}" for size in ("SM", "MED", "LG") for kind in ("CASE", "BOX", "PACK", "PKG", "BAG")),
    ),
    15: ("1-URGENT", "2-HIGH"),
    25: (
        *("EUROPE", "ASIA", "AMERICA", "FRANCE", "GERMANY", "BRAZIL", "SAUDI ARABIA", "CANADA"),
        "DELIVER IN PERSON",
    ),
}
WITH_BLANKS = {text: text.ljust(width) for width, texts in PADDED.items() for text in texts}
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


def duckdbs_own(query: str) -> str:
    """Return a query as one would write it for DuckDB alone: constants for char(n) columns have their blanks."""
    return re.sub("'([^']*)'", lambda constant: f"'{WITH_BLANKS.get(constant[1], constant[1])}'", query)


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
    own = duckdbs_own(query)
    ours, other = in_turns(
        lambda: lake.execute(query.encode()).fetchall(), lambda: engine.execute(own).fetchall(), TIMES
    )
    return min(ours), min(other)
