"""Nodes that call a function, an operator or an aggregate: looked up in the rule tables by signature."""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.aggregates.table import AGGREGATES
from pgserver.emit.casts.table import CASTS
from pgserver.emit.errors import NoRule
from pgserver.emit.functions.sets import target_set
from pgserver.emit.functions.table import FUNCTIONS
from pgserver.emit.nodes.aggregate_calls import AggregateCall
from pgserver.emit.nodes.arguments import arguments, operand
from pgserver.emit.nodes.branches import combine
from pgserver.emit.nodes.coercions import relabels_elements
from pgserver.emit.nodes.counted_rows import counted_row
from pgserver.emit.nodes.grouping import group_key
from pgserver.emit.nodes.json_rows import row_arguments
from pgserver.emit.nodes.ordering import sort_keys
from pgserver.emit.nodes.places import place_test
from pgserver.emit.nodes.sampling import chance, is_random
from pgserver.emit.nodes.variables import ONCE_FOR_EQUALS
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.operators.comparisons import comparable, symbol_of
from pgserver.emit.operators.table import OPERATORS
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value, constant

COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})


def function(node: Node, walk: Walk) -> Value:
    """A function call or a cast by function."""
    signature = walk.names.functions.get(node.integer("funcid"), "unknown")
    rule = FUNCTIONS.get(signature) or CASTS.get(signature)
    if node.flag("funcretset"):
        return target_set(node, walk)
    if rule is None or (node.flag("funcvariadic") and '"any"' in signature):  # VARIADIC: the elements of its array
        raise NoRule(f"function {signature}")
    walk.check_collation(node)
    args = row_arguments(signature, node.nodes("args"), walk) or arguments(signature, node, walk)
    result = walk.names.base_type(node.integer("funcresulttype"))
    return rule.apply(walk.call(signature, args, result, node.integer("inputcollid")))


def operator(node: Node, walk: Walk) -> Value:
    """An operator."""
    args = node.nodes("args")
    if id(node) not in walk.context.filters:
        return apply_operator(node, walk, tuple(operand(arg, walk) for arg in args))
    if (found := place_test(node, walk)) is not None:
        return found
    operands = [chance(walk) if is_random(arg, walk) else operand(arg, walk) for arg in args]
    return apply_operator(node, walk, tuple(operands))


def apply_operator(node: Node, walk: Walk, args: tuple[Value, ...]) -> Value:
    """Apply the operator of a node to operands."""
    signature = operator_signature(node, walk)
    walk.check_collation(node)
    result = node.integer("opresulttype") if node.has("opresulttype") else kinds.BOOL
    call = walk.call(signature, args, walk.names.base_type(result), node.integer("inputcollid"))
    return OPERATORS[signature].apply(call)


def operator_signature(node: Node, walk: Walk, field: str = "opno") -> str:
    """Return the signature of a node's operator.

    Raises: NoRule where it has no rule.
    """
    signature = walk.names.operators.get(node.integer(field), "unknown")
    if signature not in OPERATORS:
        raise NoRule(f"operator {signature}")
    return signature


def distinct_from(node: Node, walk: Walk) -> Value:
    """IS DISTINCT FROM; the operator is the type's equality."""
    operator_signature(node, walk)
    walk.check_collation(node)
    left, right = comparable(*walk.expressions(node.nodes("args")))
    if left.opaque or right.opaque:
        raise NoRule("IS DISTINCT FROM of a value that DuckDB holds as text")
    return Value(f"{left.operand} IS DISTINCT FROM {right.operand}", kinds.BOOL, atom=False)


def null_if(node: Node, walk: Walk) -> Value:
    """NULLIF: the first value, of its own scale."""
    signature = operator_signature(node, walk)
    walk.check_collation(node)
    left, right = walk.expressions(node.nodes("args"))
    equal = OPERATORS[signature].apply(walk.call(signature, (left, right), kinds.BOOL))
    if left.numeric is None:
        return replace(left, sql=f"CASE WHEN {equal.sql} THEN NULL ELSE {left.sql} END", atom=True, constant=None)
    return combine([left], left.type, lambda texts: f"CASE WHEN {equal.sql} THEN NULL ELSE {texts[0]} END")


def any_or_all(node: Node, walk: Walk) -> Value:
    """`x op ANY (array)`, `x op ALL (array)`: equality over a list is IN."""
    signature = operator_signature(node, walk)
    walk.check_collation(node)
    scalar_node, array_node = node.nodes("args")
    scalar = walk.expression(scalar_node)
    symbol = symbol_of(signature)
    use_or = node.flag("useOr")
    items = array_items(array_node, walk, scalar)
    if (symbol, use_or) in (("=", True), ("<>", False)) and not walk.names.labels(scalar.type):
        word = "IN" if use_or else "NOT IN"
        if items is None and _parameter_of(array_node) is not None:
            return _over_parameter(scalar, array_node, walk, word)
        if items is None:
            return _over_elements(node, walk, scalar, signature)
        if not items:
            return Value("false" if use_or else "true", kinds.BOOL)
        pairs = [comparable(scalar, item) for item in items]
        if len({left.sql for left, _ in pairs}) == 1:
            return Value(
                f"{pairs[0][0].operand} {word} ({', '.join(right.sql for _, right in pairs)})", kinds.BOOL, atom=False
            )
    if items is None:
        return _over_elements(node, walk, scalar, signature)
    if not items:
        return Value("false" if use_or else "true", kinds.BOOL)
    calls = [walk.call(signature, (scalar, item), kinds.BOOL, node.integer("inputcollid")) for item in items]
    tests = [OPERATORS[signature].apply(call).operand for call in calls]
    return Value((" OR " if use_or else " AND ").join(tests), kinds.BOOL, atom=False)


def array_items(node: Node, walk: Walk, scalar: Value) -> list[Value] | None:
    """Return the elements of an array that is written as a list; None for any other."""
    if node.tag == "ARRAYEXPR" and not node.flag("multidims"):
        return list(walk.expressions(node.nodes("elements")))
    if node.tag == "ARRAYCOERCEEXPR" and not relabels_elements(node):
        return None
    if node.tag in ("RELABELTYPE", "ARRAYCOERCEEXPR"):
        inner = array_items(node.node("arg"), walk, scalar)
        element = walk.names.element(node.integer("resulttype"))
        return None if inner is None else [replace(item, type=element) for item in inner]
    if node.tag != "CONST":
        return None
    array = walk.expression(node)
    if array.constant is None or not isinstance(array.constant.value, list):
        return None
    element = walk.names.element(array.type)
    return [_list_item(element, item) for item in array.constant.value]


def _list_item(element: int, item: object) -> Value:
    value = constant(element, item)
    plain = element in (kinds.INT4, kinds.INT8, kinds.INT2) and item is not None
    return replace(value, sql=str(item)) if plain else value


def _over_elements(node: Node, walk: Walk, scalar: Value, signature: str) -> Value:
    """Compare with each element of an array that is a column, or computed."""
    array = walk.expression(node.nodes("args")[1])
    if array.opaque or scalar.opaque:
        raise NoRule(f"operator {signature} over an array that DuckDB holds as text")
    use_or = node.flag("useOr")
    element = walk.names.element(array.type)
    if symbol_of(signature) == "=" and use_or and kinds.BPCHAR not in (scalar.type, element):
        return Value(f"pg_array_has({array.sql}, {scalar.sql})", kinds.BOOL)
    name = f"e{walk.context.number()}_"
    item = Value(name, element, array.typmod, numeric=array.numeric)
    call = walk.call(signature, (scalar, item), kinds.BOOL, node.integer("inputcollid"))
    results = f"list_transform({array.sql}, lambda {name}: {OPERATORS[signature].apply(call).sql})"
    return Value(f"pg_{'any' if use_or else 'all'}({results})", kinds.BOOL)


def _parameter_of(node: Node) -> Node | None:
    """Return the parameter that an array is."""
    node = node.node("arg") if node.tag == "RELABELTYPE" else node
    return node if node.tag == "PARAM" else None


def _over_parameter(scalar: Value, array: Node, walk: Walk, word: str) -> Value:
    node = _parameter_of(array)
    if node is None or scalar.type == kinds.BPCHAR or node.integer("paramtype") not in kinds.ELEMENTS:
        raise NoRule("an array that is not a list")
    walk.expression(node)
    hole = walk.context.parameter(node.integer("paramid"), node.integer("paramtype"), "elements")
    return Value(f"{scalar.operand} {word} ({hole})", kinds.BOOL, atom=False)


def row_compare(node: Node, walk: Walk) -> Value:
    """(a, b) < (c, d), written out: it keeps SQL's three-valued logic."""
    lefts, rights = walk.expressions(node.nodes("largs")), walk.expressions(node.nodes("rargs"))
    signatures = [walk.names.operators.get(oid, "unknown") for oid in node.numbers("opnos")]
    text = ""
    for index in reversed(range(len(lefts))):
        signature = signatures[index]
        kinds_of = signature.partition("(")[2]
        symbol, equal = symbol_of(signature), f"=({kinds_of}"
        if symbol not in COMPARISONS or signature not in OPERATORS or equal not in OPERATORS:
            raise NoRule(f"operator {signature}")
        strict = signature if not text else f"{symbol[0]}({kinds_of}"
        pair = (lefts[index], rights[index])
        test = OPERATORS[strict].apply(walk.call(strict, pair, kinds.BOOL)).operand
        if text:
            same = OPERATORS[equal].apply(walk.call(equal, pair, kinds.BOOL)).operand
            test = f"({test} OR ({same} AND {text}))"
        text = test
    return Value(text, kinds.BOOL, atom=False)


def aggregate(node: Node, walk: Walk) -> Value:
    """An aggregate."""
    signature = walk.names.functions.get(node.integer("aggfnoid"), "unknown")
    levels = node.integer("agglevelsup")
    rule = AGGREGATES.get(signature)
    if rule is None or node.flag("aggvariadic"):
        raise NoRule(f"aggregate {signature}")
    walk.check_collation(node)
    with walk.below_group(levels):
        targets = node.nodes("args")
        nodes = [target.node("expr") for target in targets if not target.flag("resjunk")]
        distinct = bool(node.nodes("aggdistinct"))
        args = row_arguments(signature, nodes, walk) or counted_row(signature, nodes, walk, distinct=distinct)
        call = AggregateCall(
            signature,
            args or walk.expressions(nodes),
            walk.names.base_type(node.integer("aggtype")),
            walk.names,
            walk.context.assumes.add,
            distinct=distinct,
            order=", ".join(sort_keys(node.nodes("aggorder"), targets, walk)),
            filter=_filter(node, walk),
            direct=walk.expressions(node.nodes("aggdirectargs")),
        )
    found = rule.apply(call)
    if levels and found.type in ONCE_FOR_EQUALS:
        raise NoRule("an aggregate of an outer query whose equal values differ in text")
    return found


def _filter(node: Node, walk: Walk) -> str:
    condition = node.optional("aggfilter")
    return walk.expression(condition).sql if condition is not None else ""


def grouping(node: Node, walk: Walk) -> Value:
    """GROUPING(...)."""
    if node.integer("agglevelsup"):
        raise NoRule("GROUPING of an outer query")
    with walk.below_group():
        args = walk.expressions(node.nodes("args"))
    return Value(f"CAST(grouping({', '.join(map(group_key, args))}) AS INTEGER)", kinds.INT4)


CALLS: dict[str, NodeFunction] = {
    "FUNCEXPR": function,
    "OPEXPR": operator,
    "DISTINCTEXPR": distinct_from,
    "NULLIFEXPR": null_if,
    "SCALARARRAYOPEXPR": any_or_all,
    "ROWCOMPAREEXPR": row_compare,
    "AGGREF": aggregate,
    "GROUPINGFUNC": grouping,
}
