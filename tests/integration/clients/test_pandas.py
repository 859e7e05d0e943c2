"""pandas: `read_sql` through SQLAlchemy with psycopg and through ADBC, `read_sql_table` with its reflection."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi as adbc
from pandas.testing import assert_frame_equal

from tests.conftest import Source
from tests.support.programs import Program

QUERIES = (
    "SELECT * FROM nasty.numbers ORDER BY id",
    "SELECT * FROM nasty.texts ORDER BY id",
    "SELECT id, u, by, j, jb, m, p FROM nasty.things ORDER BY id",
    "SELECT id, ints, bigs, texts, bools, blobs FROM nasty.arrays ORDER BY id",
    "SELECT * FROM nasty.times WHERE id NOT IN (5, 6, 8, 9, 11) ORDER BY id",  # Python has no infinity and no BC
    "SELECT * FROM nasty.people ORDER BY id",
    "SELECT * FROM nasty.events ORDER BY id",
    "SELECT * FROM nasty.empty",
    "SELECT dept, count(*), avg(salary), min(hired) FROM nasty.people GROUP BY dept ORDER BY dept",
)
LARGE = (
    "SELECT l_orderkey, l_shipdate, l_tax, l_comment FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)"
    " ORDER BY copy, l_orderkey, l_linenumber"
)


@pytest.fixture(scope="module")
def engines(source: Source, server: Program) -> Iterator[list[sa.Engine]]:
    made = [
        sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), connect_args=options)
        for url in (source.url, server.url())
        for options in [{"options": "-c TimeZone=UTC"}]
    ]
    yield made
    for engine in made:
        engine.dispose()


@pytest.fixture
def alchemy(engines: list[sa.Engine]) -> Iterator[list[sa.Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(engine.connect()) for engine in engines]


@pytest.fixture
def arrow(source: Source, server: Program) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        yield [stack.enter_context(adbc.connect(url)) for url in (source.url, server.url())]


@pytest.mark.parametrize("query", QUERIES)
def test_reads_a_query_by_sqlalchemy(query: str, alchemy: list[sa.Connection]) -> None:
    theirs, ours = (pd.read_sql(sa.text(query), connection) for connection in alchemy)
    assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("query", QUERIES)
def test_reads_a_query_by_adbc(query: str, arrow: list[Any]) -> None:
    theirs, ours = (pd.read_sql(query, connection, dtype_backend="pyarrow") for connection in arrow)
    assert ours.dtypes.astype(str).to_dict() == theirs.dtypes.astype(str).to_dict()
    assert repr(ours.to_dict("list")) == repr(theirs.to_dict("list"))  # repr: NaN equals itself


def test_binds_parameters_and_sets_an_index(alchemy: list[sa.Connection]) -> None:
    query = sa.text(
        "SELECT o_orderkey, o_orderdate, o_totalprice FROM orders WHERE o_orderdate > :day AND o_custkey = :k"
    )
    options: Any = {"params": {"day": "1995-06-01", "k": 4}, "index_col": "o_orderkey", "parse_dates": ["o_orderdate"]}
    theirs, ours = (pd.read_sql(query, connection, **options).sort_index() for connection in alchemy)
    assert len(theirs)
    assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(("schema", "table"), [("public", "orders"), ("nasty", "people"), ("nasty", "events")])
def test_reads_a_table_by_reflection(schema: str, table: str, alchemy: list[sa.Connection]) -> None:
    frames = []
    for connection in alchemy:
        frame = pd.read_sql_table(table, connection, schema=schema)
        frames.append(frame.sort_values(frame.columns[0], ignore_index=True))
    assert len(frames[0])
    assert_frame_equal(frames[1], frames[0])


def test_reads_columns_of_a_table_by_adbc(arrow: list[Any]) -> None:
    theirs, ours = (pd.read_sql_table("customer", c, schema="public", columns=["c_custkey", "c_name"]) for c in arrow)
    assert_frame_equal(ours.sort_values("c_custkey"), theirs.sort_values("c_custkey"))


def test_adbc_lists_the_tables(arrow: list[Any]) -> None:
    found = []
    for connection in arrow:
        catalogs = connection.adbc_get_objects(depth="columns", catalog_filter="bemidb").read_all().to_pylist()
        schemas = {schema["db_schema_name"]: schema["db_schema_tables"] for schema in catalogs[0]["catalog_db_schemas"]}
        tables = {name: sorted(schemas[name], key=lambda table: table["table_name"]) for name in ("public", "nasty")}
        for table in (*tables["public"], *tables["nasty"]):
            table["table_constraints"].sort(key=lambda key: key["constraint_name"])
        found.append(tables)
    assert len(found[0]["public"]) == 8
    assert found[1] == found[0]


def test_many_rows_at_once_and_in_chunks(alchemy: list[sa.Connection], arrow: list[Any]) -> None:
    theirs, ours = (pd.read_sql(LARGE, connection, dtype_backend="pyarrow") for connection in arrow)
    assert len(theirs) == 120350
    assert_frame_equal(ours, theirs)
    streamed = alchemy[1].execution_options(stream_results=True)
    narrow = sa.text("SELECT l_orderkey, l_comment FROM lineitem ORDER BY l_orderkey, l_linenumber")
    chunks = list(pd.read_sql(narrow, streamed, chunksize=25000))
    assert [len(chunk) for chunk in chunks] == [25000, 25000, 10175]
    whole = pd.concat(chunks, ignore_index=True)
    assert whole["l_comment"].tolist() == theirs["l_comment"][:60175].tolist()


@pytest.mark.parametrize(
    ("query", "sqlstate"),
    [("SELECT nope FROM nasty.people", "42703"), ("SELECT 1 / (id - 1) FROM nasty.people", "22012")],
)
def test_an_error_leaves_the_session_usable(query: str, sqlstate: str, alchemy: list[sa.Connection]) -> None:
    for connection in alchemy:
        with pytest.raises(pd.errors.DatabaseError) as error:
            pd.read_sql(sa.text(query), connection)
        cause = error.value.__cause__
        assert isinstance(cause, sa.exc.DBAPIError)
        assert cause.orig is not None
        assert getattr(cause.orig, "sqlstate", None) == sqlstate
        connection.rollback()
        assert pd.read_sql(sa.text("SELECT count(*) AS n FROM region"), connection)["n"].tolist() == [5]
