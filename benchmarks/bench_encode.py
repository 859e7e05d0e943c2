"""How fast does one thread lay rows out for the wire, against PostgreSQL writing them to a drained socket?"""

from collections.abc import Iterator

import psycopg
import pyarrow as pa

from benchmarks.figure import Figure, in_turns, speed_ratio
from benchmarks.stand import source
from pgserver.encode.encoders import encoders_for
from pgserver.encode.rows import WireColumn, WireSettings, encode_rows
from sample import tpch

SCALE = 0.1
CHUNK_ROWS = 6144  # about a MiB, as the engine sends them
COLUMNS = (  # type OIDs of lineitem at the source
    *(20, 20, 20, 23),
    *(1700, 1700, 1700, 1700),
    *(1042, 1042, 1082, 1082, 1082, 1042, 1042, 1043),
)


def run() -> Iterator[Figure]:
    """Measure text and binary format."""
    batches = lineitem()
    rows = sum(batch.num_rows for batch in batches)
    with source(SCALE) as postgres, psycopg.connect(postgres.url()) as connection:
        for name, form, copy in (
            ("text", 0, "COPY lineitem TO STDOUT"),
            ("binary", 1, "COPY lineitem TO STDOUT (FORMAT binary)"),
        ):

            def ours(form: int = form) -> None:
                encode(batches, form)

            def reference(copy: str = copy) -> None:
                drain(connection, copy)

            mine, other = in_turns(ours, reference, times=5)
            ratio, spread = speed_ratio(mine, other)
            detail = f"{rows / min(mine):,.0f} against {rows / min(other):,.0f} rows/s at best; {spread}"
            yield Figure(
                f"Encode lineitem in {name} format, rows/s over PostgreSQL's COPY", ratio, "x", ">= 1.0", detail
            )


def lineitem() -> list[pa.RecordBatch]:
    """Return the rows as the engine has them."""
    with tpch.generate(SCALE) as duck:
        duck.execute("SET arrow_large_buffer_size = true")
        narrow = "* REPLACE (l_linenumber::INTEGER AS l_linenumber)"
        return list(duck.execute(f"SELECT {narrow} FROM lineitem").to_arrow_reader(CHUNK_ROWS))


def encode(batches: list[pa.RecordBatch], form: int) -> None:
    """Lay all rows out."""
    columns = [WireColumn(oid, -1, form) for oid in COLUMNS]
    encoders = encoders_for(columns, batches[0].schema, WireSettings())
    for batch in batches:
        encode_rows(batch, encoders)


def drain(connection: psycopg.Connection, statement: str) -> None:
    """Read what a COPY sends, and drop it."""
    with connection.cursor().copy(statement.encode()) as copy:
        for _ in copy:
            pass
