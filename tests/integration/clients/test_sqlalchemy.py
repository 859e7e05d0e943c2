"""SQLAlchemy: reflection sees of the lake what it sees of the source."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import Source
from tests.support.programs import Program

TPCH = ("region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem")


@pytest.fixture(scope="module")
def engines(source: Source, server: Program) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    urls = (source.url, server.url())
    theirs, ours = (sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://")) for url in urls)
    yield theirs, ours
    theirs.dispose()
    ours.dispose()


@pytest.fixture(scope="module")
def inspectors(engines: tuple[sa.Engine, sa.Engine]) -> tuple[Any, Any]:
    return sa.inspect(engines[0]), sa.inspect(engines[1])


def plain(value: object) -> object:
    """Types have no equality of their own: compare what they print."""
    return repr(value)


@pytest.mark.parametrize("schema", ["public", "nasty"])
def test_tables(schema: str, inspectors: tuple[Any, Any]) -> None:
    theirs, ours = inspectors
    assert sorted(ours.get_table_names(schema)) == sorted(theirs.get_table_names(schema))
    assert ours.get_view_names(schema) == []
    # `bemidb` is there when somebody has asked for it.
    assert set(ours.get_schema_names()) - {"bemidb"} == set(theirs.get_schema_names())


@pytest.mark.parametrize(
    "method", ["get_pk_constraint", "get_foreign_keys", "get_table_comment", "get_unique_constraints"]
)
@pytest.mark.parametrize("schema", ["public", "nasty"])
def test_keys_and_comments(schema: str, method: str, inspectors: tuple[Any, Any]) -> None:
    theirs, ours = inspectors
    for table in theirs.get_table_names(schema):
        expected = getattr(theirs, method)(table, schema)
        assert plain(getattr(ours, method)(table, schema)) == plain(expected), table


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("schema", ["public", "nasty"])
def test_columns(schema: str, inspectors: tuple[Any, Any]) -> None:
    theirs, ours = inspectors
    for table in theirs.get_table_names(schema):
        for expected, column in zip(theirs.get_columns(table, schema), ours.get_columns(table, schema), strict=True):
            same = ("name", "type", "nullable", "comment")
            assert [plain(column.get(key)) for key in same] == [plain(expected.get(key)) for key in same], table


def test_enums(inspectors: tuple[Any, Any]) -> None:
    theirs, ours = inspectors
    assert ours.get_enums("nasty") == theirs.get_enums("nasty")


def test_reflected_tables_can_be_asked(engines: tuple[sa.Engine, sa.Engine]) -> None:
    answers = []
    for engine in engines:
        tables = sa.MetaData()
        tables.reflect(engine, schema="public", only=TPCH)
        orders, customer = tables.tables["public.orders"], tables.tables["public.customer"]
        query = (
            sa.select(customer.c.c_mktsegment, sa.func.count(), sa.func.sum(orders.c.o_totalprice))
            .select_from(orders.join(customer))
            .where(orders.c.o_orderdate >= sa.literal("1995-01-01").cast(sa.Date))
            .group_by(customer.c.c_mktsegment)
            .order_by(customer.c.c_mktsegment)
        )
        with engine.connect() as connection:
            answers.append(connection.execute(query).fetchall())
    assert answers[1] == answers[0]
