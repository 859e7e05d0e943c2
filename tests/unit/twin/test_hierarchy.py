"""The order and the groups in which relations are made in the twin."""

from dataclasses import replace

from catalog.columns import TableView
from pgserver.twin.hierarchy import families, in_order, kin
from pgserver.twin.names import Name
from tests.support.twin_tables import table

PLAIN = table("s", "t", {"a": "integer"}).view
assert PLAIN is not None


def relation(*, parents: str = "", children: str = "", kind: str = "r") -> TableView:
    assert PLAIN is not None
    named = [tuple(("s", name) for name in names.split()) for names in (parents, children)]
    return replace(PLAIN, parents=named[0], children=named[1], kind=kind)


def tables(**views: TableView) -> dict[Name, TableView]:
    return {("s", name): view for name, view in views.items()}


def order(**views: TableView) -> list[tuple[str, list[str]]]:
    return [(name, [parent for _, parent in parents]) for (_, name), parents in in_order(tables(**views))]


def test_parents_come_first() -> None:
    assert order(
        a=relation(parents="b c"), b=relation(children="a", parents="c"), c=relation(children="b a"), d=relation()
    ) == [("c", []), ("d", []), ("b", ["c"]), ("a", ["b", "c"])]


def test_both_sides_must_say_so() -> None:
    assert order(a=relation(parents="b gone"), b=relation(children="gone")) == [("a", []), ("b", [])]


def test_views_wait_for_all_that_they_read_or_are_left_out() -> None:
    found = order(a=relation(kind="v", parents="b"), b=relation(kind="v", parents="t"), t=relation(),
                  c=relation(kind="v", parents="t gone"))  # fmt: skip
    assert found == [("t", []), ("b", ["t"]), ("a", ["b"])]


def test_relations_that_go_round_are_left_out() -> None:
    assert order(a=relation(parents="b", children="b"), b=relation(parents="a", children="a")) == []


def test_families_are_what_edges_join() -> None:
    a, b, c, d, e = (("s", name) for name in "abcde")
    found = families({a: [], b: [a], c: [("s", "elsewhere")], d: [b], e: [c]})
    assert sorted(map(sorted, found)) == [[a, b, d], [c, e]]


def test_kin_are_all_that_are_read_together_at_any_moment() -> None:
    then = tables(root=relation(), old=relation(parents="root"), other=relation())
    now = tables(root=relation(), new=relation(parents="root"), old=relation(), v=relation(parents="other", kind="v"))
    assert kin([("s", "new")], now, then) == {("s", "root"), ("s", "new"), ("s", "old")}
    assert kin([("s", "other")], now, then) == {("s", "other")}
    assert kin([], now, then) == set()
