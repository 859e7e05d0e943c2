"""Nodes that make and take apart arrays. In the lake an array has one dimension and begins at 1, so DuckDB's lists do.

jsonb has subscripts, too.
"""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.scope import is_native
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.numeric import alike, decimal_type, scaled, unify
from pgserver.emit.operators.json_operators import at_path
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Constant, Numeric, Value, numeric_of


def array_of(items: tuple[Value, ...], type_oid: int, walk: Walk) -> Value:
    """Return an array of values of one type; numerics must all show the same number of decimals."""
    held = walk.names.duckdb_type(type_oid)
    if any(item.opaque and not item.is_null for item in items) or not is_native(walk.names, type_oid):
        raise NoRule(f"an array of type {walk.names.type_name(type_oid)}")
    numeric: Numeric | None = None
    if type_oid == kinds.NUMERIC_ARRAY:
        if not alike(items):
            raise NoRule("an array of numerics of different scales")
        items = tuple(scaled(item) for item in items)
        numeric = replace(unify(items), display=None, text=None)
        held = f"{decimal_type(numeric)}[]"
    if any(item.numeric is not None and item.numeric.text is not None for item in items):
        raise NoRule("an array of numerics of different scales")
    typmods = {item.typmod for item in items if not item.is_null}
    constants = [item.constant.value for item in items if item.constant is not None]
    return Value(
        f"CAST([{', '.join(item.sql for item in items)}] AS {held})",
        type_oid,
        typmods.pop() if len(typmods) == 1 else -1,
        numeric=numeric,
        constant=Constant(constants) if len(constants) == len(items) else None,
    )


def array(node: Node, walk: Walk) -> Value:
    """ARRAY[...]."""
    if node.flag("multidims"):
        raise NoRule("an array of several dimensions")
    return array_of(walk.expressions(node.nodes("elements")), node.integer("array_typeid"), walk)


def subscript(node: Node, walk: Walk) -> Value:
    """An element or a slice of an array, a field or an element of a jsonb."""
    container = walk.expression(node.node("refexpr"))
    uppers, lowers = node.optional_nodes("refupperindexpr"), node.optional_nodes("reflowerindexpr")
    if container.opaque:
        raise NoRule("a subscript of a value that DuckDB holds as text")
    if container.type == kinds.JSONB:
        return _jsonb_field(container, [item for item in uppers if item is not None], walk)
    if len(uppers) != 1 or walk.names.element(container.type) == 0:
        raise NoRule("subscripts of several dimensions")
    upper = walk.expression(uppers[0]) if uppers[0] is not None else None
    if lowers:
        return _slice(container, walk.expression(lowers[0]) if lowers[0] is not None else None, upper)
    assert upper is not None
    return _element(container, upper, walk.names.element(container.type), node.integer("reftypmod"))


def _jsonb_field(container: Value, nodes: list[Node], walk: Walk) -> Value:
    keys = [walk.expression(node).constant for node in nodes]
    if any(key is None for key in keys):
        raise NoRule("a subscript of a jsonb that is no constant")
    path = [None if key is None or key.value is None else str(key.value) for key in keys]
    return at_path(walk.call("subscript of a jsonb", (container,), kinds.JSONB), path, as_text=False)


def _element(container: Value, place: Value, type_oid: int, typmod: int) -> Value:
    number = place.constant.value if place.constant is not None else None
    sql = f"{container.operand}[{place.sql}]"
    if not isinstance(number, int) or number < 1:  # DuckDB counts from the end
        sql = f"CASE WHEN {place.operand} > 0 THEN {sql} END"
    return Value(sql, type_oid, typmod, numeric=container.numeric)


def _slice(container: Value, lower: Value | None, upper: Value | None) -> Value:
    """A slice begins at 1 again, as DuckDB's does; bounds outside of the array are its ends."""
    first = "1" if lower is None else f"greatest({lower.sql}, 1)"
    last = f"len({container.sql})" if upper is None else f"greatest({upper.sql}, 0)"
    sql = f"pg_array_slice({container.sql}, {first}, {last})"
    unknown = [bound for bound in (lower, upper) if bound is not None and (bound.constant is None or bound.is_null)]
    if unknown:
        sql = f"CASE WHEN {' AND '.join(f'{bound.operand} IS NOT NULL' for bound in unknown)} THEN {sql} END"
    return replace(container, sql=sql, atom=True, constant=None)


def coerced(node: Node, walk: Walk) -> Value:
    """A cast of an array, element by element."""
    argument, type_oid = node.node("arg"), walk.names.base_type(node.integer("resulttype"))
    if argument.tag == "ARRAYEXPR" and not argument.flag("multidims"):
        items = tuple(_coerced_element(item, node, walk) for item in walk.expressions(argument.nodes("elements")))
        return replace(array_of(items, type_oid, walk), typmod=node.integer("resulttypmod"))
    source = walk.expression(argument)
    element = walk.names.element(source.type)
    if source.opaque or not element or not is_native(walk.names, type_oid):
        raise NoRule(f"cast from {walk.names.type_name(source.type)} to {walk.names.type_name(type_oid)}")
    name = f"e{walk.context.number()}_"
    item = _coerced_element(Value(name, element, source.typmod, numeric=source.numeric), node, walk)
    numeric = numeric_of(scaled(item)) if type_oid == kinds.NUMERIC_ARRAY else None
    if item.opaque or (numeric is not None and (numeric.display is not None or numeric.text is not None)):
        raise NoRule("a cast to an array of numerics of different scales")
    if item.sql == name:
        return replace(source, type=type_oid, typmod=node.integer("resulttypmod"), numeric=numeric)
    sql = f"list_transform({source.sql}, lambda {name}: {item.sql})"
    return Value(sql, type_oid, node.integer("resulttypmod"), numeric=numeric)


def _coerced_element(value: Value, node: Node, walk: Walk) -> Value:
    walk.context.case_values.append(value)
    item = walk.expression(node.node("elemexpr"))
    walk.context.case_values.pop()
    return item


ARRAY_NODES: dict[str, NodeFunction] = {
    "ARRAYEXPR": array,
    "ARRAYCOERCEEXPR": coerced,
    "SUBSCRIPTINGREF": subscript,
}
