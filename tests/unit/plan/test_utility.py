"""Utility statements: what is read of them, and where errors in the probes are in the client's text."""

import pytest
from pglast.enums import FetchDirection

from pgserver.plan.inner import find_inner
from pgserver.plan.statement import classify, split
from pgserver.plan.utility import (
    FETCH_ALL,
    Commit,
    ExecutePrepared,
    ExplainPrepared,
    Fetch,
    Forget,
    Rename,
    Utility,
    copied_relation,
    emptied,
    executes_prepared,
    read_named,
    read_rename,
)

FORWARD, BACKWARD = FetchDirection.FETCH_FORWARD, FetchDirection.FETCH_BACKWARD


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FETCH c", Fetch("c", FORWARD, 1, False)),
        ('fetch all in "C d"', Fetch("C d", FORWARD, FETCH_ALL, False)),
        ("MOVE BACKWARD 3 FROM c", Fetch("c", BACKWARD, 3, True)),
        ("FETCH ABSOLUTE 0 FROM c", Fetch("c", FetchDirection.FETCH_ABSOLUTE, 0, False)),
        ("CLOSE c", Forget(cursors=frozenset(("c",)))),
        ("CLOSE ALL", Forget(cursors=None)),
        ("DEALLOCATE PREPARE p", Forget(statements=frozenset(("p",)))),
        ("DEALLOCATE ALL", Forget(statements=None)),
        ("DISCARD ALL", Forget(cursors=None, statements=None)),
        ("DISCARD PLANS", None),
        ("/* x */ COMMIT AND CHAIN", Commit()),
        ("END", Commit()),
        ("COMMIT PREPARED 'x'", None),
        ("EXECUTE p(1, 'a;b')", ExecutePrepared("p", 2, "EXECUTE p(1, 'a;b')", (8, 9))),
        ("SELECT 1", None),
        ("FETCH FETCH FETCH", None),
    ],
)
def test_statements_that_act_on_names(text: str, found: Utility | None) -> None:
    assert read_named(classify(text)) == found


def test_explain_execute_keeps_the_place() -> None:
    found = read_named(classify("EXPLAIN (COSTS off) EXECUTE -- why\n p(1)"))
    assert isinstance(found, ExplainPrepared)
    assert found.execute.start == 20
    assert found.execute.text[slice(*found.execute.name_span)] == "p"
    assert found.probe.text == "EXPLAIN (COSTS off) SELECT 1"


def test_names_that_the_twin_takes() -> None:
    assert read_rename(classify("DECLARE c CURSOR FOR SELECT 1")) == Rename(cursor="c")
    assert read_rename(classify("PREPARE p AS SELECT 1")) == Rename(statement="p")
    assert read_rename(classify("SELECT 1")) is None
    assert executes_prepared(classify("CREATE TEMP TABLE t AS EXECUTE p(1)")) == "p"
    assert executes_prepared(classify("EXPLAIN CREATE TABLE t AS EXECUTE p")) == "p"
    assert executes_prepared(classify("CREATE TABLE execute (a int)")) is None


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT a FROM t) TO STDOUT (FORMAT csv)",
        "EXPLAIN (ANALYZE) SELECT a FROM t",
        "DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t  ",
    ],
)
def test_positions_in_a_probe_lead_back(text: str) -> None:
    inner = find_inner(classify(text))
    assert inner is not None
    probe = emptied(text, inner)
    for word in ("SELECT a", "FROM t", *((") TO", "csv") if "COPY" in text else ("t",))):
        there = probe.text.rindex(word)
        assert probe.original_position(there + 1) == text.rindex(word) + 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("COPY t TO STDOUT", "t"),
        ('copy BINARY "a b"."c.d" (x) to stdout', '"a b"."c.d"'),
        ("COPY /* a */ s . t(a,b) TO STDOUT", "s . t"),
    ],
)
def test_the_table_of_a_copy(text: str, name: str) -> None:
    place = copied_relation(text)
    assert place is not None
    assert text[place.start : place.end] == name


def test_parts_know_where_they_begin() -> None:
    text = "SELECT 'äö;';  SELECT 2; -- end\n SELECT 3"
    assert [text[part.offset :].startswith(part.text) for part in split(text)] == [True, True, True]
