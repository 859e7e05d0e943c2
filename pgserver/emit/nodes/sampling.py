"""Rows by chance: TABLESAMPLE, and random() where it is written once: a term of WHERE, a key of ORDER BY alone.

Elsewhere an expression may be written twice, and a second random() is another number.
"""

from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

# OIDs of the sampling methods' handlers, from pg_proc.dat; what they are called in DuckDB.
METHODS = {3313: "BERNOULLI", 3314: "SYSTEM"}
ALL_PERCENT = 100


def is_random(node: Node, walk: Walk) -> bool:
    """Tell whether a node is a call of random() without bounds."""
    return node.tag == "FUNCEXPR" and walk.names.functions.get(node.integer("funcid")) == "random()"


def chance(walk: Walk) -> Value:
    """Return a number from 0 to 1; the statement's result is not to be kept."""
    walk.context.volatile = True
    return Value("random()", kinds.FLOAT8)


def sampled(item: str, entry: Node, walk: Walk) -> str:
    """Take a part of the rows of a FROM item, where it says so.

    Raises: NoRule for a sample that can be repeated, a method of an extension's, a percentage that is no constant.
    """
    clause = entry.optional("tablesample")
    if clause is None:
        return item
    method = METHODS.get(clause.integer("tsmhandler"))
    if method is None or clause.has("repeatable"):
        raise NoRule("TABLESAMPLE that can be repeated, or of another method")
    percent = _number(clause.nodes("args")[0], walk)
    if percent is None or not 0 <= percent <= ALL_PERCENT:
        raise NoRule("TABLESAMPLE of what is no constant from 0 to 100")
    walk.context.volatile = True
    return f"{item} TABLESAMPLE {method}({percent}%)"


def _number(node: Node, walk: Walk) -> int | float | Decimal | None:
    if node.tag == "FUNCEXPR" and len(node.nodes("args")) == 1:  # the cast of a literal to real
        (node,) = node.nodes("args")
    value = walk.expression(node).constant if node.tag == "CONST" else None
    return value.value if value is not None and isinstance(value.value, int | float | Decimal) else None
