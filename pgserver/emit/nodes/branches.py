"""Nodes that choose: CASE, COALESCE, GREATEST, boolean operators, tests for NULL and truth."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.json_rows import row_fields
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.numeric import alike, decimal_type, display_of, scaled, text_of, unify
from pgserver.emit.reading.tree import Node
from pgserver.emit.sizes import check_terms
from pgserver.emit.values import Numeric, Value, numeric_of


def combine(values: Sequence[Value], type_oid: int, write: Callable[[Sequence[str]], str], typmod: int = -1) -> Value:
    """Write an expression that is one of several values: a numeric among them shows the scale of the one that is
    chosen.

    Args: the branches; the type; how to write the choice, given the branches' SQL.
    """
    opaque = any(value.opaque for value in values if not value.is_null)
    if type_oid not in (kinds.NUMERIC, kinds.NUMERIC_ARRAY):
        return Value(write([value.sql for value in values]), type_oid, typmod, opaque=opaque)
    held = unify(values)
    display = text = None
    if not alike(values):
        if type_oid == kinds.NUMERIC_ARRAY:
            raise NoRule("arrays of numerics of different scales")
        display = write(["NULL" if value.is_null else display_of(value) for value in values])
    if any(not value.is_null and numeric_of(value).text is not None for value in values):
        text = write(["CAST(NULL AS VARCHAR)" if value.is_null else text_of(value) for value in values])
    sqls = [_as_decimal(value, held) if type_oid == kinds.NUMERIC else value.sql for value in values]
    return Value(write(sqls), type_oid, numeric=Numeric(held.precision, held.scale, display, text))


def _as_decimal(value: Value, held: Numeric) -> str:
    if value.is_null:
        return "NULL"
    value = scaled(value)
    same = decimal_type(numeric_of(value)) == decimal_type(held)
    return value.sql if same else f"CAST({value.sql} AS {decimal_type(held)})"


def case(node: Node, walk: Walk) -> Value:
    """CASE: with an operand, each WHEN compares a placeholder that stands for it."""
    operand = node.optional("arg")
    if operand is not None:
        walk.context.case_values.append(walk.expression(operand))
    whens = node.nodes("args")
    conditions = [walk.expression(when.node("expr")).sql for when in whens]
    if operand is not None:
        walk.context.case_values.pop()
    results = [walk.expression(when.node("result")) for when in whens]
    default = node.optional("defresult")
    type_oid = walk.names.base_type(node.integer("casetype"))
    otherwise = walk.expression(default) if default is not None else None
    if otherwise is not None and not otherwise.is_null:
        results.append(otherwise)

    def write(texts: Sequence[str]) -> str:
        branches = "".join(f" WHEN {condition} THEN {text}" for condition, text in zip(conditions, texts, strict=False))
        last = f" ELSE {texts[-1]}" if len(texts) > len(conditions) else ""
        return f"CASE{branches}{last} END"

    return replace(combine(results, type_oid, write), typmod=_common_typmod(results))


def _common_typmod(values: Sequence[Value]) -> int:
    typmods = {value.typmod for value in values if not value.is_null}
    return typmods.pop() if len(typmods) == 1 else -1


def case_test(_node: Node, walk: Walk) -> Value:
    """The operand of the CASE around."""
    if not walk.context.case_values:
        raise NoRule("node CASETESTEXPR outside of CASE")
    return walk.context.case_values[-1]


def coalesce(node: Node, walk: Walk) -> Value:
    """COALESCE."""
    values = walk.expressions(node.nodes("args"))
    type_oid = walk.names.base_type(node.integer("coalescetype"))
    if type_oid == kinds.NUMERIC and not alike(values):
        return _coalesce_numerics(values)
    value = combine(values, type_oid, lambda texts: f"coalesce({', '.join(texts)})")
    return replace(value, typmod=_common_typmod(values))


def _coalesce_numerics(values: Sequence[Value]) -> Value:
    """COALESCE by CASE: the display scale is that of the first value that is not NULL."""
    tests = [f"{value.operand} IS NOT NULL" for value in values]

    def write(texts: Sequence[str]) -> str:
        whens = "".join(f" WHEN {test} THEN {text}" for test, text in zip(tests, texts, strict=True))
        return f"CASE{whens} END"

    return combine(values, kinds.NUMERIC, write)


def min_max(node: Node, walk: Walk) -> Value:
    """GREATEST and LEAST, which skip NULL in both."""
    name = "greatest" if node.integer("op") == 0 else "least"
    values = walk.expressions(node.nodes("args"))
    type_oid = walk.names.base_type(node.integer("minmaxtype"))
    if any(value.opaque for value in values) or type_oid in kinds.JSONS or type_oid == kinds.BPCHAR:
        raise NoRule(f"{name} of {walk.names.type_name(type_oid)}")
    if walk.names.labels(type_oid):
        raise NoRule(f"{name} of an enum")
    if type_oid in kinds.FLOATS or (type_oid == kinds.NUMERIC and not alike(values)):
        return _first_of_equals(name, values, type_oid)
    return combine(values, type_oid, lambda texts: f"{name}({', '.join(texts)})")


def _first_of_equals(name: str, values: Sequence[Value], type_oid: int) -> Value:
    """Of equal numbers that print differently (0 and -0, 0 and 0.00) the first one is taken, as Postgres does."""
    operator = ">=" if name == "greatest" else "<="
    tests = []
    for index, value in enumerate(values):
        others = [
            f"coalesce({value.operand} {operator if index < place else operator[0]} {other.operand}, true)"
            for place, other in enumerate(values)
            if place != index
        ]
        tests.append(" AND ".join([f"{value.operand} IS NOT NULL", *others]))

    def write(texts: Sequence[str]) -> str:
        whens = "".join(f" WHEN {test} THEN {text}" for test, text in zip(tests, texts, strict=True))
        return f"CASE{whens} END"

    return combine(values, type_oid, write)


def boolean(node: Node, walk: Walk) -> Value:
    """AND, OR, NOT."""
    operator = node.word("boolop")
    check_terms(operator, len(node.nodes("args")))
    values = walk.expressions(node.nodes("args"))
    if operator == "not":
        return Value(f"NOT {values[0].operand}", kinds.BOOL, atom=False)
    joint = " AND " if operator == "and" else " OR "
    return Value(joint.join(value.operand for value in values), kinds.BOOL, atom=False)


def null_test(node: Node, walk: Walk) -> Value:
    """IS NULL, IS NOT NULL; of a row, all its fields are."""
    test = "IS NULL" if node.integer("nulltesttype") == 0 else "IS NOT NULL"
    argument = node.node("arg")
    if node.flag("argisrow"):
        fields = row_fields(argument, walk)
        if fields is None:
            raise NoRule(f"{test} of a row")
        return Value(" AND ".join(f"{value.operand} {test}" for value in fields) or "true", kinds.BOOL, atom=False)
    return Value(f"{walk.expression(argument).operand} {test}", kinds.BOOL, atom=False)


BOOLEAN_TESTS = ("IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS NULL", "IS NOT NULL")


def boolean_test(node: Node, walk: Walk) -> Value:
    """IS TRUE, IS NOT FALSE, IS UNKNOWN, ..."""
    test = BOOLEAN_TESTS[node.integer("booltesttype")]
    return Value(f"{walk.expression(node.node('arg')).operand} {test}", kinds.BOOL, atom=False)


BRANCHES: dict[str, NodeFunction] = {
    "CASEEXPR": case,
    "CASETESTEXPR": case_test,
    "COALESCEEXPR": coalesce,
    "MINMAXEXPR": min_max,
    "BOOLEXPR": boolean,
    "NULLTEST": null_test,
    "BOOLEANTEST": boolean_test,
}
