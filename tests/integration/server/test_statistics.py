"""pg_stat_statements shows what the server has run."""

import psycopg
import pytest

from tests.support.programs import Program
from tests.support.servers import wait_until

SHOWN = "SELECT query, way, calls, rows, read_bytes > 0, mean_exec_time > 0 FROM pg_stat_statements WHERE query LIKE %s"


@pytest.mark.parametrize(
    ("text", "shown", "way", "rows", "reads"),
    [
        ("SELECT count(*) FROM nation WHERE n_nationkey < 7", "SELECT count(*) FROM nation WHERE n_nationkey < ?",
         "lake", 1, True),
        ("SELECT n_name FROM nation WHERE n_name <> 'x' AND random() + 1 < 3",
         "SELECT n_name FROM nation WHERE n_name <> ? AND random() + ? < ?", "bridge", 25, True),
        ("SELECT 4711 AS twin", "SELECT ? AS twin", "postgres", 0, False),
    ],
)  # fmt: skip
def test_shows_the_way_and_counts(text: str, shown: str, way: str, rows: int, reads: bool, server: Program) -> None:
    with psycopg.connect(server.url("statistician"), autocommit=True) as connection:
        for _ in range(3):
            connection.execute(text.encode())
        wait_until(lambda: bool(connection.execute(SHOWN, [shown]).fetchall()), what=shown)
        wait_until(lambda: connection.execute(SHOWN, [shown]).fetchall()[0][2] == 3, what="three calls")
        assert connection.execute(SHOWN, [shown]).fetchall() == [(shown, way, 3, 3 * rows, reads, True)]


def test_others_do_not_see_the_text(server: Program) -> None:
    with psycopg.connect(server.url("secretive"), autocommit=True) as connection:
        connection.execute("SELECT 'x' AS secret_column")
        wait_until(lambda: bool(connection.execute(SHOWN, ["%secret_column"]).fetchall()), what="it is shown")
    with psycopg.connect(server.url("curious"), autocommit=True) as connection:
        assert connection.execute(SHOWN, ["%secret_column"]).fetchall() == []
        hidden = "SELECT count(*) > 0 FROM pg_stat_statements WHERE query = '<insufficient privilege>'"
        assert connection.execute(hidden).fetchone() == (True,)
