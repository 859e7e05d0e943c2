"""GROUP BY, with grouping sets."""

from dataclasses import replace
from itertools import chain, combinations

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.ordering import target_of
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.numeric import display_of, scaled, text_of
from pgserver.emit.operators.comparisons import COLUMN
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

MAX_SETS = 4096
JSONB_KEY = "pg_jsonb_key("
EMPTY, SIMPLE, ROLLUP, CUBE, SETS = range(5)


def group_clause(query: Node, walk: Walk) -> str:
    """Emit GROUP BY; "" for none. Constants make no groups, but GROUP BY makes none of no rows."""
    entries = query.nodes("targetList")
    keys = {
        clause.integer("tleSortGroupRef"): group_key(walk.expression(target_of(clause, entries).node("expr")))
        for clause in query.nodes("groupClause")
    }
    sets = query.nodes("groupingSets")
    if sets:
        _check_keys_of_sets(list(keys.values()))
        if query.flag("groupDistinct"):
            return f" GROUP BY GROUPING SETS ({', '.join(distinct_sets(sets, keys))})"
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
    if "(SELECT" in value.sql:
        raise NoRule("GROUP BY a subquery, which DuckDB does not know again in a target")
    return told_apart(value, "GROUP BY").sql


def told_apart(value: Value, clause: str) -> Value:
    """Return a value as DuckDB tells equal ones from others.

    Raises: NoRule where it does not.
    """
    if value.type == kinds.JSONB and not value.opaque:
        return value if value.sql.startswith(JSONB_KEY) else replace(value, sql=f"{JSONB_KEY}{value.sql})", atom=True)
    if value.opaque or value.type in kinds.SPELLED:
        raise NoRule(f"{clause} of a value whose equal values differ in text")
    return value


def varied(value: Value) -> bool:
    """Tell whether equal values may show different numbers of decimals."""
    held = value.numeric
    return held is not None and (held.display is not None or held.text is not None)


def of_group(value: Value) -> Value:
    """Return a grouping expression above its groups.

    Equal numerics may show different scales: which of them Postgres meets first is not known, so they must be alike.
    """
    value = told_apart(value, "GROUP BY")
    if value.numeric is None or not varied(value):
        return value
    present = scaled(value).operand
    display = alike_in_group(present, display_of(value))
    text = None if value.numeric.text is None else alike_in_group(present, text_of(value))
    return replace(value, numeric=replace(value.numeric, display=display, text=text, late=None))


def alike_in_group(value: str, shown: str) -> str:
    """Return the SQL of what all values of a group show."""
    least, most = (f"{name}(CASE WHEN {value} IS NOT NULL THEN {shown} END)" for name in ("min", "max"))
    return f"CASE WHEN {least} <> {most} THEN error('bridge') ELSE {least} END"


def distinct_sets(items: list[Node], keys: dict[int, str]) -> list[str]:
    """Return the sets that a list of grouping sets stands for, each once."""
    products: list[tuple[int, ...]] = [()]
    for item in items:
        products = [left + right for left in products for right in spelled_out(item)]
        if len(products) > MAX_SETS:
            raise NoRule("GROUP BY DISTINCT of many sets")
    found = {tuple(sorted(set(product))) for product in products}
    return ["(" + ", ".join(keys[reference] for reference in product) + ")" for product in sorted(found)]


def spelled_out(item: Node) -> list[tuple[int, ...]]:
    """Return the sets of keys that an element of GROUPING SETS, ROLLUP or CUBE stands for."""
    kind = item.integer("kind")
    if kind in (EMPTY, SIMPLE):
        return [tuple(item.numbers("content"))] if kind == SIMPLE else [()]
    parts = [spelled_out(inner) for inner in item.nodes("content")]
    if kind == SETS:
        return [one for part in parts for one in part]
    terms = [part[0] for part in parts]
    if kind == ROLLUP:
        return [tuple(chain(*terms[:count])) for count in range(len(terms) + 1)]
    return [tuple(chain(*chosen)) for count in range(len(terms) + 1) for chosen in combinations(terms, count)]


def grouping_set(item: Node, keys: dict[int, str]) -> str:
    """Emit one element of GROUPING SETS, ROLLUP or CUBE."""
    kind = item.integer("kind")
    if kind == EMPTY:
        return "()"
    if kind == SIMPLE:
        return "(" + ", ".join(keys[reference] for reference in item.numbers("content")) + ")"
    word = {ROLLUP: "ROLLUP", CUBE: "CUBE", SETS: "GROUPING SETS"}[kind]
    return f"{word} ({', '.join(grouping_set(inner, keys) for inner in item.nodes('content'))})"
