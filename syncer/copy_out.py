"""COPY TO STDOUT of a source: off the socket where that can be read, else by libpq.

Both are straight from the connection: psycopg's own loop takes twice the processor's time for each row.
"""

import select
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from itertools import islice

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result

from syncer.copy_messages import BLOCK_BYTES, HUGE_BYTES, Block, CopyMessages, can_be_read

CANCEL_SECONDS = 10.0


def copy_out(connection: psycopg.Connection, statement: sql.Composed) -> Generator[Block, None, None]:
    """Yield what a COPY in format csv gives, in blocks of whole rows; a huge row is a block of its own.

    The connection must be in a transaction of its own: when the iteration ends early, the COPY is cancelled and the
    transaction has failed.
    Raises: psycopg.Error.
    """
    text = statement.as_string(connection).encode()
    return _off_the_socket(connection, text) if can_be_read(connection.pgconn) else _by_libpq(connection, text)


def _off_the_socket(connection: psycopg.Connection, statement: bytes) -> Generator[Block, None, None]:
    with closing(CopyMessages(connection.pgconn)) as messages:
        messages.send(statement)
        blocks = messages.blocks()
        try:
            while handed := [*islice(blocks, 1)]:
                yield handed.pop()  # it may be huge: not kept here
        finally:
            if not messages.is_ready and connection.pgconn.status == pq.ConnStatus.OK:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=CANCEL_SECONDS)
                    for _ in blocks:
                        pass
        if messages.error is not None:
            raise messages.error


def _by_libpq(connection: psycopg.Connection, statement: bytes) -> Generator[Block, None, None]:
    pgconn = connection.pgconn
    result = pgconn.exec_(statement)
    if result.status != pq.ExecStatus.COPY_OUT:
        raise _error(result)
    finished = False
    try:
        yield from _blocks(pgconn)
        finished = True
    finally:
        if not finished:
            _cancel(connection)
    endings = list(iter(pgconn.get_result, None))  # all, so that the connection can be used again
    for ending in endings:
        if ending.status != pq.ExecStatus.COMMAND_OK:
            raise _error(ending)


def _blocks(pgconn: pq.abc.PGconn) -> Iterator[Block]:
    """Gather the rows that libpq hands out; the loop over rows does nothing else."""
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    get = pgconn.get_copy_data
    rows = bytearray()
    while True:
        size, row = get(1)
        if 0 < size < HUGE_BYTES:
            rows += row  # at once: to keep libpq's many small buffers costs twice the time
            if len(rows) >= BLOCK_BYTES:
                yield Block(rows)
                rows = bytearray()
        elif size == 0:
            readable.poll()
            pgconn.consume_input()
        elif size > 0:
            if rows:
                yield Block(rows)
                rows = bytearray()
            handed = [Block(row, is_one_row=True)]  # not copied, and not kept here
            del row
            yield handed.pop()
        else:
            break
    if rows:
        yield Block(rows)


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
