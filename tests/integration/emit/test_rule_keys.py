"""Each rule's key is a signature that Postgres prints."""

from collections.abc import Iterable

import psycopg
import pytest

from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.emit.casts.table import CASTS
from pgserver.emit.functions.sets import SETS
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.operators.table import OPERATORS
from tests.conftest import PostgresServer


@pytest.mark.parametrize(
    ("keys", "query"),
    [
        pytest.param(
            FUNCTIONS.keys() | CASTS.keys() | SETS.keys(), "SELECT oid::regprocedure::text FROM pg_proc", id="functions"
        ),
        pytest.param(OPERATORS.keys(), "SELECT oid::regoperator::text FROM pg_operator", id="operators"),
        pytest.param(
            AGGREGATES.keys(),
            "SELECT oid::regprocedure::text FROM pg_proc WHERE prokind IN ('a', 'w')",
            id="aggregates",
        ),
    ],
)
def test_each_key_is_a_signature(keys: Iterable[str], query: str, postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url()) as connection:
        known = {row[0] for row in connection.execute(query.encode())}
    assert set(keys) <= known, sorted(set(keys) - known)


def test_boolean_operators_are_strict(postgres: PostgresServer) -> None:
    """The bridge takes a comparison for false where its column is NULL (plan/readings.py)."""
    query = "SELECT o.oid::regoperator::text FROM pg_operator o JOIN pg_proc p ON p.oid = oprcode"
    with psycopg.connect(postgres.url()) as connection:
        assert (
            connection.execute(f"{query} WHERE oprresult = 'bool'::regtype AND NOT proisstrict".encode()).fetchall()
            == []
        )


def test_functions_and_casts_share_no_key() -> None:
    assert not FUNCTIONS.keys() & CASTS.keys()
