"""No SQL reaches a file, a program or a table's rows for writing; and the session goes on."""

import psycopg
import pytest

from tests.support.programs import Program

REFUSED = {
    "SELECT * FROM read_csv('/etc/passwd')": "42883",
    'SELECT * FROM "/etc/passwd"': "42P01",
    "SELECT * FROM '/etc/passwd'": "42601",
    "COPY lineitem TO PROGRAM 'id'": "42501",
    "COPY lineitem TO '/tmp/x'": "42501",
    "COPY (SELECT 1) TO PROGRAM 'id'": "42501",
    "COPY (SELECT * FROM lineitem) TO '/tmp/x'": "42501",
    "COPY lineitem FROM '/etc/passwd'": "42501",
    "COPY lineitem FROM PROGRAM 'id'": "42501",
    "INSERT INTO region VALUES (9, 'x', 'x')": "25006",
    "INSERT INTO region SELECT * FROM region": "25006",
    "UPDATE region SET r_name = 'x'": "25006",
    "DELETE FROM region": "25006",
    "TRUNCATE region": "25006",
    "MERGE INTO region r USING nation n ON r_regionkey = n_nationkey WHEN MATCHED THEN DELETE": "25006",
    "DROP TABLE region": "25006",
    "ALTER TABLE region ADD COLUMN x int": "25006",
    "CREATE INDEX ON region (r_name)": "25006",
    "COMMENT ON TABLE region IS 'x'": "25006",
    "COMMENT ON COLUMN region.r_name IS 'x'": "25006",
    "COPY region FROM STDIN": "25006",
    "WITH x AS (DELETE FROM region RETURNING *) SELECT * FROM x": "25006",
    "LOCK TABLE region IN ACCESS EXCLUSIVE MODE": "25006",
    "CREATE TABLE public.mine (a int)": "42501",
    "CREATE SCHEMA mine": "42501",
    "CREATE ROLE mine": "42501",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'": "42501",
    "DO $$ BEGIN END $$": "42501",
    "ALTER SYSTEM SET work_mem = '1GB'": "42501",
    "SET SESSION AUTHORIZATION bemidb_admin": "42501",
    "SET ROLE bemidb_admin": "42501",
    "SELECT pg_read_file('/etc/passwd')": "42501",
    "SELECT pg_ls_dir('/')": "42501",
    "SELECT lo_import('/etc/passwd')": "42501",
    "SELECT lo_create(0)": "42501",
    "SELECT query_to_xml('SELECT 1', true, false, '')": "42501",
    "SELECT * FROM ts_stat('SELECT 1::text::tsvector')": "42501",
    "SELECT * FROM pg_authid": "42501",
    "SELECT * FROM pg_hba_file_rules": "42501",
    "SELECT * FROM duckdb_secrets()": "42883",
    "SELECT * FROM duckdb_settings()": "42883",
    "SELECT * FROM enable_logging(storage => 'file', storage_path => '/tmp/x')": "42883",
    "SELECT * FROM glob('/*')": "42883",
    "SELECT * FROM query('SELECT 1')": "42883",
    "SELECT * FROM parquet_scan('s3://x/y')": "42883",
    "SELECT getenv('HOME')": "42883",
    "ATTACH 'x.db'": "42601",
    "INSTALL httpfs": "42601",
    "PRAGMA version": "42601",
    "LOAD 'httpfs'": "42501",
    "CALL enable_logging()": "42883",
    "CREATE SECRET x (TYPE s3)": "42601",
    "VACUUM FULL region": "25006",
}


@pytest.fixture
def connection(server: Program):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(("statement", "sqlstate"), REFUSED.items())
def test_is_refused_and_the_session_goes_on(
    statement: str, sqlstate: str, connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    with pytest.raises(psycopg.Error) as error:
        connection.execute(statement.encode())
    assert error.value.sqlstate == sqlstate, error.value
    assert connection.execute("SELECT count(*) FROM region").fetchone() == (5,)


def test_unknown_column_has_position_and_hint(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn) as error:
        connection.execute("SELECT l_quantiti FROM lineitem")
    assert error.value.diag.statement_position == "8"
    assert "l_quantity" in (error.value.diag.message_hint or "")


def test_syntax_error_has_a_position(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.errors.SyntaxError) as error:
        connection.execute("SELECT * FORM lineitem")
    assert error.value.diag.statement_position == "10"


def test_error_texts_tell_no_place(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for statement in ("SELECT 1 / (r_regionkey - r_regionkey) FROM region", "SELECT r_name::int FROM region"):
        with pytest.raises(psycopg.Error) as error:
            connection.execute(statement.encode())
        text = str(error.value)
        assert "parquet" not in text
        assert "/" not in text.replace("1 / (", "")


def test_temp_tables_are_the_users_own(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("CREATE TEMP TABLE mine (a int)")
    connection.execute("INSERT INTO mine VALUES (1), (2)")
    assert connection.execute("SELECT sum(a) FROM mine").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM region").fetchone() == (5,)


def test_no_statement_becomes_another_role(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for role in ("bemidb_admin", "postgres"):
        for setting in ("role", "session_authorization"):
            for text in (
                "SELECT set_config(%s, %s, true)",
                "SELECT set_config(%s, %s, true), upper(r_name) FROM region",
            ):
                with pytest.raises(psycopg.Error) as error:
                    connection.execute(text.encode(), [setting, role])
                assert error.value.sqlstate in ("42501", "22023", "0A000"), error.value
    query = "SELECT upper(r_name), current_user, session_user FROM region WHERE r_regionkey = 0"
    row = connection.execute(query).fetchone()
    assert row is not None
    assert row[1:] == ("analyst", "analyst")
