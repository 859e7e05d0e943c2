"""The table of types against PostgreSQL itself."""

from typing import Any

import psycopg
import pytest

from catalog.types import BY_NAME, NATIVE_TYPES, NativeType

NATIVE = [native for native in NATIVE_TYPES if native.oid]


@pytest.fixture(scope="module")
def connection(postgres: Any) -> Any:
    with psycopg.connect(postgres.url(), options="-c TimeZone=UTC -c DateStyle=ISO", autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("native", NATIVE, ids=lambda native: native.name)
def test_oids_are_those_of_postgres(connection: psycopg.Connection, native: NativeType) -> None:
    row = connection.execute("SELECT typname, typarray::int FROM pg_type WHERE oid = %s", (native.oid,)).fetchone()
    assert row == (native.name, native.array_oid)


@pytest.mark.parametrize("native", NATIVE, ids=lambda native: native.name)
def test_samples_are_in_the_text_form_of_postgres(connection: psycopg.Connection, native: NativeType) -> None:
    modifier = {"numeric": "(38,10)", "bpchar": "(10)"}.get(native.name, "")
    name = f'pg_catalog."{native.name}"' if native.name == "char" else native.name
    query = f"SELECT %s::text::{name}{modifier}::text"
    if native.name == "bpchar":
        query = "SELECT rpad(%s::text::bpchar(10)::text, 10)"  # the cast to text drops the padding
    for sample in native.samples:
        row = connection.execute(query, (sample,)).fetchone()
        assert row is not None
        if native.name == "numeric":
            assert float(row[0]) == float(sample)
        else:
            assert row[0] == {"bool": {"t": "true", "f": "false"}}.get(native.name, {}).get(sample, sample)


def test_every_type_is_named_once() -> None:
    assert len(BY_NAME) == len(NATIVE_TYPES)
