"""The bridge brings those rows alone that a statement's conditions leave, and no more bytes than it may."""

import re
import urllib.request
from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import Source, free_port
from tests.support.servers import Server

PEOPLE, EVENTS = 10, 30
JOINED = "SELECT ln(p.salary + 1) FROM nasty.people p {} JOIN nasty.events e ON e.person_id = p.id "


@pytest.fixture(scope="module")
def http_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], http_port: int) -> Server:
    return make_server(BEMIDB_HTTP_PORT=str(http_port), BEMIDB_BRIDGE_MAX_BYTES="100000")


@pytest.fixture
def brought(http_port: int) -> Callable[[], int]:
    """Return how many rows were brought since the last call."""
    before = [0]

    def count() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=10) as answer:
            found = re.search(r"^bemidb_bridge_rows_total (\S+)", answer.read().decode(), re.MULTILINE)
        assert found is not None
        now = int(float(found[1]))
        before[0], since = now, now - before[0]
        return since

    count()
    return count


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT ln(salary + 1) FROM nasty.people", PEOPLE),
        ("SELECT ln(salary + 1) FROM nasty.people WHERE id < 4", 3),
        ("SELECT ln(salary + 1) FROM nasty.people WHERE id < 4 AND ln(salary + 1) > 0", 3),
        ("SELECT ln(salary + 1) FROM nasty.people WHERE id < 4 OR ln(salary + 1) > 0", PEOPLE),
        ("SELECT ln(a.salary + 1) FROM nasty.people a, nasty.people b WHERE a.id = 1 AND b.id = 2", 2),
        ("SELECT ln(a.salary + 1) FROM nasty.people a, nasty.people b WHERE a.id = 1", PEOPLE),
        ("SELECT ln(x + 1) FROM (SELECT id AS i, salary AS x FROM nasty.people) s WHERE i = 1", 1),
        ("SELECT ln(x + 1) FROM (SELECT id AS i, salary AS x FROM nasty.people LIMIT 9) s WHERE i = 1", PEOPLE),
        (JOINED.format("") + "WHERE p.id = 1 AND e.id < 11", 11),
        (JOINED.format("LEFT") + "AND e.id < 11 WHERE p.id = 1", 11),
        (JOINED.format("LEFT") + "AND p.id = 1 WHERE e.id IS NULL", PEOPLE + EVENTS),
        (JOINED.format("LEFT") + "WHERE e.id < 11", PEOPLE + 10),
        (JOINED.format("FULL") + "WHERE p.id = 1", 1 + EVENTS),
        (
            "SELECT ln(salary + 1) FROM nasty.people WHERE id IN (SELECT person_id FROM nasty.events WHERE id = 1)",
            PEOPLE + 1,
        ),
        ("SELECT ln(salary + 1), relname FROM nasty.people, pg_class WHERE id = 1 AND relname = 'pg_class'", 1),
    ],
)
def test_conditions_decide_what_is_brought(
    server: Server, brought: Callable[[], int], statement: str, rows: int
) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement.encode())
    assert brought() == rows


def test_parameters_decide_too(server: Server, brought: Callable[[], int]) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SELECT ln(salary + 1) FROM nasty.people WHERE id = %s", (2,))
    assert brought() == 1


def test_beside_temporary_tables_sure_conditions_decide(server: Server, brought: Callable[[], int]) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1 AS id")
        connection.execute("SELECT * FROM mine JOIN nasty.people p USING (id) WHERE p.id < 3 AND 6 / p.id > 1")
        assert brought() == 2


def test_a_condition_that_fails_in_the_engine_is_left_to_postgres(server: Server, brought: Callable[[], int]) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        statement = "SELECT ln(salary + 1) FROM nasty.people WHERE id < 3 AND 6 / (id - 2) < 0"
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute(statement.encode())
        assert brought() == 2


RANK = "ts_rank(to_tsvector('simple', o_comment), to_tsquery('simple', 'express'))"


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (
            f"SELECT {RANK} AS rank, sum(l_quantity) {{}} GROUP BY o_orderkey, 1 ORDER BY rank, 2",
            "FROM orders JOIN lineitem ON l_orderkey = o_orderkey JOIN customer ON c_custkey = o_custkey"
            " WHERE c_name = 'Customer#000000370'",
        ),
        (
            "SELECT to_tsvector('simple', o_orderpriority)::text AS words, lines {} ORDER BY words",
            "FROM (SELECT o_orderpriority, count(*) AS lines FROM orders, lineitem"
            " WHERE o_orderkey = l_orderkey GROUP BY 1) s",
        ),
    ],
)
def test_the_engine_joins_and_groups_what_stands_below(
    server: Server, source: Source, brought: Callable[[], int], upper: str, lower: str
) -> None:
    with psycopg.connect(source.url) as plain, psycopg.connect(server.url(), autocommit=True) as lake:
        (rows,) = plain.execute(f"SELECT count(*) {lower}".encode()).fetchone() or (0,)
        assert 0 < rows < 1000
        expected = plain.execute(upper.format(lower).encode()).fetchall()
        assert lake.execute(upper.format(lower).encode()).fetchall() == expected
        assert brought() == rows
        (explained,) = lake.execute(f"EXPLAIN (FORMAT JSON) {upper.format(lower)}".encode()).fetchone() or ([],)
        assert "ts" in explained[0]["Plan"]["Reason"]
        assert brought() == 0


def test_the_engine_groups(server: Server, brought: Callable[[], int]) -> None:
    statement = "SELECT to_tsvector('simple', o_orderpriority), sum(o_totalprice) FROM orders GROUP BY o_orderpriority"
    with psycopg.connect(server.url(), autocommit=True) as lake:
        assert len(lake.execute(statement.encode()).fetchall()) == 5
    assert brought() == 5


def test_rows_that_cannot_be_joined_in_the_engine_are_brought_table_by_table(
    server: Server, brought: Callable[[], int]
) -> None:
    joined = f"SELECT {RANK} FROM orders JOIN nation ON o_orderkey = n_nationkey WHERE o_orderkey < 9"
    with psycopg.connect(server.url(), autocommit=True) as lake:
        lake.execute(joined.encode())
        assert 0 < brought() < 9
        lake.execute((joined + " AND to_tsvector('simple', n_comment) IS NOT NULL").encode())
        assert 25 <= brought() < 100


def test_more_than_the_budget_is_refused(server: Server) -> None:
    statement = "SELECT count(*) FROM (SELECT ln(l_quantity), l_comment FROM public.lineitem {}) l"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.ProgramLimitExceeded) as caught:
            connection.execute(statement.format("").encode())
        assert "function ln(numeric)" in str(caught.value.diag.message_detail)
        assert connection.execute(statement.format("WHERE l_orderkey < 10").encode()).fetchone() == (25,)
