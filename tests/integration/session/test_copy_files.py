"""COPY TO STDOUT as a Parquet file and as a stream of Arrow: formats that Postgres does not have."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.programs import Program


@pytest.fixture(scope="module")
def ours(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def copied(connection: psycopg.Connection, what: str, form: str) -> pa.Table:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {what} TO STDOUT (FORMAT {form})".encode()) as copy:
            content = b"".join(bytes(part) for part in copy)
        rows = cursor.rowcount
    table = pq.read_table(BytesIO(content)) if form == "parquet" else pa.ipc.open_stream(content).read_all()
    assert table.num_rows == rows
    return table


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("lineitem", "SELECT * FROM lineitem"),
        ("orders (o_orderkey, o_comment)", "SELECT o_orderkey, o_comment FROM orders"),
        ("(SELECT n_name AS \"The Name\", 2 * n_regionkey FROM nation WHERE n_nationkey < 0)",
         "SELECT n_name AS \"The Name\", 2 * n_regionkey FROM nation WHERE n_nationkey < 0"),
    ],
)  # fmt: skip
def test_all_rows_under_the_names_of_the_query(what: str, query: str, form: str, ours: psycopg.Connection) -> None:
    table = copied(ours, what, form)
    cursor = ours.execute(query.encode())
    assert cursor.description is not None
    assert table.column_names == [column.name for column in cursor.description]
    assert sorted(zip(*table.to_pydict().values(), strict=True)) == sorted(cursor.fetchall())


def test_types(ours: psycopg.Connection) -> None:
    query = "SELECT l_orderkey, l_quantity, l_shipdate, l_comment, NULL::int AS nothing FROM lineitem"
    types = copied(ours, f"({query})", "parquet").schema.types
    assert types == [pa.int64(), pa.decimal128(15, 2), pa.date32(), pa.large_string(), pa.int32()]
    (row,) = copied(ours, f"({query} ORDER BY l_orderkey, l_linenumber LIMIT 1)", "arrow").to_pylist()
    assert isinstance(row["l_quantity"], Decimal)
    assert isinstance(row["l_shipdate"], datetime.date)


def test_what_only_postgres_computes_is_refused(ours: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="FORMAT parquet"):
        copied(ours, "(SELECT n_name, random() FROM nation)", "parquet")
    with pytest.raises(psycopg.errors.DivisionByZero):
        copied(ours, "(SELECT 1 / (n_nationkey - n_nationkey) FROM nation)", "parquet")
    assert copied(ours, "(SELECT 1 AS a FROM nation)", "arrow").num_rows == 25


@pytest.mark.parametrize(
    "text", ["COPY nation TO STDOUT (FORMAT parquet, HEADER)", "COPY (SELECT 1) TO STDOUT (FORMAT arrow)"]
)
def test_without_the_lake_and_with_options_postgres_knows_no_such_format(text: str, ours: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not recognized"):
        ours.cursor().copy(text.encode()).__enter__()
