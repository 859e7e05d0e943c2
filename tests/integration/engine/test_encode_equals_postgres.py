"""Every native type in both formats, under every setting that matters, must be Postgres' own bytes.

The samples of catalog/types.py are read by DuckDB into Arrow, as the engine has them, and by Postgres.
"""

import re
from collections.abc import Iterator, Sequence

import duckdb
import psycopg
import pyarrow as pa
import pytest
from psycopg import pq

from catalog.types import BY_NAME, NATIVE_TYPES, NativeType
from pgserver.encode.encoders import encoder_for
from pgserver.encode.pieces import joined
from pgserver.encode.rows import WireColumn, WireSettings

ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Amsterdam", "<+03>-03", "Africa/Monrovia", "Pacific/Apia"]
YEARS_AND_SEASONS = [
    f"{year}-{month:02d}-15"
    for year in (1850, 1900, 1940, 1972, 1987, 2011, 2024, 2038, 2500, 9000)
    for month in (1, 4, 7, 11)
]
ENUM = "CREATE TYPE pg_temp.mood AS ENUM ('ok', 'so so', 'Ünhappy')"


@pytest.fixture(scope="module")
def connection(postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.new_database("encode"), autocommit=True) as connection:
        connection.execute("SET client_encoding = 'UTF8'")
        connection.execute(ENUM)
        yield connection


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        yield duck


def postgres_type(native: NativeType) -> str:
    names = {"enum": "pg_temp.mood", "char": '"char"', "bpchar": "char(10)", "numeric": "numeric(38,10)"}
    return names.get(native.name, native.name)


def sample_texts(native: NativeType) -> list[str | None]:
    return [*native.samples, None, native.samples[0]]


def to_arrow(duck: duckdb.DuckDBPyConnection, native: NativeType, texts: Sequence[str | None]) -> pa.Array:
    """Read text forms as the engine would hold them."""
    if native.name == "bytea":
        return pa.array([None if text is None else bytes.fromhex(text[2:]) for text in texts], pa.binary())
    written = [text and re.sub(r"^(\S+)(.*) BC$", r"\1 (BC)\2", text) for text in texts]
    table = pa.table({"position": range(len(texts)), "text": pa.array(written, pa.string())})
    query = f"SELECT CAST(text AS {native.duckdb}) AS value FROM texts ORDER BY position"
    duck.register("texts", table)
    return duck.execute(query).to_arrow_table().column("value").combine_chunks()


def expected(
    connection: psycopg.Connection, type_name: str, texts: Sequence[str | None], form: int
) -> list[bytes | None]:
    """Return what Postgres sends for each text."""
    answers: list[bytes | None] = []
    for start in range(0, len(texts), 500):
        part = [None if text is None else text.encode() for text in texts[start : start + 500]]
        rows = ", ".join(f"(${number}::text::{type_name})" for number in range(1, len(part) + 1))
        result = connection.pgconn.exec_params(f"VALUES {rows}".encode(), part, result_format=form)
        assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
        answers += [result.get_value(row, 0) for row in range(result.ntuples)]
    return answers


def encoded(array: pa.Array, column: WireColumn, settings: WireSettings) -> list[bytes | None]:
    return joined(encoder_for(column, array.type, settings)(array), len(array)).to_pylist()


def apply(connection: psycopg.Connection, settings: WireSettings) -> None:
    connection.execute("SELECT set_config('TimeZone', %s, false)", [settings.time_zone])
    connection.execute("SELECT set_config('DateStyle', %s, false)", [settings.date_style])
    connection.execute("SELECT set_config('IntervalStyle', %s, false)", [settings.interval_style])
    connection.execute("SELECT set_config('bytea_output', %s, false)", [settings.bytea_output])
    connection.execute("SELECT set_config('extra_float_digits', %s, false)", [str(settings.extra_float_digits)])


@pytest.mark.parametrize("form", [0, 1], ids=["text", "binary"])
@pytest.mark.parametrize("native", NATIVE_TYPES, ids=lambda native: native.name)
def test_samples(connection, duck, native: NativeType, form: int) -> None:
    settings = WireSettings()
    apply(connection, settings)
    texts = sample_texts(native)
    array = to_arrow(duck, native, texts)
    typtype = "e" if native.name == "enum" else "b"
    got = encoded(array, WireColumn(native.oid, -1, form, typtype), settings)
    assert got == expected(connection, postgres_type(native), texts, form)
    sliced = encoded(array[2:], WireColumn(native.oid, -1, form, typtype), settings)
    assert sliced == got[2:]


@pytest.mark.parametrize("form", [0, 1], ids=["text", "binary"])
@pytest.mark.parametrize("native", NATIVE_TYPES, ids=lambda native: native.name)
def test_arrays_of_samples(connection, duck, native: NativeType, form: int) -> None:
    settings = WireSettings()
    apply(connection, settings)
    elements = to_arrow(duck, native, sample_texts(native))
    count = len(elements)
    array_type = postgres_type(native) + "[]"
    literals = [
        text_array(connection, sample_texts(native)[start:stop]) for start, stop in ((0, 0), (0, 1), (1, count))
    ]
    texts = [literals[0], literals[1], None, literals[2], literals[0]]
    lists = pa.list_(elements.type)
    array = pa.concat_arrays(
        [
            pa.ListArray.from_arrays([0, 0, 1], elements),
            pa.nulls(1, lists),
            pa.ListArray.from_arrays([0, count - 1, count - 1], elements[1:]),
        ]
    )
    element_oid = native.oid or connection.execute("SELECT 'pg_temp.mood'::regtype::oid").fetchone()[0]
    typtype = "e" if native.name == "enum" else "b"
    column = WireColumn(native.array_oid, -1, form, typtype, element_oid)
    assert encoded(array, column, settings) == expected(connection, array_type, texts, form)


def text_array(connection: psycopg.Connection, texts: Sequence[str | None]) -> str:
    return connection.execute("SELECT (%s::text[])::text", [list(texts)]).fetchone()[0]


@pytest.mark.parametrize("time_zone", ZONES)
@pytest.mark.parametrize(
    "date_style", ["ISO, MDY", "SQL, DMY", "SQL, MDY", "German, DMY", "Postgres, MDY", "Postgres, DMY"]
)
def test_date_styles_and_zones(connection, duck, date_style: str, time_zone: str) -> None:
    apply(connection, WireSettings())
    settings = WireSettings(time_zone=time_zone, date_style=date_style)
    suffixes = {"date": "", "timestamp": " 03:30:00.25", "timestamptz": " 03:30:00.25+00"}
    for name in suffixes:
        native = BY_NAME[name]
        texts = [*native.samples, *(text + suffixes[name] for text in YEARS_AND_SEASONS)]
        array = to_arrow(duck, native, texts)
        apply(connection, settings)
        got = encoded(array, WireColumn(native.oid, -1, 0), settings)
        assert got == expected(connection, name, texts, 0)
