"""GROUP BY, with grouping sets."""

from pgserver.emit import kinds
from pgserver.emit.comparisons import COLUMN
from pgserver.emit.errors import NoRule
from pgserver.emit.ordering import target_of
from pgserver.emit.tree import Node
from pgserver.emit.values import Value
from pgserver.emit.walk import Walk

EMPTY, SIMPLE, ROLLUP, CUBE, SETS = range(5)


def group_clause(query: Node, walk: Walk) -> str:
    """Emit GROUP BY; "" for none. Constants make no groups, but GROUP BY makes none of no rows."""
    if query.flag("groupDistinct"):
        raise NoRule("GROUP BY DISTINCT")
    entries = query.nodes("targetList")
    keys = {
        clause.integer("tleSortGroupRef"): group_key(walk.expression(target_of(clause, entries).node("expr")))
        for clause in query.nodes("groupClause")
    }
    sets = query.nodes("groupingSets")
    if sets:
        _check_keys_of_sets(list(keys.values()))
        return " GROUP BY " + ", ".join(grouping_set(item, keys) for item in sets)
    varying = [key for key in keys.values() if COLUMN.search(key)]
    if keys and not varying:  # DuckDB would put a constant that is a key for any equal one
        return " GROUP BY true"
    return f" GROUP BY {', '.join(varying)}" if keys else ""


def _check_keys_of_sets(keys: list[str]) -> None:
    """DuckDB knows a key by its text: it must be told from the others, and from what is no key, to become NULL."""
    if len(set(keys)) < len(keys) or not all(COLUMN.search(key) for key in keys):
        raise NoRule("grouping sets of keys that are not expressions of their own")


def group_key(value: Value) -> str:
    """Return a grouping expression; a constant in parentheses is not a position."""
    held = value.numeric
    differ = held is not None and (held.display is not None or held.text is not None)
    if value.opaque or differ or value.type in kinds.SPELLED:
        raise NoRule("GROUP BY a value whose equal values differ in text")
    if "(SELECT" in value.sql:
        raise NoRule("GROUP BY a subquery, which DuckDB does not know again in a target")
    return value.sql


def grouping_set(item: Node, keys: dict[int, str]) -> str:
    """Emit one element of GROUPING SETS, ROLLUP or CUBE."""
    kind = item.integer("kind")
    if kind == EMPTY:
        return "()"
    if kind == SIMPLE:
        return "(" + ", ".join(keys[reference] for reference in item.numbers("content")) + ")"
    word = {ROLLUP: "ROLLUP", CUBE: "CUBE", SETS: "GROUPING SETS"}[kind]
    return f"{word} ({', '.join(grouping_set(inner, keys) for inner in item.nodes('content'))})"
