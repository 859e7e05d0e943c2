"""Splitting and classifying texts."""

import pytest

from pgserver.plan.inner import find_inner
from pgserver.plan.rewrite import use_temporary_tables
from pgserver.plan.statement import Kind, classify, parse, relation_names, split


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select 1", Kind.QUERY),
        ("  -- a comment; select\n/* and ( another */ ((Table x))", Kind.QUERY),
        ("with x as (select 1) select * from x", Kind.QUERY),
        ("insert into t values (1)", Kind.WRITE),
        ("drop table t", Kind.DEFINITION),
        ("copy t to stdout", Kind.COPY),
        ("move next in c", Kind.FETCH),
        ("set search_path = x", Kind.OTHER),
        ("", Kind.OTHER),
        ("-- nothing", Kind.OTHER),
        ("'text'", Kind.OTHER),
    ],
)
def test_first_word_tells_the_kind(text: str, kind: Kind) -> None:
    assert classify(text).kind is kind


def test_split_keeps_semicolons_of_strings_and_comments() -> None:
    parts = split("select ';' -- ;\n; select 2 /* ; */;; ")
    assert [part.word for part in parts] == ["SELECT", "SELECT"]
    assert "';'" in parts[0].text
    assert len(split("select 1;")) == 1


def test_what_does_not_lex_stays_whole() -> None:
    text = "select 'open; select 2"
    assert [part.text for part in split(text)] == [text]


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("explain (analyze, costs off) select 'é', $1 from t -- c\n;", "select 'é', $1 from t"),
        ("explain analyze verbose (select 1) union select 2", "(select 1) union select 2"),
        ("explain (select 1)", "(select 1)"),
        ("copy (select (1) from t) to stdout (format csv)", "select (1) from t"),
        ("copy t to stdout", None),
        ("prepare p(int) as select $1 as x", "select $1 as x"),
        ("declare c cursor with hold for select a from t for update", "select a from t for update"),
        ("create temp table x (a) as select * from l", "select * from l"),
        ("create table x (a int default 1)", None),
        ("explain", None),
    ],
)
def test_inner_query_is_cut_out(text: str, inner: str | None) -> None:
    found = find_inner(classify(text))
    assert (text[found.start : found.end] if found else None) == inner


def test_relations_of_a_definition() -> None:
    node = parse("drop table a.b, c")
    assert node is not None
    assert relation_names(node) == [("a", "b"), (None, "c")]
    assert parse("drop tabel x") is None


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("select public.orders.x from public . orders as l", "select pg_temp.orders.x from pg_temp . orders as l"),
        ('table "Sales"."My ""Orders"""', 'table pg_temp."My ""Orders"""'),
        ("table bemidb.public.Orders", "table pg_temp.Orders"),
        (
            "select 'public.orders', public.other -- public.orders",
            "select 'public.orders', public.other -- public.orders",
        ),
        ("select a.public.orders.x from t", "select pg_temp.orders.x from t"),
    ],
)
def test_bridge_names(text: str, rewritten: str) -> None:
    assert use_temporary_tables(text, {("public", "orders"), ("Sales", 'My "Orders"')}) == rewritten
