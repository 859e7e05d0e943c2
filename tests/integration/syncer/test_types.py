"""Every sample of `catalog.types`, from the source through Parquet to what DuckDB reads."""

from collections.abc import Sequence
from typing import Any

import pytest
from psycopg import sql

from catalog.types import BY_NAME, NATIVE_TYPES, TEXT_BACKED, NativeType
from tests.support.sync_lab import Lab

SPELLED = {"char": '"char"', "bpchar": "char(10)", "numeric": "numeric(38,10)", "enum": "mood"}
KEEPS_TEXT = {"char", "name", "text", "json", "bpchar", "varchar", "jsonb", "enum"}
NATIVE = [pytest.param(native, id=native.name) for native in NATIVE_TYPES]


READ_AS = {"SMALLINT": "INTEGER", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}


def spelled(native: NativeType) -> str:
    return SPELLED.get(native.name, native.name)


def duckdb_text(native: NativeType, value: str = "c") -> str:
    """Return what makes DuckDB print a value so that Postgres reads it back."""
    if native.name == "bytea":
        return f"'\\x' || hex({value})"
    if native.name == "timestamptz":
        # Not its own text: that rounds to milliseconds in far years.
        value = f"CASE WHEN isfinite({value}) THEN make_timestamp(epoch_us({value}))::VARCHAR ELSE {value}::VARCHAR END"
        return f"replace({value}, ' (BC)', ' BC')"
    return f"replace({value}::VARCHAR, ' (BC)', ' BC')"


@pytest.fixture(scope="module")
def samples(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lake with two tables a type: the samples, and arrays of them. One sync for all tests."""
    lab = Lab(
        postgres.new_database("source"), postgres.new_database("catalog"), tmp_path_factory.mktemp("types") / "data"
    )
    labels = sql.SQL(", ").join(map(sql.Literal, BY_NAME["enum"].samples)).as_string()
    lab.execute(f"CREATE TYPE mood AS ENUM ({labels})")
    for native in NATIVE_TYPES:
        scalars, arrays, column = f"of_{native.name}", f"arrays_of_{native.name}", spelled(native)
        lab.execute(
            f"CREATE TABLE {scalars} (i int, c {column});"
            f"INSERT INTO {scalars} SELECT i, c::{column} FROM ({numbered([*native.samples, None])}) v;"
            f"CREATE TABLE {arrays} (i int, c {column}[]);"
            f"INSERT INTO {arrays} SELECT 0, array_agg(c ORDER BY i) FROM {scalars} WHERE c IS NOT NULL;"
            f"INSERT INTO {arrays} VALUES (1, '{{}}'), (2, NULL), (3, '{{NULL}}');"
            f"INSERT INTO {arrays} SELECT 4, ARRAY[c, NULL] FROM {scalars} WHERE i = 0"
        )
    assert lab.sync()[0]
    return lab


def numbered(values: Sequence[str | None]) -> str:
    """Return VALUES of (i, c)."""
    rows = (sql.SQL("({}, {})").format(sql.Literal(i), sql.Literal(value)) for i, value in enumerate(values))
    return sql.SQL("SELECT * FROM (VALUES {}) v(i, c)").format(sql.SQL(", ").join(rows)).as_string()


def printed_again(lab: Lab, column: str, texts: list[str | None]) -> list[str | None]:
    """Print values as Postgres does."""
    query = f"SELECT format('%s', c::{column}) FROM ({numbered(texts)}) v ORDER BY i"
    return [row[0] for row in lab.ask(query)] if texts else []


@pytest.mark.parametrize("native", NATIVE)
def test_samples(samples: Lab, native: NativeType) -> None:
    name = f"of_{native.name}"
    column = samples.views()[f"public.{name}"].columns[1]
    assert (column.storage, column.array) == (native.name, False)

    source = [row[0] for row in samples.ask(f"SELECT format('%s', c) FROM {name} WHERE c IS NOT NULL ORDER BY i")]
    texts = [row[0] for row in samples.read("public", name, duckdb_text(native), "WHERE c IS NOT NULL ORDER BY i")]
    if native.name not in KEEPS_TEXT:
        texts = printed_again(samples, spelled(native), texts)
    assert texts == source
    counted = samples.read("public", name, "count(*), count(c), any_value(typeof(c))")
    assert counted == [(len(native.samples) + 1, len(native.samples), READ_AS.get(native.duckdb, native.duckdb))]


@pytest.mark.parametrize("native", NATIVE)
def test_arrays_of_samples(samples: Lab, native: NativeType) -> None:
    name = f"arrays_of_{native.name}"
    column = samples.views()[f"public.{name}"].columns[1]
    assert (column.storage, column.array) == (native.name, True)

    unnested = f"(SELECT i, unnest(c) AS c, generate_subscripts(c, 1) AS n FROM {name})"
    source = [
        row[0] for row in samples.ask(f"SELECT format('%s', c) FROM {unnested} u WHERE c IS NOT NULL ORDER BY i, n")
    ]
    lake = samples.read("public", name, f"i, list_transform(c, lambda x: {duckdb_text(native, 'x')})", "ORDER BY i")
    sizes = [len(values) if values is not None else None for _, values in lake]
    assert sizes == [len(native.samples), 0, None, 1, 2]
    assert lake[3][1] == [None]
    assert lake[4][1][1] is None
    texts = [value for _, values in lake for value in values or () if value is not None]
    if native.name not in KEEPS_TEXT:
        texts = printed_again(samples, spelled(native), texts)
    assert texts == source


TEXT_BACKED_VALUES = {
    "inet": "192.168.0.1/24",
    "interval": "1 year 2 mons 3 days 04:05:06.7",
    "timetz": "12:00:00.5+02",
    "money": None,
    "bit varying(5)": "10101",
    "int4range": "[1,5)",
    "point": "(1.5,2)",
    "tsvector": "'a':1 'b':2",
    "int2vector": "1 2 3",
    "pg_lsn": "16/B374D848",
    "numeric(50,10)": "1234567890123456789012345678901234567890.0123456789",
    "interval[]": '{"1 day",NULL}',
    "pair": '(1,"a b")',
}


def test_every_other_type_is_text(lab: Lab) -> None:
    columns = ", ".join(f"c{i} {name}" for i, name in enumerate(TEXT_BACKED_VALUES))
    lab.execute(f"CREATE TYPE pair AS (a int, b text); CREATE TABLE t ({columns})")
    values = sql.SQL(", ").join(map(sql.Literal, TEXT_BACKED_VALUES.values())).as_string()
    lab.execute(f"INSERT INTO t VALUES ({values})")
    assert lab.sync()[0]
    assert {column.storage for column in lab.views()["public.t"].columns} == {TEXT_BACKED}
    assert lab.read("public", "t") == [tuple(TEXT_BACKED_VALUES.values())]


@pytest.mark.parametrize(
    ("column", "first", "odd"),
    [
        ("numeric(10,2)", "1.50", "NaN"),
        ("numeric", "1.5", "NaN"),
        ("numeric", "1.5", "-Infinity"),
        ("numeric", "0.00000000000000000001", "12345678901234567890"),
        ("int[]", "{1}", "{{1,2},{3,4}}"),
        ("text[]", "{a}", "[0:1]={a,b}"),
        ("timestamp", "2000-01-01 00:00:00", "294276-12-31 23:59:59.999999"),
        ("numeric[]", "{1.5}", "{NaN}"),
    ],
)
def test_a_value_that_the_native_type_has_not_makes_the_column_text(
    lab: Lab, column: str, first: str, odd: str
) -> None:
    lab.execute(
        f"CREATE TABLE t (i int, c {column}); INSERT INTO t SELECT i, '{first}' FROM generate_series(1, 40000) i"
    )
    assert lab.sync()[0]
    assert lab.views()["public.t"].columns[1].storage != TEXT_BACKED

    lab.execute(f"INSERT INTO t VALUES (0, '{odd}'), (-1, NULL)")
    assert lab.sync()[0]
    view = lab.views()["public.t"]
    assert [(c.storage, c.array, c.precision) for c in view.columns] == [
        ("int4", False, None),
        (TEXT_BACKED, False, None),
    ]
    assert lab.read("public", "t", "c", "WHERE i IN (-1, 0, 40000) ORDER BY i") == [(None,), (odd,), (first,)]
    assert view.row_count == 40_002
    folder = lab.folder / "warehouse"
    assert len(list(folder.rglob("*.parquet"))) == 2  # nothing is left of the attempt that was given up


def test_the_scale_of_a_numeric_is_read_from_the_data(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE t (a numeric, b numeric, c numeric[], d numeric); INSERT INTO t VALUES"
        "(1.5000, 100, '{1.125,NULL}', NULL), (-0.0625, NULL, '{}', NULL), (12345678901234567890.1000, -3, NULL, NULL)"
    )
    assert lab.sync()[0]
    columns = lab.views()["public.t"].columns
    assert [(column.storage, column.precision, column.scale) for column in columns] == [
        ("numeric", 38, 4),
        ("numeric", 38, 0),
        ("numeric", 38, 3),
        ("numeric", 38, 0),
    ]
    assert lab.read("public", "t", "a::VARCHAR, b::VARCHAR", "ORDER BY a") == [
        ("-0.0625", None),
        ("1.5000", "100"),
        ("12345678901234567890.1000", "-3"),
    ]


def test_numerics_of_different_scales_keep_their_text(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE t (i int, a numeric, b numeric[]); INSERT INTO t VALUES"
        "(1, 1.5, '{1,2.50}'), (2, 1.25, '{3}'), (3, 0, NULL), (4, -1.50, '{}'), (5, NULL, '{NULL,0.0}')"
    )
    assert lab.sync()[0]
    assert [column.storage for column in lab.views()["public.t"].columns] == ["int4", TEXT_BACKED, TEXT_BACKED]
    assert lab.read("public", "t", "a, b", "ORDER BY i") == lab.ask("SELECT a::text, b::text FROM t ORDER BY i")


@pytest.mark.slow
def test_huge_values(lab: Lab) -> None:
    """Values of 20 MB beside small ones, in every kind of column that can be so large."""
    lab.execute(
        "CREATE TABLE t (i int, s text, j jsonb, b bytea, a text[], x tsvector);"
        "INSERT INTO t SELECT i, 's' FROM generate_series(1, 100) i;"
        "INSERT INTO t SELECT 101, string_agg(md5(g::text) || '\"' || chr(10), '') FROM generate_series(1, 600000) g;"
        "INSERT INTO t SELECT 102, 'x', to_jsonb(s) FROM t WHERE i = 101;"
        "INSERT INTO t SELECT 103, NULL, NULL, convert_to(s, 'UTF8') FROM t WHERE i = 101;"
        "INSERT INTO t SELECT 104, '', NULL, NULL, ARRAY[s, NULL, 'small'] FROM t WHERE i = 101;"
        "INSERT INTO t SELECT i + 104, 's', NULL, '\\x01' FROM generate_series(1, 100) i"
    )
    assert lab.sync()[0]
    query = "count(*), md5(string_agg(s, ',' ORDER BY i)), max(length(j::text)), max(length(b)), max(length(a[1]))"
    in_duckdb = query.replace("j::text", "j").replace("length(b)", "octet_length(b)")
    assert lab.read("public", "t", in_duckdb) == lab.ask(f"SELECT {query} FROM t")
    assert lab.read("public", "t", "md5(b), md5(a[1])", "WHERE i IN (103, 104) ORDER BY i") == lab.ask(
        "SELECT md5(b), md5(a[1]) FROM t WHERE i IN (103, 104) ORDER BY i"
    )
