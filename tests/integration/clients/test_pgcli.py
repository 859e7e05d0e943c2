"""pgcli: the queries that its completions come from, its backslash commands, and the program at a terminal."""

import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pgcli.completion_refresher import CompletionRefresher
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial
from prompt_toolkit.document import Document

from tests.conftest import Source
from tests.support.programs import Program, environment


@pytest.fixture(scope="module")
def executors(source: Source, server: Program) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        made = [PGExecute(dsn=f"{url}?options=-c%20TimeZone%3DUTC") for url in (source.url, server.url())]
        for executor in made:
            stack.callback(executor.conn.close)
        yield made


@pytest.fixture(scope="module")
def completers(executors: list[Any]) -> list[Any]:
    """What pgcli fills in the background after it has connected."""
    made: list[Any] = []
    for executor in executors:
        filled = threading.Event()
        done = [made.append, lambda _: filled.set()]  # noqa: B023
        CompletionRefresher().refresh(executor, PGSpecial(), done, settings={})
        assert filled.wait(30)
    return made


@pytest.mark.parametrize(
    ("before", "after", "among"),
    [
        ("SELECT * FROM ", "", "lineitem"),
        ("SELECT * FROM nasty.", "", '"Odd Names"'),
        ("SELECT l_", " FROM lineitem", "l_comment"),
        ("SELECT * FROM orders JOIN customer ON ", "", "customer.c_custkey = orders.o_custkey"),
        ("SELECT * FROM nation JOIN ", "", "region ON region.r_regionkey = nation.n_regionkey"),
        ("SELECT name FROM nasty.people WHERE b", "", "born"),
        (r"\d nasty.p", "", "people"),
    ],
)
def test_completes(before: str, after: str, among: str, completers: list[Any]) -> None:
    found = []
    for completer in completers:
        document = Document(before + after, len(before))
        found.append(sorted(completion.text for completion in completer.get_completions(document, None)))
    assert among in found[0]
    assert found[1] == found[0]


def test_completes_databases(completers: list[Any]) -> None:
    """Not those of the source's cluster, which has some for each test of the session."""
    document = Document(r"\c ", 3)
    assert "bemidb" in {completion.text for completion in completers[1].get_completions(document, None)}


def run(executor: Any, text: str) -> list[object]:
    """Run as pgcli does: each statement's rows, headers and status."""
    results = executor.run(text, PGSpecial())
    return [(list(rows) if rows is not None else None, headers, status) for _, rows, headers, status, *_ in results]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM nasty.people ORDER BY id",
        "SELECT * FROM nasty.times ORDER BY id",
        "SELECT id, u, by, j, jb, m FROM nasty.things ORDER BY id",
        "SELECT id, ints, texts, nums, bools FROM nasty.arrays ORDER BY id",
        "-- a comment\nSELECT 1 AS a; SELECT count(*) FROM lineitem",
        r"\d nasty.things",
        r"\d+ orders",
        r"\dT nasty.*",
    ],
)
def test_runs(text: str, executors: list[Any]) -> None:
    theirs, ours = (run(executor, text) for executor in executors)
    assert theirs
    assert repr(ours) == repr(theirs)


def test_an_error_leaves_the_session_usable(executors: list[Any]) -> None:
    for executor in executors:
        with pytest.raises(Exception, match='column "nope" does not exist') as error:
            run(executor, "SELECT nope FROM region")
        assert getattr(error.value, "sqlstate", None) == "42703"
        assert run(executor, "SELECT count(*) FROM region")[0] == ([(5,)], ["count"], "SELECT 1")


def test_many_rows(executors: list[Any]) -> None:
    query = "SELECT l_orderkey FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)"
    assert run(executors[1], query)[0][2] == "SELECT 120350"  # type: ignore[index]


def test_at_a_terminal(server: Program, tmp_path: Path) -> None:
    """Type a query, see its rows, leave."""
    variables = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "PAGER": "cat", "HOME": str(tmp_path)}
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pgcli", "--less-chatty", server.url()],
        env=environment(variables | {"XDG_CONFIG_HOME": str(tmp_path)}),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        wait_for(mine, b"bemidb>")
        os.write(mine, b"SELECT 'rows: ' || count(*) FROM lineitem;\r")
        wait_for(mine, b"rows: 60175")
        wait_for(mine, b"bemidb>")
        os.write(mine, b"\\q\r")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(mine)


def wait_for(terminal: int, text: bytes, seconds: float = 60) -> None:
    """Read what the program shows until a text comes."""
    shown, deadline = b"", time.monotonic() + seconds
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, shown
        shown += os.read(terminal, 65536)
