"""COPY TO STDOUT, straight from libpq: psycopg's own loop takes twice the processor's time for each row.

libpq hands COPY out row by row; the loop over rows does nothing but gather them.
"""

import select
from collections.abc import Generator, Iterator
from contextlib import suppress

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result

BLOCK_BYTES = 4 << 20
HUGE_BYTES = 16 << 20
CANCEL_SECONDS = 10.0

Buffer = bytearray | memoryview


def copy_out(connection: psycopg.Connection, statement: sql.Composed) -> Generator[tuple[Buffer, bool], None, None]:
    """Yield what a COPY gives, in blocks of whole rows; a huge row is a block of its own.

    The connection must be in a transaction of its own: when the iteration ends early, the COPY is cancelled and the
    transaction has failed.
    Yields: a block, and whether it is one huge row.
    Raises: psycopg.Error.
    """
    pgconn = connection.pgconn
    result = pgconn.exec_(statement.as_string(connection).encode())
    if result.status != pq.ExecStatus.COPY_OUT:
        raise _error(result)
    finished = False
    try:
        yield from _blocks(pgconn)
        finished = True
    finally:
        if not finished:
            _cancel(connection)
    while (ending := pgconn.get_result()) is not None:
        if ending.status != pq.ExecStatus.COMMAND_OK:
            raise _error(ending)


def _blocks(pgconn: pq.abc.PGconn) -> Iterator[tuple[Buffer, bool]]:
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    get = pgconn.get_copy_data
    rows = bytearray()
    while True:
        size, row = get(1)
        if 0 < size < HUGE_BYTES:
            rows += row  # at once: to keep libpq's many small buffers costs twice the time
            if len(rows) >= BLOCK_BYTES:
                yield rows, False
                rows = bytearray()
        elif size == 0:
            readable.poll()
            pgconn.consume_input()
        elif size > 0:
            if rows:
                yield rows, False
                rows = bytearray()
            handed = [row]  # not copied, and not kept here
            del row
            yield handed.pop(), True
        else:
            break
    if rows:
        yield rows, False


def _cancel(connection: psycopg.Connection) -> None:
    """End a COPY whose rows nobody wants any more, and read away what is under way."""
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=CANCEL_SECONDS)
        while connection.pgconn.get_copy_data(0)[0] >= 0:
            pass
    with suppress(psycopg.Error):
        while connection.pgconn.get_result() is not None:
            pass


def _error(result: pq.abc.PGresult) -> psycopg.Error:
    return error_from_result(result, encoding="utf-8")
