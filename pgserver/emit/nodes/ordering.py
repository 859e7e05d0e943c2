"""Sort keys: ORDER BY of queries, aggregates and windows."""

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.scope import is_native
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.operators.comparisons import enum_position, trimmed
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

ASCENDING = ("<", "~<~")
DESCENDING = (">", "~>~")


def target_of(clause: Node, targets: list[Node]) -> Node:
    """Return the target that a sort or group clause names."""
    reference = clause.word("tleSortGroupRef")
    for target in targets:
        if target.fields.get("ressortgroupref") == reference:
            return target
    raise NoRule("a sort clause without its target")


def sort_keys(clauses: list[Node], targets: list[Node], walk: Walk) -> list[str]:
    """Return the sort keys of a list of clauses."""
    return [sort_key(walk.expression(target_of(clause, targets).node("expr")), clause, walk) for clause in clauses]


def sort_key(value: Value, clause: Node, walk: Walk) -> str:
    """Return an expression with its direction and the place of NULLs."""
    return f"{sortable(value, walk)} {direction(clause, walk)}"


def direction(clause: Node, walk: Walk) -> str:
    """Return "ASC NULLS LAST" or its like."""
    symbol = walk.names.operators.get(clause.integer("sortop"), "unknown").partition("(")[0]
    if symbol not in ASCENDING + DESCENDING:
        raise NoRule(f"ORDER BY with operator {symbol}")
    word = "ASC" if symbol in ASCENDING else "DESC"
    return f"{word} NULLS {'FIRST' if clause.flag('nulls_first') else 'LAST'}"


def sortable(value: Value, walk: Walk) -> str:
    """Return an expression that DuckDB orders as Postgres does.

    Raises: NoRule for a type whose order only Postgres knows.
    """
    labels = walk.names.labels(value.type)
    if value.opaque or value.type in kinds.JSONS or not is_native(walk.names, value.type):
        raise NoRule(f"ORDER BY a value of type {walk.names.type_name(value.type)}")
    if labels:
        return enum_position(value, labels)
    if value.constant is not None:
        return f"({value.sql})"
    if value.type in kinds.FLOATS:
        return f"({value.operand} + 0)"  # DuckDB gives a plain column back from its sort key, and there -0 is 0
    return trimmed(value).operand
