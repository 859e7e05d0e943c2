"""Which terms hold for every row that counts: through joins and subqueries, and not through what closes them."""

from typing import Any

import pytest

from pgserver.emit.reading.tree import Field, Node
from pgserver.plan.readings import FULL, INNER, LEFT, RIGHT, find_readings

SUBQUERY = "1"


def table(relid: int, **more: Field) -> Node:
    return Node("RANGETBLENTRY", {"rtekind": "0", "relid": str(relid), "inh": "true", **more})


def column(number: int, attnum: int = 1, levels: int = 0) -> Node:
    return Node("VAR", {"varno": str(number), "varattno": str(attnum), "varlevelsup": str(levels)})


def term(*columns: Node, tag: str = "OPEXPR") -> Node:
    return Node(tag, {"args": [*columns, Node("CONST")]})


def item(number: int) -> Node:
    return Node("RANGETBLREF", {"rtindex": str(number)})


def query(tables: list[Field], items: list[Field], where: Node | None = None, **more: Field) -> Node:
    jointree = Node("FROMEXPR", {"fromlist": items, "quals": where})
    return Node("QUERY", {"rtable": tables, "jointree": jointree, **more})


def join(kind: int, on: Node | None = None) -> Node:
    return Node("JOINEXPR", {"jointype": str(kind), "larg": item(1), "rarg": item(2), "quals": on})


def counts(tree: Node) -> dict[int, int]:
    """Return how many terms each table's rows must meet."""
    return {reading.relid: len(reading.terms) for reading in find_readings(tree)}


def test_a_term_of_where_is_its_tables() -> None:
    both = Node("BOOLEXPR", {"boolop": "and", "args": [term(column(1)), term(column(1), column(2)), term(column(2))]})
    assert counts(query([table(10), table(20)], [item(1), item(2)], both)) == {10: 1, 20: 1}


@pytest.mark.parametrize(
    ("kind", "where", "on"),
    [
        (INNER, {10: 1, 20: 1}, {10: 1, 20: 1}),
        (LEFT, {10: 1, 20: 1}, {10: 0, 20: 1}),
        (RIGHT, {10: 1, 20: 1}, {10: 1, 20: 0}),
        (FULL, {10: 1, 20: 1}, {10: 0, 20: 0}),
    ],
)
def test_joins(kind: int, where: dict[int, int], on: dict[int, int]) -> None:
    """A comparison in WHERE fails for the rows that an outer join adds; one in ON decides only what is added."""
    for number, relid in ((1, 10), (2, 20)):
        expected = {10: 0, 20: 0} | {relid: where[relid]}
        assert counts(query([table(10), table(20)], [join(kind)], term(column(number)))) == expected
        expected = {10: 0, 20: 0} | {relid: on[relid]}
        assert counts(query([table(10), table(20)], [join(kind, term(column(number)))])) == expected


def test_what_null_may_meet_is_not_taken_below_an_outer_join() -> None:
    is_null = Node("NULLTEST", {"nulltesttype": "0", "arg": column(2)})
    assert counts(query([table(10), table(20)], [join(LEFT)], is_null)) == {10: 0, 20: 0}
    assert counts(query([table(10), table(20)], [join(INNER)], is_null)) == {10: 0, 20: 1}


def target(expression: Node) -> Node:
    return Node("TARGETENTRY", {"expr": expression})


@pytest.mark.parametrize(
    ("closed", "terms"),
    [({}, 1), ({"limitCount": Node("CONST")}, 0), ({"hasAggs": "true"}, 0), ({"distinctClause": [Node("X")]}, 0)],
)
def test_subqueries(closed: dict[str, Any], terms: int) -> None:
    inner = query([table(10)], [item(1)], targetList=[target(column(1, 7))], **closed)
    entry = Node("RANGETBLENTRY", {"rtekind": SUBQUERY, "subquery": inner})
    (reading,) = find_readings(query([entry], [item(1)], term(column(1, 1))))
    assert len(reading.terms) == terms
    assert all(met.nodes("args")[0].word("varattno") == "7" for met in reading.terms)


def test_sublinks_are_looked_into_and_stay_where_they_are() -> None:
    inner = query([table(20)], [item(1)], term(column(1), column(1, levels=1)))
    sublink = Node("SUBLINK", {"subselect": inner, "testexpr": column(1)})
    assert counts(query([table(10)], [item(1)], sublink, hasSubLinks="true")) == {10: 0, 20: 0}


def test_a_sample_is_taken_of_all_rows() -> None:
    sampled = table(10, tablesample=Node("TABLESAMPLECLAUSE"))
    assert counts(query([sampled], [item(1)], term(column(1)))) == {10: 0}


def test_a_tree_too_deep_has_no_readings() -> None:
    tree = query([table(10)], [item(1)])
    for _ in range(2000):
        tree = query([Node("RANGETBLENTRY", {"rtekind": SUBQUERY, "subquery": tree})], [item(1)], targetList=[])
    assert find_readings(tree) == ()
