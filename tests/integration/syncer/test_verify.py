"""Looking without copying: the plan, the rights, and whether the lake holds what the source does."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from catalog.types import BY_NAME, NATIVE_TYPES
from tests.integration.syncer.test_types import SPELLED, TEXT_BACKED_VALUES
from tests.support.sync_lab import Lab


def test_every_type_is_verified(lab: Lab) -> None:
    """The samples of every native type, their arrays, and text-backed types."""
    labels = psycopg.sql.SQL(", ").join(map(psycopg.sql.Literal, BY_NAME["enum"].samples)).as_string()
    lab.execute(f"CREATE TYPE mood AS ENUM ({labels}); CREATE TYPE pair AS (a int, b text)")
    for native in NATIVE_TYPES:
        column = SPELLED.get(native.name, native.name)
        name = f"of_{native.name}"
        values = ", ".join(f"({psycopg.sql.Literal(value).as_string()}::{column})" for value in native.samples)
        lab.execute(
            f"CREATE TABLE {name} (c {column}, a {column}[]); INSERT INTO {name} (c) VALUES {values}, (NULL);"
            f"INSERT INTO {name} SELECT NULL, array_agg(c) || ARRAY[NULL::{column}] FROM {name};"
            f"INSERT INTO {name} VALUES (NULL, '{{}}')"
        )
    columns = ", ".join(f"c{i} {name}" for i, name in enumerate(TEXT_BACKED_VALUES))
    values = ", ".join(psycopg.sql.Literal(value).as_string() for value in TEXT_BACKED_VALUES.values())
    lab.execute(
        f"CREATE TABLE texts ({columns}); INSERT INTO texts VALUES ({values}); CREATE TABLE empty (i int);"
        "CREATE TABLE pairs (p pair); INSERT INTO pairs VALUES ('(,)'), (NULL), ('(1,)')"  # no field is no NULL
    )
    assert lab.sync()[0]
    done = lab.program("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(NATIVE_TYPES) + 3
    assert "public.of_float8: equal, " in done.stdout


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("DELETE FROM t WHERE i = 1", "public.t: differs: 2 rows at the source, 3 in the lake; other values in i, s"),
        ("UPDATE t SET s = 'B' WHERE i = 2", "public.t: differs: other values in s"),
        ("UPDATE t SET s = NULL WHERE i = 2", "public.t: differs: other values in s"),
        ("UPDATE t SET a = '{2,1}' WHERE i = 2", "public.t: differs: other values in a"),
        ("UPDATE t SET d = 0 WHERE i = 1", "public.t: differs: other values in d"),
        ("ALTER TABLE t DROP d", "public.t: differs: its columns are i, s, a, in the lake i, s, a, d"),
        ("CREATE TABLE u (i int)", "public.u: differs: it is not in the lake"),
    ],
)
def test_a_difference_is_told(lab: Lab, change: str, line: str) -> None:
    lab.execute(
        "CREATE TABLE t (i int, s text, a int[], d float8);"
        "INSERT INTO t VALUES (1, 'a', '{1}', '-0'), (2, 'b', '{1,2}', 'NaN'), (3, 'c', NULL, NULL)"
    )
    assert lab.sync()[0]
    lab.execute(change)
    done = lab.program("verify")
    assert done.returncode == 1
    assert line in done.stdout


def test_a_file_that_lost_rows_is_told(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    assert lab.sync()[0]
    (file,) = lab.files("public", "t")
    pq.write_table(pq.read_table(file).slice(0, 9), file)
    done = lab.program("verify")
    assert done.returncode == 1
    assert "the catalog says 10 rows, the files have 9" in done.stdout


def test_a_dry_run_prints_the_plan_and_copies_nothing(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE t (i int, at timestamptz NOT NULL, r int4range); CREATE TABLE gone AS SELECT 1 AS i;"
        "INSERT INTO t SELECT i, now(), NULL FROM generate_series(1, 1000) i; ANALYZE t"
    )
    assert lab.sync()[0]
    lab.execute("DROP TABLE gone; CREATE TABLE new AS SELECT 1 AS i; INSERT INTO t VALUES (0, now())")
    before = lab.views()
    done = lab.program("--dry-run", "--cursor", "public.t:at")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    planned = r"public\.t -> public\.t: incremental by at, about 100[01] rows, \d+ bytes at the source; .* text: r"
    assert any(re.fullmatch(planned, line) for line in lines), lines  # autovacuum may have counted the last row
    assert any(line.startswith("public.new -> public.new: full, new in the lake, about") for line in lines)
    assert "public.gone: gone at the source, would be kept, and marked" in lines
    assert lines[-1].startswith("total: 2 tables, about ")
    assert lab.views() == before


def test_a_check_names_what_may_not_be_read(lab: Lab, postgres: Any) -> None:
    role = "checker"
    lab.execute(
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN;"
        "CREATE TABLE a (i int); CREATE TABLE secret (i int); CREATE TABLE policed (i int); CREATE SCHEMA closed;"
        "CREATE TABLE closed.c (i int); CREATE TABLE by_column (i int); ALTER TABLE policed ENABLE ROW LEVEL SECURITY;"
        f"GRANT SELECT ON a, policed, closed.c TO {role}; GRANT SELECT (i) ON by_column TO {role}"
    )
    database = lab.source_url.rsplit("/", 1)[1]
    done = lab.program("--check", SOURCE_POSTGRES_DATABASE_URL=postgres.url(database, role))
    lab.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[3:] == [
        "closed.c: the role may not read it: GRANT SELECT, and USAGE on its schema",
        "public.policed: row-level security hides rows: use the owner, or a role with BYPASSRLS",
        "public.secret: the role may not read it: GRANT SELECT, and USAGE on its schema",
        "2 of 5 tables can be copied",
    ]
    assert lab.views() == {}
    assert lab.program("--check").returncode == 0


def test_a_check_of_a_folder_that_cannot_be_written(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = lab.program("--check", BEMIDB_DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("BEMIDB_DATA_DIR: ")
