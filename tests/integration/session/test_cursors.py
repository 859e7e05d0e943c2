"""Cursors as drivers use them, and what they cost."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import tuple_row

from tests.support.programs import Program

LINES = "SELECT l_orderkey, l_linenumber, l_comment FROM lineitem WHERE l_orderkey > %s ORDER BY 1, 2"


@pytest.fixture
def connection(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), row_factory=tuple_row) as connection:
        yield connection


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("scrollable", "withhold"), [(None, False), (True, False), (False, True), (None, True)])
def test_server_side_cursors_of_psycopg(
    connection: psycopg.Connection, binary: bool, scrollable: bool | None, withhold: bool
) -> None:
    wanted = connection.execute(LINES, (100,)).fetchall()
    with connection.cursor("named", scrollable=scrollable, withhold=withhold, binary=binary) as cursor:
        cursor.itersize = 7000
        cursor.execute(LINES, (100,))
        assert cursor.fetchmany(3) == wanted[:3]
        if withhold:
            connection.commit()
        assert list(cursor) == wanted[3:]
        if scrollable:
            cursor.scroll(0, mode="absolute")
            assert cursor.fetchone() == wanted[0]


def test_formats_may_change_only_before_rows_are_seen(connection: psycopg.Connection) -> None:
    connection.execute("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM nasty.people ORDER BY id")
    connection.commit()  # filled as text
    assert connection.execute("FETCH 2 FROM c", binary=True).fetchall() == [(1,), (2,)]
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="another"):
        connection.execute("FETCH 2 FROM c", binary=False)


def test_a_cursor_keeps_the_now_of_its_transaction(connection: psycopg.Connection) -> None:
    connection.execute("DECLARE c CURSOR WITH HOLD FOR SELECT now() FROM nasty.people LIMIT 1")
    before = connection.execute("SELECT now()").fetchone()
    connection.commit()
    assert connection.execute("FETCH c").fetchone() == before


def test_disk_is_given_back(server: Program, lake: dict[str, str], connection: psycopg.Connection) -> None:
    spill = Path(lake["BEMIDB_DATA_DIR"]) / "spill"

    def kept_bytes() -> int:
        folder = Path(f"/proc/{server.process.pid}/fd")
        links = [os.stat(entry) for entry in folder.iterdir() if _target(entry).startswith(str(spill))]  # noqa: PTH116
        return sum(link.st_size for link in links)

    connection.execute("DECLARE c SCROLL CURSOR FOR SELECT * FROM lineitem")
    connection.execute("MOVE ALL IN c")
    assert kept_bytes() > 5_000_000
    connection.rollback()  # answered just before the file is closed
    deadline = time.monotonic() + 5
    while kept_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept_bytes() == 0


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""


def test_what_reads_the_lake_into_a_table_is_refused(connection: psycopg.Connection) -> None:
    connection.execute("PREPARE p AS SELECT id FROM nasty.people")
    connection.commit()
    for statement in ("CREATE TEMP TABLE t AS EXECUTE p", "EXPLAIN ANALYZE CREATE TEMP TABLE t AS EXECUTE p"):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(statement)
        connection.rollback()
