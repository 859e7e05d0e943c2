"""Encodings of the client: what is not converted is refused, never sent as it is."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.programs import Program

UMLAUTS = "SELECT t FROM nasty.texts WHERE id = 18"


@pytest.fixture
def connection(server: Program) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "text",
    [
        UMLAUTS,
        f"{UMLAUTS} AND random() < 2",
        "SELECT count(*) FROM nasty.texts WHERE t = 'é'",
        "CREATE TEMP TABLE mine AS SELECT id, t FROM nasty.texts",
        "DECLARE c CURSOR WITH HOLD FOR SELECT t FROM nasty.texts",
    ],
)
@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252"])
def test_other_encodings_are_refused(connection: psycopg.Connection, encoding: str, text: str) -> None:
    connection.execute(f"SET client_encoding = {encoding}".encode())
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        connection.execute(text)
    assert "UTF8" in (refused.value.diag.message_hint or "")
    assert connection.execute("SELECT 'é'").fetchone() == ("é",)
    connection.execute("SET client_encoding = UTF8")
    assert connection.execute(UMLAUTS).fetchone() == ("äöü ÄÖÜ éèê",)


def test_a_mixture_is_refused(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMP TABLE mine AS SELECT id FROM nasty.texts")
    connection.execute("SET client_encoding = LATIN1")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("SELECT t FROM nasty.texts JOIN mine USING (id)")


def test_copy_converts_its_lines(connection: psycopg.Connection) -> None:
    connection.execute("SET client_encoding = LATIN1")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY ({UMLAUTS}) TO STDOUT".encode()) as copy:
            assert b"".join(bytes(part) for part in copy) == "äöü ÄÖÜ éèê\n".encode("latin-1")
        with (
            pytest.raises(psycopg.errors.FeatureNotSupported),
            cursor.copy("COPY (SELECT t FROM nasty.texts WHERE t = 'é') TO STDOUT") as copy,
        ):
            copy.read()


def test_sql_ascii_converts_nothing(connection: psycopg.Connection) -> None:
    connection.execute("SET client_encoding = SQL_ASCII")
    assert connection.execute(UMLAUTS).fetchone() == ("äöü ÄÖÜ éèê".encode(),)
