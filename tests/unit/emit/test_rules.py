"""Forms of rules: where arguments need parentheses, and tables that hold a signature once."""

from itertools import pairwise

import pytest

from pgserver.emit import kinds
from pgserver.emit.nodes.expressions import NODES
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.rules import Call, Rule, renamed, rewritten, same, table, template
from pgserver.emit.values import Value

SUM = Value("a + b", kinds.INT4, atom=False)
COLUMN = Value("t1.c1", kinds.INT4)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("$1 * $2", "(a + b) * t1.c1"),
        ("f($1, $2)", "f(a + b, t1.c1)"),
        ("CAST($1 AS INTEGER)", "CAST(a + b AS INTEGER)"),
        ("- $1", "- (a + b)"),
        ("CASE WHEN $1 IS NULL THEN $2 END", "CASE WHEN (a + b) IS NULL THEN t1.c1 END"),
        ("f($1 + 1)", "f((a + b) + 1)"),
        ("pi()", "pi()"),
    ],
)
def test_forms(form: str, expected: str) -> None:
    assert template(form)((SUM, COLUMN)) == expected


@pytest.mark.parametrize(
    ("rule", "form"),
    [
        (same("abs(integer)"), "abs($1)"),
        (same("<(integer,bigint)"), "$1 < $2"),
        (same("-(NONE,integer)"), "- $1"),
        (same("pi()"), "pi()"),
        (renamed("btrim(text,text)", to="trim"), "trim($1, $2)"),
    ],
)
def test_names_become_forms(rule, form: str) -> None:  # type: ignore[no-untyped-def]
    assert rule.form.replace("- $2", "- $1") == form


def test_a_signature_has_one_rule() -> None:
    with pytest.raises(ValueError, match="two rules"):
        table(same("abs(integer)"), [same("abs(integer)")])


def test_node_names_are_those_of_the_tree() -> None:
    assert all(name.isupper() and name.isalpha() for name in NODES)


def unused(_key: str) -> str:
    raise AssertionError


def nest(rule: Rule, levels: int) -> Value:
    value = Value("t1.c1", kinds.FLOAT8)
    for _ in range(levels):
        value = rule.apply(
            Call(rule.signature, (value,), kinds.FLOAT8, CatalogNames({}, {}, {}), lambda _: None, unused)
        )
    return value


def test_what_macros_name_twice_grows_by_the_level_not_by_its_power() -> None:
    rule = rewritten("round(double precision)", "pg_fchk(pg_rint($1), isfinite($1))")
    lengths = [len(nest(rule, levels).sql) for levels in range(3, 8)]
    assert {later - earlier for earlier, later in pairwise(lengths)} == {lengths[-1] - lengths[-2]}


def test_the_first_levels_of_macros_go_without_names() -> None:
    rule = renamed("exp(double precision)", to="pg_exp")
    assert nest(rule, 3).sql == "pg_exp(pg_exp(pg_exp(t1.c1)))"
    assert nest(rule, 4).sql.startswith("list_transform([")


def test_a_function_of_duckdb_is_not_named() -> None:
    assert nest(same("sqrt(double precision)"), 5).sql == "sqrt(sqrt(sqrt(sqrt(sqrt(t1.c1)))))"
