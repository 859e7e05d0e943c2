"""pg_dump: the dump of a lake is its source's."""

import subprocess

from catalog.postgres import bin_dir
from tests.conftest import Source
from tests.support.programs import Program


def dump(url: str, *options: str) -> list[str]:
    command = [str(bin_dir() / "pg_dump"), "--no-owner", "--no-privileges", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Each dump has a key of its own for psql's restricted mode; and a header names the owner whatever one says.
    lines = [line for line in done.stdout.splitlines() if not line.startswith((r"\restrict", r"\unrestrict"))]
    return [line.partition("; Owner: ")[0] for line in lines]


def test_definitions_and_rows(source: Source, server: Program) -> None:
    options = ("--schema=public", "--exclude-table-data=lineitem")
    expected = dump(source.url, *options)
    assert sum(line.startswith("COPY public.") for line in expected) == 7
    assert dump(server.url(), *options) == expected


def test_nothing_of_the_servers_own_is_dumped(server: Program) -> None:
    text = "\n".join(dump(server.url(), "--schema-only"))
    assert "CREATE TABLE public.lineitem" in text
    for own in ("bemidb_", "REVOKE", "EVENT TRIGGER", "SECURITY LABEL", "pg_stat", "pg_settings"):
        assert own not in text
