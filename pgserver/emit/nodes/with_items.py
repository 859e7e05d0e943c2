"""WITH: plain, materialized or not, and recursive."""

from dataclasses import replace

from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.scope import Cte, Scope
from pgserver.emit.nodes.select import Select, export
from pgserver.emit.nodes.setops import WORDS
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.numeric import decimal_type
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

MATERIALIZED = {0: "", 1: "MATERIALIZED ", 2: "NOT MATERIALIZED "}


def with_clause(query: Node, walk: Walk) -> str:
    """Emit WITH; each item is in scope for those after it and for the query."""
    items = [with_item(item, walk) for item in query.nodes("cteList")]
    if not items:
        return ""
    word = "WITH RECURSIVE" if query.flag("hasRecursive") else "WITH"
    return f"{word} {', '.join(items)} "


def with_item(item: Node, walk: Walk) -> str:
    """Emit one item."""
    if item.has("search_clause") or item.has("cycle_clause"):
        raise NoRule("WITH ... SEARCH or CYCLE")
    query = item.node("ctequery")
    name = f"w{walk.context.number()}"
    if item.flag("cterecursive"):
        return recursive_item(item, query, name, walk)
    select = walk.select(query, walk)
    walk.scope.ctes[item.word("ctename")] = Cte(name, select.names())
    return f"{name} AS {MATERIALIZED[item.integer('ctematerialized')]}({select.text()})"


def recursive_item(item: Node, query: Node, name: str, walk: Walk) -> str:
    """Emit a recursive item: the first arm gives the columns' form, and the second must fit it."""
    operation = query.node("setOperations")
    if query.has("cteList") or query.has("sortClause") or query.has("limitCount"):
        raise NoRule("WITH RECURSIVE with further clauses")
    left, right = operation.node("larg"), operation.node("rarg")
    if left.tag != "RANGETBLREF" or right.tag != "RANGETBLREF":
        raise NoRule("WITH RECURSIVE of several set operations")
    tables = query.nodes("rtable")
    inner = walk.within(Scope(query, walk.scope))
    first = walk.select(tables[left.integer("rtindex") - 1].node("subquery"), inner)
    columns = [replace(value, sql=f"{name}c{place}") for place, value in enumerate(first.names(), 1)]
    walk.scope.ctes[item.word("ctename")] = Cte(name, columns)
    second = walk.select(tables[right.integer("rtindex") - 1].node("subquery"), inner)
    for before, after in zip(first.targets, second.targets, strict=True):
        _check_same_form(before, after)
    word = WORDS[operation.integer("op")] + (" ALL" if operation.flag("all") else "")
    arms = [_write(arm, name) for arm in (first, second)]
    return f"{name} AS ({arms[0]} {word} {arms[1]})"


def _write(arm: Select, name: str) -> str:
    items = [text for place, value in enumerate(arm.targets, 1) for text in export(value, f"{name}c{place}")]
    text = arm.write(items)
    return f"({text})" if arm.finish or arm.head else text


def _check_same_form(before: Value, after: Value) -> None:
    """DuckDB takes the columns' types from the first arm."""
    if before.numeric is None:
        return
    if before.numeric.display is not None or after.numeric is None or after.numeric.display is not None:
        raise NoRule("a recursive numeric of different scales")
    if before.numeric.scale != after.numeric.scale or decimal_type(before.numeric) != decimal_type(after.numeric):
        raise NoRule("a recursive numeric of different scales")
