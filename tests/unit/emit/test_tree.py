"""Reading node trees: structure, names that look like structure, and texts that Postgres would not write."""

import pytest

from pgserver.emit.errors import TreeError
from pgserver.emit.reading.tree import Node, parse_tree


def one(text: str) -> Node:
    (node,) = parse_tree(f"({text})")
    return node


def test_fields_of_every_kind() -> None:
    node = one(
        "{X :a 1 :b true :c <> :d (i 1 -2) :e ({Y :f 2} {Y :f 3}) :g {Z :h (o 16)} :constvalue 4 [ 1 0 -1 -128 ]}"
    )
    assert node.integer("a") == 1
    assert node.flag("b")
    assert not node.has("c")
    assert node.numbers("d") == [1, -2]
    assert [item.integer("f") for item in node.nodes("e")] == [2, 3]
    assert node.node("g").numbers("h") == [16]
    assert node.datum("constvalue") == b"\x01\x00\xff\x80"


def test_null_constant_and_nested_lists() -> None:
    node = one("{RTE :values_lists (({C :constvalue <>} {C :constvalue <>}) ({C :x 1} {C :x 2}))}")
    assert [len(row) for row in node.lists("values_lists")] == [2, 2]
    assert not node.lists("values_lists")[0][0].has("constvalue")


def test_dropped_fields_leave_the_others() -> None:
    node = one("{VAR :varno 1 :varattno 2 :varnullingrels (b 1 2) :varlevelsup 0 :varnosyn 1 :location -1}")
    assert (node.integer("varno"), node.integer("varattno"), node.integer("varlevelsup")) == (1, 2, 0)


def test_folded_lines_read_the_same() -> None:
    text = "{OPEXPR :opno 96 :args ({VAR :varno 1 :location 5} {CONST :constvalue 4 [ 1 0 0 0 ]}) :location 7}"
    assert one(text.replace(" ", "\n")).nodes("args")[0].integer("varno") == 1


@pytest.mark.parametrize(
    "name",
    [
        r"a\ b",
        r"\{X\ :relid\ 1\}",
        ":relid",
        "a\rb:relid\r99",
        "a\u00a0:relid\u00a099",
        "[",
        "<\\>",
        r"\<\>",
        '"q"',
        "Größe",
    ],
)
def test_a_name_is_never_structure(name: str) -> None:
    node = one(f"{{TE :resname {name} :relid 7 :args ({{V :varno 1}})}}")
    assert node.integer("relid") == 7
    assert node.nodes("args")[0].integer("varno") == 1


def test_a_token_longer_than_a_line_is_refused() -> None:
    with pytest.raises(TreeError):
        parse_tree("({X :a\n" + "b" * 78 + "\n:c 1})")


@pytest.mark.parametrize(
    "text", ["", "(", ")", "({X :a 1)", "({X :a 1}} ", "({X 1})", "(({X :a 1}))", "({X :constvalue 4 [ 1 })"]
)
def test_malformed_text_is_an_error(text: str) -> None:
    with pytest.raises(TreeError):
        parse_tree(text)


def test_deep_nesting_needs_no_stack() -> None:
    depth = 200_000
    node = one("{N :arg " * depth + "{N :x 1}" + "}" * depth)
    for _ in range(depth):
        node = node.node("arg")
    assert node.integer("x") == 1


@pytest.mark.parametrize("access", ["word", "integer", "node", "nodes", "lists", "numbers", "words", "datum"])
def test_an_accessor_names_node_and_field(access: str) -> None:
    node = one("{X :a {Y :b 1}}") if access not in ("node",) else one("{X :a 1}")
    with pytest.raises(TreeError, match=r"X\.a"):
        getattr(node, access)("a")
