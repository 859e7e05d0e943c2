"""Subqueries in expressions: EXISTS, IN, ANY, ALL, scalar, ARRAY."""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.calls import operator_signature
from pgserver.emit.nodes.scope import exported, is_native
from pgserver.emit.nodes.select import Select
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.numeric import scaled
from pgserver.emit.operators.comparisons import comparable, symbol_of, trimmed
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

EXISTS, ALL, ANY, ROW_COMPARE, SCALAR, MULTI_ASSIGN, ARRAY = range(7)
DECIDING = ("setOperations", "groupClause", "groupingSets", "havingQual", "distinctClause", "sortClause", "limitOffset")
DECIDING_FLAGS = ("hasAggs", "hasTargetSRFs", "hasWindowFuncs")
INFIX = ("=", "<>", "<", "<=", ">", ">=")


def sublink(node: Node, walk: Walk) -> Value:
    """A subquery in an expression."""
    kind = node.integer("subLinkType")
    if kind == EXISTS:
        return exists(node.node("subselect"), walk)
    select = walk.select(node.node("subselect"), walk)
    if kind == SCALAR:
        return scalar(select)
    if kind in (ANY, ALL):
        return quantified(node, select, kind, walk)
    if kind == ARRAY:
        return collected(select, walk)
    if kind == ROW_COMPARE:
        return compared_row(node, select, walk)
    raise NoRule(f"a subquery of kind {kind}")


def exists(query: Node, walk: Walk) -> Value:
    """EXISTS: the target list is not computed, in Postgres neither, unless it decides how many rows there are."""
    if not any(query.has(field) for field in DECIDING) and not any(query.flag(field) for field in DECIDING_FLAGS):
        query = query.without_targets()
    return Value(f"EXISTS ({walk.select(query, walk).text()})", kinds.BOOL)


def scalar(select: Select) -> Value:
    """A subquery of one column and at most one row.

    Its display and text are subqueries of their own, if they are asked for.
    """
    (value,) = select.targets
    (column,) = select.names()
    value = scaled(value) if value.numeric is not None else value
    held = value.numeric
    if held is not None:
        display = held.display and f"({select.write([held.display])})"
        text = held.text and f"({select.write([held.text])})"
        held = replace(held, display=display, text=text)
    return replace(column, sql=f"({select.write([value.sql])})", numeric=held)


def collected(select: Select, walk: Walk) -> Value:
    """ARRAY(subquery), in the subquery's order."""
    (value,) = select.targets
    (column,) = select.names()
    type_oid = walk.names.array(value.type)
    if value.opaque or not is_native(walk.names, type_oid) or walk.names.element(value.type):
        raise NoRule(f"an array of {walk.names.type_name(value.type)}")
    held = column.numeric
    if held is not None and (held.display is not None or held.text is not None):
        raise NoRule("an array of numerics of different scales")
    return replace(column, sql=f"ARRAY({select.text()})", type=type_oid)


def quantified(node: Node, select: Select, kind: int, walk: Walk) -> Value:
    """`x op ANY (subquery)` and its like: the operator's right side becomes the subquery's column."""
    test = node.node("testexpr")
    alias = f"t{walk.context.number()}"
    columns = exported(alias, select.names())
    walk.context.sublink_values.append(columns)
    try:
        if test.tag == "OPEXPR" and symbol_of(operator_signature(test, walk)) in INFIX:
            return _compared([test], select, kind, columns, walk)
        if kind == ANY and id(node) in walk.context.filters and _all_equal(test, walk):
            return _compared(test.nodes("args"), select, kind, columns, walk)
        return _tested(walk.expression(test).sql, select, kind, alias)
    finally:
        walk.context.sublink_values.pop()


def _all_equal(test: Node, walk: Walk) -> bool:
    """Tell whether a test is `a = x AND b = y`. As a filter DuckDB's IN of rows will do: it takes false for unknown."""
    if test.tag != "BOOLEXPR" or test.word("boolop") != "and":
        return False
    args = test.nodes("args")
    return all(item.tag == "OPEXPR" and symbol_of(operator_signature(item, walk)) == "=" for item in args)


def _compared(tests: list[Node], select: Select, kind: int, columns: list[Value], walk: Walk) -> Value:
    """Compare by DuckDB's own IN, ANY or ALL."""
    sides = [_sides(item, walk) for item in tests]
    lefts, rights, symbol = [side[0] for side in sides], [side[1] for side in sides], sides[0][2]
    alias = columns[0].sql.partition(".")[0]
    inner = (
        select.text()
        if _bare(rights, columns)
        else (f"SELECT {', '.join(right.sql for right in rights)} FROM ({select.text()}) AS {alias}")
    )
    left_text = lefts[0].operand if len(lefts) == 1 else f"({', '.join(left.sql for left in lefts)})"
    if (kind, symbol) == (ANY, "="):
        return Value(f"{left_text} IN ({inner})", kinds.BOOL, atom=False)
    if (kind, symbol) == (ALL, "<>"):
        return Value(f"{left_text} NOT IN ({inner})", kinds.BOOL, atom=False)
    return Value(f"{left_text} {symbol} {'ANY' if kind == ANY else 'ALL'} ({inner})", kinds.BOOL, atom=False)


def _tested(test: str, select: Select, kind: int, alias: str) -> Value:
    """Write a test of all rows out: one that decides, else one that is unknown, else none."""
    rows = f"EXISTS (SELECT 1 FROM ({select.text()}) AS {alias} WHERE"
    decides, decided = (f"({test})", "true") if kind == ANY else (f"NOT ({test})", "false")
    otherwise = "false" if kind == ANY else "true"
    unknown = f"WHEN {rows} ({test}) IS NULL) THEN NULL"
    return Value(f"CASE WHEN {rows} {decides}) THEN {decided} {unknown} ELSE {otherwise} END", kinds.BOOL)


def compared_row(node: Node, select: Select, walk: Walk) -> Value:
    """`(a, b) = (subquery)`: each column is a subquery of its own, which raises where there are two rows."""
    alias = f"t{walk.context.number()}"
    columns = exported(alias, select.names())
    if any(column.numeric is not None and column.numeric.display is not None for column in columns):
        raise NoRule("a row of numerics of different scales from a subquery")
    walk.context.sublink_values.append(
        [replace(column, sql=f"(SELECT {column.sql} FROM ({select.text()}) AS {alias})") for column in columns]
    )
    value = walk.expression(node.node("testexpr"))
    walk.context.sublink_values.pop()
    return value


def _bare(rights: list[Value], columns: list[Value]) -> bool:
    plain = all(column.numeric is None or column.numeric.display is None for column in columns)
    return plain and [right.sql for right in rights] == [column.sql for column in columns]


def _sides(node: Node, walk: Walk) -> tuple[Value, Value, str]:
    """Emit one comparison and take it apart: the operator must be a plain infix one."""
    if node.tag != "OPEXPR":
        raise NoRule(f"node {node.tag} over a subquery")
    signature = operator_signature(node, walk)
    walk.check_collation(node)
    symbol = symbol_of(signature)
    if symbol not in INFIX:
        raise NoRule(f"operator {signature} over a subquery")
    left, right = walk.expressions(node.nodes("args"))
    if left.opaque or right.opaque or (walk.names.labels(left.type) and symbol not in ("=", "<>")):
        raise NoRule(f"operator {signature} over a subquery")
    if kinds.BPCHAR in (left.type, right.type) and symbol not in ("=", "<>"):
        return trimmed(left), trimmed(right), symbol
    left, right = comparable(left, right)
    return left, right, symbol


SUBLINKS: dict[str, NodeFunction] = {"SUBLINK": sublink}
