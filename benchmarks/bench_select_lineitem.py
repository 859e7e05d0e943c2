"""How fast do all rows of a table reach a client, and does memory stay bounded when the client is slow?"""

import time
from collections.abc import Iterator

import psutil
import psycopg
from psycopg import pq

from benchmarks.figure import Figure, in_turns, speed_ratio
from benchmarks.stand import PeakMemory, Stand, stand

SCALE = 0.1
SELECT = "SELECT * FROM lineitem"
TEN_TIMES = "SELECT l.* FROM lineitem l CROSS JOIN (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) AS times(n)"
SLOW_ROWS_PER_SECOND = 400_000


def run() -> Iterator[Figure]:
    """Measure both."""
    with stand(SCALE) as place:
        yield _speed(place)
        yield from _memory(place)


def _speed(place: Stand) -> Figure:
    with psycopg.connect(place.lake_url) as lake, psycopg.connect(place.source_url) as source:
        rows = lake.execute(SELECT).rowcount
        ours, reference = in_turns(lambda: lake.execute(SELECT), lambda: source.execute(SELECT), times=5)
    ratio, spread = speed_ratio(ours, reference)
    detail = f"{rows / min(ours):,.0f} against {rows / min(reference):,.0f} rows/s at best; {spread}"
    return Figure("SELECT * FROM lineitem, rows/s over PostgreSQL's", ratio, "x", ">= 0.9", detail)


def _memory(place: Stand) -> Iterator[Figure]:
    engines = place.server.children(recursive=True)
    engines = [process for process in engines if "pgserver.engine" in process.cmdline()]
    with PeakMemory(place.server, *engines) as memory:
        rows, duration = _read_slowly(place.lake_url, memory)
    detail = f"{rows:,} rows in {duration:.0f} s to a client that takes {SLOW_ROWS_PER_SECOND:,} a second"
    yield Figure("Server process, while 6 M rows go to a slow client", memory.peak_mb[0], "MB", "< 400", detail)
    yield Figure("Engine process, meanwhile", max(memory.peak_mb[1:], default=0.0), "MB", "", f"{_count(engines)}")


def _count(engines: list[psutil.Process]) -> str:
    return f"the largest of {len(engines)}"


def _read_slowly(url: str, memory: PeakMemory) -> tuple[int, float]:
    start = time.perf_counter()
    rows = 0
    with psycopg.connect(url, autocommit=True) as connection:
        wire = connection.pgconn
        wire.send_query(TEN_TIMES.encode())
        wire.set_chunked_rows_mode(10_000) if pq.version() >= 170000 else wire.set_single_row_mode()
        while (result := wire.get_result()) is not None:
            if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
                raise RuntimeError(result.error_message.decode())
            before, rows = rows, rows + result.ntuples
            if rows // 10_000 > before // 10_000:
                memory.look()
                time.sleep(max(0.0, start + rows / SLOW_ROWS_PER_SECOND - time.perf_counter()))
    return rows, time.perf_counter() - start
