"""DuckDB's postgres extension: ATTACH reads our catalog; scans are COPY in binary, in parallel by ranges of ctid."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Source
from tests.support.programs import Program

Compare = Callable[[str], Any]
# So many pages a task of the extension reads. Its default, 1,000, would make one task of any table here.
SPLIT = "SET pg_pages_per_task = 50"


def extension() -> Path:
    package = importlib.util.find_spec("duckdb_extension_postgres_scanner")
    assert package is not None
    assert package.origin is not None
    return next(Path(package.origin).parent.rglob("postgres_scanner.duckdb_extension"))


@pytest.fixture(scope="module")
def databases(source: Source, server: Program) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    with ExitStack() as stack:
        made = []
        for url in (source.url, server.url()):
            database = stack.enter_context(duckdb.connect(config={"threads": 4, "autoinstall_known_extensions": False}))
            database.execute(f"LOAD '{extension()}'; SET TimeZone = 'UTC'; {SPLIT}")
            database.execute(f"ATTACH '{url}' AS pg (TYPE postgres, READ_ONLY)")
            made.append(database)
        yield made


@pytest.fixture
def same(databases: list[duckdb.DuckDBPyConnection]) -> Compare:
    """Ask both; fail where types or rows differ; return the table."""

    def compare(query: str) -> Any:
        expected, found = (database.execute(query).to_arrow_table() for database in databases)
        assert found.schema == expected.schema
        assert repr(found.to_pylist()) == repr(expected.to_pylist())  # repr: NaN equals itself
        return expected

    return compare


@pytest.mark.parametrize(
    "query",
    [
        "SELECT table_schema, table_name, column_name, ordinal_position, data_type, is_nullable"
        " FROM information_schema.columns WHERE table_catalog = 'pg' AND table_schema <> 'bemidb' ORDER BY ALL",
        "SELECT schema_name, table_name, constraint_type, constraint_column_names"
        # The extension loses keys of tables with dropped columns, as february's are at the source.
        " FROM duckdb_constraints() WHERE database_name = 'pg' AND table_name <> 'february' ORDER BY ALL",
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'pg' AND schema_name = 'nasty' ORDER BY 1",
    ],
)
def test_attaching_shows_the_tables(query: str, same: Compare) -> None:
    assert len(same(query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM pg.nasty.numbers ORDER BY id",
        "SELECT * FROM pg.nasty.texts ORDER BY id",
        "SELECT id, d::text, ts::text, tz::text, t, ts0::text, tz3::text FROM pg.nasty.times ORDER BY id",
        'SELECT id, u, "by", j::text, jb::text, m::text, p FROM pg.nasty.things ORDER BY id',
        "SELECT * EXCLUDE (dates, stamps, zoned) FROM pg.nasty.arrays ORDER BY id",
        "SELECT id, dates::text, stamps::text, zoned::text FROM pg.nasty.arrays ORDER BY id",
        "SELECT * EXCLUDE (grid) FROM pg.nasty.odd_types ORDER BY id",
        "SELECT * FROM pg.nasty.people ORDER BY id",
        "SELECT * FROM pg.nasty.events ORDER BY id",
        'SELECT * FROM pg.nasty."Odd Names" ORDER BY "Id"',
        "SELECT * FROM pg.family.measured ORDER BY ALL",
    ],
)
def test_scans_every_type(query: str, same: Compare) -> None:
    assert len(same(query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT l_returnflag, count(*), sum(l_quantity) FROM pg.lineitem"
        " WHERE l_shipdate > DATE '1995-01-01' AND l_returnflag IN ('A', 'R') GROUP BY 1 ORDER BY 1",
        "SELECT name FROM pg.nasty.people WHERE salary > 4000 AND dept = 'it' AND hired IS NOT NULL ORDER BY 1",
        "SELECT name FROM pg.nasty.people WHERE dept IS NULL OR name LIKE 'D%' ORDER BY 1",
        "SELECT n_name, r_name FROM pg.nation JOIN pg.region ON n_regionkey = r_regionkey ORDER BY 1",
        "SELECT c_name, c_acctbal FROM pg.customer ORDER BY c_acctbal DESC, c_custkey LIMIT 5",
        "SELECT * FROM postgres_query('pg', 'SELECT dept, avg(salary) FROM nasty.people GROUP BY 1 ORDER BY 1')",
    ],
)
def test_filters_and_joins(query: str, same: Compare) -> None:
    for pushed_down in ("true", "false"):
        assert len(same(f"SET pg_experimental_filter_pushdown = {pushed_down}; {query}"))


def test_readers_in_parallel_see_every_row_once(same: Compare) -> None:
    rows = same("SELECT l_orderkey, l_linenumber, l_comment FROM pg.lineitem ORDER BY l_orderkey, l_linenumber")
    assert len(rows) == 60175
    both = "SELECT l_orderkey FROM pg.lineitem UNION ALL SELECT l_orderkey FROM pg.lineitem"
    assert same(f"SELECT count(*) AS n, sum(l_orderkey) FROM ({both})")["n"].to_pylist() == [120350]


def test_readers_in_parallel_do_without_the_bridge(databases: list[duckdb.DuckDBPyConnection], server: Program) -> None:
    before = server.log_bytes()
    assert databases[1].execute("SELECT count(*) FROM pg.lineitem").fetchone() == (60175,)
    assert server.bridge_reasons(before) == []


def test_without_ctid_a_scan_is_one_statement_of_the_engine(
    databases: list[duckdb.DuckDBPyConnection], server: Program
) -> None:
    before = server.log_bytes()
    databases[1].execute("SET pg_use_ctid_scan = false")
    try:
        assert databases[1].execute("SELECT count(l_comment) FROM pg.lineitem").fetchone() == (60175,)
    finally:
        databases[1].execute("RESET pg_use_ctid_scan")
    assert server.bridge_reasons(before) == []


def test_all_of_a_transaction_is_of_one_snapshot(databases: list[duckdb.DuckDBPyConnection]) -> None:
    ours = databases[1]
    ours.execute("BEGIN")
    counts = [ours.execute("SELECT count(*) FROM pg.lineitem").fetchone() for _ in range(2)]
    ours.execute("COMMIT")
    assert counts == [(60175,), (60175,)]


def test_errors_are_postgres_and_leave_the_database_usable(databases: list[duckdb.DuckDBPyConnection]) -> None:
    query = "SELECT * FROM postgres_query('pg', 'SELECT 1 / (n_nationkey - 1) FROM nation')"
    for database in databases:
        with pytest.raises(duckdb.Error, match="division by zero"):
            database.execute(query).fetchall()
        assert database.execute("SELECT count(*) FROM pg.region").fetchone() == (5,)


def test_writing_is_refused(server: Program) -> None:
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as database:
        database.execute(f"LOAD '{extension()}'; ATTACH '{server.url()}' AS pg (TYPE postgres)")
        with pytest.raises(duckdb.Error, match="table of the lake"):
            database.execute("INSERT INTO pg.region VALUES (9, 'NOWHERE', '')")
        assert database.execute("SELECT count(*) FROM pg.region").fetchone() == (5,)
