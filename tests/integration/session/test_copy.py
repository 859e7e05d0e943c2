"""COPY TO, as Postgres writes it byte for byte, in every format, of every type, and to psql."""

import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from catalog.postgres import bin_dir
from tests.conftest import Source
from tests.support.programs import Program

UTC = "options=-c%20TimeZone%3DUTC"

QUERIES = [
    "SELECT * FROM nasty.people ORDER BY id",
    "SELECT * FROM nasty.events ORDER BY id",
    "SELECT * FROM public.lineitem ORDER BY l_orderkey, l_linenumber",
    "SELECT NULL::int, '', 'a' || chr(9) || chr(92) || chr(10) || name, chr(8) || '.' FROM nasty.people ORDER BY id",
    "SELECT '\\.' FROM nasty.people",
    "SELECT to_char(born, 'Q TMDay'), name FROM nasty.people ORDER BY id",  # over the bridge
    "SELECT * FROM family.measured ORDER BY id",
]
OPTIONS = [
    "",
    "(DELIMITER '|', NULL 'it')",
    "(FORMAT csv, HEADER)",
    "(FORMAT csv, FORCE_QUOTE *, NULL 'NULL')",
    "(FORMAT csv, DELIMITER '1', QUOTE '''', ESCAPE '2')",
    "(FORMAT csv, NULL '', ESCAPE '\\')",
    "(FORMAT binary)",
]


@pytest.fixture(scope="module")
def ours(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{server.url()}?{UTC}", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def theirs(source: Source) -> Iterator[psycopg.Connection]:
    with psycopg.connect(f"{source.url}?{UTC}", autocommit=True) as connection:
        yield connection


def copied(connection: psycopg.Connection, statement: str) -> list[bytes]:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        return [bytes(row) for row in copy]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("query", QUERIES)
def test_messages_are_those_of_postgres(
    query: str, options: str, ours: psycopg.Connection, theirs: psycopg.Connection
) -> None:
    statement = f"COPY ({query}) TO STDOUT {options}"
    assert copied(ours, statement) == copied(theirs, statement)


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "ISO_8859_15"])
def test_encodings(encoding: str, ours: psycopg.Connection, theirs: psycopg.Connection) -> None:
    statement = f"COPY (SELECT id, name FROM nasty.people ORDER BY id) TO STDOUT (FORMAT csv, ENCODING '{encoding}')"
    assert copied(ours, statement) == copied(theirs, statement)


def test_what_an_encoding_cannot_say(ours: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UntranslatableCharacter, match="0xe2 0x82 0xac"):
        copied(ours, "COPY (SELECT chr(8364) || name FROM nasty.people) TO STDOUT (ENCODING 'LATIN1')")
    assert copied(ours, "COPY (SELECT count(*) FROM nasty.people) TO STDOUT") == [b"10\n"]


def test_binary_rows_of_psycopg(ours: psycopg.Connection) -> None:
    statement = "COPY (SELECT id, name, salary FROM nasty.people WHERE id < 3 ORDER BY id) TO STDOUT (FORMAT binary)"
    with ours.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int4", "text", "numeric"])
        rows = list(copy.rows())
    assert [(row[0], row[1], str(row[2])) for row in rows] == [(1, "Ada", "9000.00"), (2, "Brian", "7000.50")]


def test_a_table_is_refused_as_a_target(ours: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ours.execute("COPY nasty.people FROM STDIN")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ours.execute("COPY (DELETE FROM nasty.people RETURNING id) TO STDOUT")


def test_psql_copies_to_a_file(server: Program, source: Source, tmp_path: pytest.TempPathFactory) -> None:
    written = []
    for url in (server.url(), source.url):
        path = f"{tmp_path}/rows.csv"
        script = f"\\copy (SELECT * FROM nasty.people ORDER BY id) TO '{path}' CSV HEADER"
        done = subprocess.run(
            [str(bin_dir() / "psql"), "-X", "-c", "SET TimeZone = UTC", "-c", script, url],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["SET", "COPY", "10"]
        with open(path, "rb") as file:  # noqa: PTH123
            written.append(file.read())
    assert written[0] == written[1]
