"""Encodings of the client: PostgreSQL converts, over the bridge; what would be misread is refused."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.programs import Program

TEXT = "äöü ÄÖÜ éèê"
UMLAUTS = "SELECT t FROM nasty.texts WHERE id = 18"


@pytest.fixture(params=["LATIN1", "WIN1252"])
def connection(server: Program, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"SET client_encoding = {request.param}".encode())
        yield connection


def test_rows_are_converted(connection: psycopg.Connection) -> None:
    for binary in (False, True):
        assert connection.execute(UMLAUTS, binary=binary).fetchone() == (TEXT,)
        assert connection.execute(f"{UMLAUTS} AND ln(id::numeric) > 0".encode(), binary=binary).fetchone() == (TEXT,)
    found = connection.execute("SELECT t FROM nasty.texts WHERE t = %s", [TEXT]).fetchall()
    assert found == [(TEXT,)]


def test_what_has_no_equivalent_is_an_error(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UntranslatableCharacter):
        connection.execute("SELECT t FROM nasty.texts ORDER BY id")
    assert connection.execute(UMLAUTS).fetchone() == (TEXT,)


def test_a_cursor_and_temporary_tables(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute(f"DECLARE c CURSOR FOR {UMLAUTS}".encode())
        assert connection.execute("FETCH ALL FROM c").fetchall() == [(TEXT,)]
    connection.execute(f"CREATE TEMP TABLE mine AS {UMLAUTS}".encode())
    assert connection.execute("TABLE mine").fetchall() == [(TEXT,)]
    assert connection.execute("SELECT x.t, m.t FROM nasty.texts x JOIN mine m USING (t)").fetchall() == [(TEXT, TEXT)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM nasty.texts WHERE t = 'é'",
        "SELECT count(*) FROM nasty.texts WHERE t = 'é' AND random() < 2",
        "CREATE TEMP TABLE mine AS SELECT id FROM nasty.texts WHERE t = 'é'",
    ],
)
def test_texts_that_are_not_ascii_are_refused(connection: psycopg.Connection, text: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        connection.execute(text)
    assert "UTF8" in (refused.value.diag.message_hint or "")
    assert connection.execute("SELECT 'é'").fetchone() == ("é",)
    connection.execute("SET client_encoding = UTF8")
    assert connection.execute(UMLAUTS).fetchone() == (TEXT,)


def test_copy_converts_its_lines(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY ({UMLAUTS}) TO STDOUT".encode()) as copy:
            assert b"".join(bytes(part) for part in copy) == f"{TEXT}\n".encode("latin-1")
        with cursor.copy(f"COPY ({UMLAUTS}) TO STDOUT (FORMAT binary)".encode()) as copy:
            assert TEXT.encode("latin-1") in b"".join(bytes(part) for part in copy)
        with (
            pytest.raises(psycopg.errors.FeatureNotSupported),
            cursor.copy("COPY (SELECT t FROM nasty.texts WHERE t = 'é') TO STDOUT") as copy,
        ):
            copy.read()


def test_sql_ascii_converts_nothing(server: Program) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SET client_encoding = SQL_ASCII")
        assert connection.execute(UMLAUTS).fetchone() == (TEXT.encode(),)
