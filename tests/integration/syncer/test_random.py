"""Random schemas with random rows of random types, copied, changed, copied again: each time equal to the source."""

from io import StringIO
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from rich.console import Console

from catalog.types import BY_NAME, NATIVE_TYPES
from syncer.verify import verify
from tests.integration.syncer.test_types import TEXT_BACKED_VALUES, spelled
from tests.support.sync_lab import Lab

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
NUMERICS = st.decimals(allow_nan=False, places=3, min_value=-(10**8), max_value=10**8).map(str)
# A type as it is written, and its values.
KINDS: dict[str, st.SearchStrategy[str]] = {
    **{spelled(native): st.sampled_from(native.samples) for native in NATIVE_TYPES},
    **{name: st.just(value) for name, value in TEXT_BACKED_VALUES.items() if value is not None},
    "text": TEXTS,
    "varchar": TEXTS,
    "numeric": NUMERICS | st.sampled_from(("NaN", "-Infinity", "1.50", "1e40")),
    "numeric(12,3)": NUMERICS,
}
ARRAYS = [spelled(native) for native in NATIVE_TYPES]

Columns = list[tuple[str, bool]]
Rows = list[list[Any]]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Columns, Rows]:
    """Draw the columns of a table (type, whether it is an array) and its rows."""
    scalars = st.tuples(st.sampled_from(sorted(KINDS)), st.just(value=False))
    arrays = st.tuples(st.sampled_from(ARRAYS), st.just(value=True))
    columns = draw(st.lists(scalars | arrays, min_size=1, max_size=12))
    values = [
        st.none() | (st.lists(st.none() | KINDS[kind], max_size=4) if is_array else KINDS[kind])
        for kind, is_array in columns
    ]
    return columns, draw(st.lists(st.tuples(*values).map(list), max_size=12))


def script(number: int, columns: Columns, rows: Rows) -> str:
    """Write a table, with its number in its name."""
    names = [f"{kind}[]" if is_array else kind for kind, is_array in columns]
    listed = ", ".join(f"c{position} {name}" for position, name in enumerate(names))
    statements = [f"CREATE TABLE t{number} ({listed})"]
    for row in rows:
        parts = [
            f"ARRAY[{', '.join(map(literal, value))}]::{name}"
            if isinstance(value, list)
            else f"{literal(value)}::{name}"
            for value, name in zip(row, names, strict=True)
        ]
        statements.append(f"INSERT INTO t{number} VALUES ({', '.join(parts)})")
    return ";".join(statements)


def literal(value: str | None) -> str:
    return sql.Literal(value).as_string()


def check(lab: Lab) -> None:
    assert lab.sync()[0]
    printed = StringIO()
    assert verify(lab.settings(), Console(file=printed)), printed.getvalue()


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(found=st.lists(tables(), min_size=6, max_size=10), data=st.data())
def test_random_tables_equal_the_source(lab: Lab, found: list[tuple[Columns, Rows]], data: st.DataObject) -> None:
    with psycopg.connect(lab.source_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TYPE pair AS (a int, b text)")
        labels = sql.SQL(", ").join(map(sql.Literal, BY_NAME["enum"].samples))
        connection.execute(sql.SQL("CREATE TYPE mood AS ENUM ({})").format(labels))
        for number, (columns, rows) in enumerate(found):
            connection.execute(script(number, columns, rows).encode())
    check(lab)
    for number in range(len(found)):
        change = data.draw(
            st.sampled_from(
                (
                    "ALTER TABLE {t} ADD COLUMN added int DEFAULT 7",
                    "ALTER TABLE {t} DROP COLUMN c0",
                    "ALTER TABLE {t} RENAME COLUMN c0 TO renamed",
                    "ALTER TABLE {t} ALTER COLUMN c0 TYPE text USING c0::text",
                    "DELETE FROM {t}",
                    "INSERT INTO {t} SELECT * FROM {t}",
                    "DROP TABLE {t}; CREATE TABLE {t} (c0 timestamptz, c1 text[])",
                )
            )
        )
        lab.execute(change.format(t=f"t{number}"))
    check(lab)
