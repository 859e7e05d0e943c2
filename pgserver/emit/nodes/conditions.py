"""Conditions by which data files may be left out: conjuncts `column op constant` on the columns of lake tables.

They only ever leave out rows for which the whole WHERE is not true, so each must be strict (NULL is not true), and its
comparison must be that of the stored values: by value, not by trimmed text or enum position.
"""

from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.coercions import relabels_elements
from pgserver.emit.nodes.scope import RelationSource
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.operators.comparisons import comparable, symbol_of
from pgserver.emit.parts import Condition, ParameterValue
from pgserver.emit.plain_values import plain_value
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
PRUNED_TYPES = frozenset(
    {kinds.BOOL, kinds.INT2, kinds.INT4, kinds.INT8, kinds.NUMERIC, kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR}
    | {kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ, kinds.UUID}
)
MAX_ITEMS = 1000


def note_conditions(node: Node, walk: Walk) -> None:
    """Note the conditions of a WHERE, or of an inner join's ON, at the tables that they are about."""
    for conjunct in conjuncts(node):
        if conjunct.tag == "OPEXPR":
            _note_comparison(conjunct, walk)
        elif conjunct.tag == "SCALARARRAYOPEXPR":
            _note_list(conjunct, walk)
        elif conjunct.tag == "NULLTEST" and conjunct.integer("nulltesttype") == 1:
            column = _column(conjunct.node("arg"), walk)
            if column is not None:
                column[0].conditions.append(Condition(column[1], "is not null", None))


def conjuncts(node: Node) -> Iterator[Node]:
    """Yield the terms of an AND, at any depth."""
    pending = [node]
    while pending:
        item = pending.pop()
        if item.tag == "BOOLEXPR" and item.word("boolop") == "and":
            pending.extend(reversed(item.nodes("args")))
        else:
            yield item


def _column(node: Node, walk: Walk) -> tuple[RelationSource, int, Value] | None:
    """Return the table, number and value of a plain column of this query level."""
    if node.tag == "RELABELTYPE":
        node = node.node("arg")
    if node.tag != "VAR" or node.integer("varlevelsup"):
        return None
    source = walk.scope.sources.get(node.integer("varno"))
    attnum = node.integer("varattno")
    if not isinstance(source, RelationSource) or attnum < 1:
        return None
    value = walk.expression(node)
    if value.opaque or value.type not in PRUNED_TYPES:
        return None
    return source, attnum, value


def _note_comparison(node: Node, walk: Walk) -> None:
    args = node.nodes("args")
    symbol = symbol_of(walk.names.operators.get(node.integer("opno"), "unknown"))
    if len(args) != 2 or symbol not in MIRRORED:
        return
    column, other = _column(args[0], walk), args[1]
    if column is None:
        column, other, symbol = _column(args[1], walk), args[0], MIRRORED[symbol]
    if column is None:
        return
    source, attnum, value = column
    if value.type == kinds.BPCHAR and symbol != "=":
        return
    constant = _constant(other, value, walk)
    if constant is not None:
        source.conditions.append(Condition(attnum, symbol, constant))


def _constant(node: Node, column: Value, walk: Walk) -> object:
    """Return the constant beside a column, None where there is none that bounds can be compared with."""
    if node.tag == "PARAM" and node.integer("paramtype") == column.type and column.type != kinds.BPCHAR:
        return ParameterValue(node.integer("paramid"))
    if node.tag not in ("CONST", "FUNCEXPR", "OPEXPR", "RELABELTYPE"):
        return None
    try:
        other = walk.expression(node)
    except NoRule:
        return None
    if other.constant is None or other.constant.value is None:
        return None
    _, other = comparable(column, other)
    return plain_value(other, column)


def _note_list(node: Node, walk: Walk) -> None:
    scalar, array = node.nodes("args")
    if array.tag == "ARRAYCOERCEEXPR" and relabels_elements(array):  # around the list of `varchar IN (...)`
        array = array.node("arg")
    symbol = symbol_of(walk.names.operators.get(node.integer("opno"), "unknown"))
    column = _column(scalar, walk)
    if column is None or symbol != "=" or not node.flag("useOr") or array.tag not in ("CONST", "ARRAYEXPR"):
        return
    source, attnum, value = column
    nodes = array.nodes("elements") if array.tag == "ARRAYEXPR" else None
    items = [] if nodes is None else [_constant(item, value, walk) for item in nodes]
    if items and len(items) <= MAX_ITEMS and all(item is not None for item in items):
        source.conditions.append(Condition(attnum, "in", tuple(items)))
