"""The psql of the wheel: its backslash commands show of the lake what they show of the source."""

import re
import subprocess

import pytest

from catalog.postgres import bin_dir
from tests.conftest import Source
from tests.support.programs import Program

# Of a copy only the tables and their keys are there: no secondary indexes, defaults, owners, sizes.
SAME = (
    r"\d nation",
    r"\d region",
    r"\d orders",
    r"\d lineitem",
    r"\d nasty.arrays",
    r"\d nasty.times",
    r'\d nasty."Odd Names"',
    r"\d+ orders",
    r"\d+ nation",
    r"\d+ family.measured",
    r"\d+ family_parts.february",
    r"\d+ family_parts.rest",
    r"\d+ family.scaled",
    r"\d+ family.animals",
    r"\d family.pet_dogs",
    r'\d+ family."no columns"',
    r"\d+ family.by_month",
    r"\dv family.*",
    r"\dT nasty.*",
    r"\dn family*",
    r"\df lower",
    r"\df+ lower",
    r"\da sum",
    r"\do ||",
    r"\dC integer",
    r"\encoding",
    r"\conninfo",
    r"\x \\ SELECT * FROM region ORDER BY 1",
    r"SELECT * FROM nation ORDER BY 1 \gdesc",
    r"SELECT r_name, count(*) FROM region GROUP BY 1 \crosstabview",
    r"SELECT 'SELECT count(*) FROM region' \gexec",
    r"SELECT r_regionkey AS key FROM region WHERE r_regionkey = 3 \gset",
    r"\set FETCH_COUNT 3 \\ SELECT n_name FROM nation ORDER BY 1",
    r"\copy (SELECT * FROM region ORDER BY 1) TO STDOUT",
    r"\sf lower(text)",
    r"\dt nasty.*",
    r"\dt family_parts.*",
    r"\dt",
    r"\dd",
    r"\db",
    r"\dy",
    r"\df",
    r"\dtS pg_catalog.*",
    r"\sv pg_stat_user_tables",
    r"\copy region TO '/dev/stdout' (FORMAT csv, HEADER)",
    r"SELECT $1::int + count(*) FROM region \bind 5 \g",
    r"SELECT count(*) FROM nation WHERE n_nationkey < $1 \parse p \\ \bind_named p 4 \g",
    r"\set ON_ERROR_ROLLBACK on \\ BEGIN \\ SELECT nope FROM region \\ SELECT count(*) FROM region \\ COMMIT",
    r"\set AUTOCOMMIT off \\ SELECT count(*) FROM region \\ ROLLBACK",
    r"LISTEN news \\ NOTIFY news, 'x' \\ SELECT count(*) FROM region",
)
MASKED = {
    r"Port\s+\| \d+|port \"\d+\"": "port",
    r"Backend PID\s+\| \d+": "pid",
    r"process with PID \d+": "process",
    r"Owner|postgres|bemidb_admin|analyst|\bbemidb\b": "",
    r"[ \t]+": " ",
    r"-{2,}": "--",
}


def psql(url: str, *commands: str) -> str:
    arguments = [str(bin_dir() / "psql"), "--no-psqlrc", "--quiet", "-v", "VERBOSITY=verbose", url]
    for command in commands:
        for part in command.split(r" \\ "):
            arguments += ["--command", part]
    environment = {"PATH": "/usr/bin:/bin", "PAGER": "", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, env=environment)
    return done.stdout + done.stderr


def masked(text: str) -> str:
    for pattern, instead in MASKED.items():
        text = re.sub(pattern, instead, text)
    return text


@pytest.mark.parametrize("command", SAME)
def test_shows_what_postgres_shows(command: str, source: Source, server: Program) -> None:
    expected, found = psql(source.url, command), psql(server.url(), command)
    assert expected
    assert masked(found) == masked(expected)


def test_describes_a_table_with_comments_and_keys(server: Program) -> None:
    shown = psql(server.url(), r"\d+ lineitem")
    for text in (
        "numeric(15,2)",
        "character(10)",
        "Quantity times retail price",
        '"lineitem_pkey" PRIMARY KEY, btree (l_orderkey, l_linenumber)',
        "REFERENCES orders(o_orderkey)",
    ):
        assert text in shown


def test_lists_the_database_and_its_schemas(server: Program, source: Source) -> None:
    names = re.compile(r"^ (\w+) +\|", re.MULTILINE)
    shown, expected = (names.findall(psql(url, r"\l")) for url in (server.url(), source.url))
    assert server.database in shown
    assert set(shown) <= set(expected)
    assert "bemidb_" not in psql(server.url(), r"\dn+")


def test_sizes_are_those_of_the_lake(server: Program) -> None:
    sizes = re.findall(r"lineitem .*?(\d+ [kM]B)", psql(server.url(), r"\dt+"))
    assert sizes
    assert sizes[0] != "0 kB"


def test_times_a_query(server: Program) -> None:
    shown = psql(server.url(), r"\timing on \\ SELECT count(*) FROM lineitem")
    assert "60175" in shown
    assert re.search(r"Time: \d+\.\d+ ms", shown)


def test_shows_an_error_with_its_place(server: Program) -> None:
    shown = psql(server.url(), "SELECT l_quantiti FROM lineitem")
    assert "42703" in shown
    assert "LINE 1: SELECT l_quantiti FROM lineitem" in shown
    assert "Perhaps you meant" in shown
