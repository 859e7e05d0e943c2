"""What does it cost to compile a statement for the engine, beside PostgreSQL's own Parse and Describe?"""

import itertools
import statistics
from collections.abc import Iterator
from functools import partial

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from benchmarks.figure import Figure, in_turns
from benchmarks.stand import stand
from sample import tpch

SCALE = 0.1
TIMES = 15


def run() -> Iterator[Figure]:
    """Measure the queries of TPC-H, as texts seen before and as new ones."""
    numbers = itertools.count()
    with (
        stand(SCALE) as place,
        psycopg.connect(place.lake_url, autocommit=True) as lake,
        psycopg.connect(place.source_url, autocommit=True) as source,
    ):

        def describe(connection: psycopg.Connection[tuple[object, ...]], query: str, *, new: bool) -> None:
            """Parse and Describe in one round trip, as drivers send them."""
            text = f"{query} -- {next(numbers)}" if new else query
            connection.pgconn.send_prepare(b"", text.encode())
            connection.pgconn.send_describe_prepared(b"")
            connection.pgconn.pipeline_sync()
            statuses = list(iter(lambda: _result(connection.pgconn), ExecStatus.PIPELINE_SYNC))
            assert statuses.count(ExecStatus.COMMAND_OK) == 2, statuses

        lake.pgconn.enter_pipeline_mode()
        source.pgconn.enter_pipeline_mode()
        for name, new, bar in (("seen before", False, "<= 0.3"), ("new", True, "<= 3")):
            overheads = []
            for _, query in tpch.queries():
                ours, reference = in_turns(
                    partial(describe, lake, query, new=new),
                    partial(describe, source, query, new=new),
                    TIMES,
                )
                overheads.append((statistics.median(ours) - statistics.median(reference)) * 1000)
            detail = f"mean of the 22 queries of TPC-H; {min(overheads):.2f} to {max(overheads):.2f} ms"
            yield Figure(f"Compiling a text {name}, over PostgreSQL's", statistics.mean(overheads), "ms", bar, detail)


def _result(connection: PGconn) -> int | None:
    """Return the status of the next result; None parts the results of commands."""
    result = connection.get_result()
    return None if result is None else result.status
