"""A query asked again asks nothing of object storage."""

import psycopg
import pytest

from tests.conftest import S3Server
from tests.support.programs import Program

QUERIES = (
    "SELECT count(*), sum(l_extendedprice) FROM lineitem WHERE l_shipdate < date '1995-01-01'",
    "SELECT o_orderpriority, count(*) FROM orders JOIN lineitem ON l_orderkey = o_orderkey GROUP BY 1 ORDER BY 1",
    "SELECT * FROM nasty.people ORDER BY id",
)


@pytest.mark.parametrize("query", QUERIES)
def test_makes_no_request_to_s3(query: str, server_s3: Program, s3: S3Server) -> None:
    with psycopg.connect(server_s3.url(), autocommit=True) as connection:
        before = s3.requests.total()
        first = connection.execute(query).fetchall()
        cold = s3.requests.total() - before
        second = connection.execute(query).fetchall()
        hot = s3.requests.total() - before - cold
    assert second == first
    assert hot == 0


def test_cold_queries_are_counted(server_s3: Program, s3: S3Server) -> None:
    before = s3.requests.total()
    with psycopg.connect(server_s3.url(), autocommit=True) as connection:
        connection.execute("SELECT count(DISTINCT ps_comment) FROM partsupp").fetchall()
    assert s3.requests.total() > before, "the counter counts nothing"


def test_another_session_is_as_hot(server_s3: Program, s3: S3Server) -> None:
    with psycopg.connect(server_s3.url(), autocommit=True) as connection:
        connection.execute(QUERIES[0]).fetchall()
    before = s3.requests.total()
    with psycopg.connect(server_s3.url(), autocommit=True) as connection:
        connection.execute(QUERIES[0]).fetchall()
    assert s3.requests.total() == before
