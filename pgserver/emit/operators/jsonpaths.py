"""jsonpath: what a simple constant path finds in a jsonb, by DuckDB's JSON pointers.

In Postgres' lax mode a key of an array is that of each of its elements, and a place in what is no array is the value
itself. A pointer does neither: a document in which a path meets such a value is the bridge's.

Source: "SQL/JSON Path Language" in PostgreSQL's documentation; `executeItemOptUnwrapTarget`, `compareItems` in
src/backend/utils/adt/jsonpath_exec.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.literals import decimal_digits, text_literal
from pgserver.emit.once import once
from pgserver.emit.operators.containment import json_scalar
from pgserver.emit.operators.json_operators import pointer_of
from pgserver.emit.reading.jsonpath import (
    AnyItem,
    Both,
    Comparison,
    Exists,
    Filter,
    Key,
    Not,
    Place,
    Predicate,
    Steps,
    jsonpath,
)
from pgserver.emit.reading.tree import Node
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.values import Constant, Value

MAX_STEPS = 20
MAX_DIGITS = 18  # of a number that is compared with
Step = Key | Place | AnyItem | Filter


def path_constant(node: Node) -> Value | None:
    """Return a jsonpath constant, which is nothing but a path to follow; None for any other node."""
    if node.tag != "CONST" or node.integer("consttype") != kinds.JSONPATH or node.flag("constisnull"):
        return None
    path = jsonpath(node.datum("constvalue"))
    return Value("CAST(NULL AS VARCHAR)", kinds.JSONPATH, constant=Constant(path), opaque=True)


def exists(call: Call) -> Value:
    """jsonb_path_exists, `@?`: whether there is anything at a path; at a predicate there always is."""
    document, path = _arguments(call)
    if not isinstance(path, Steps):
        raise call.no_rule("of a predicate")
    return call.result(once(document.sql, lambda sql: _of_document(sql, _found(sql, path.steps).present)), atom=True)


def match(call: Call) -> Value:
    """jsonb_path_match, `@@`: whether a predicate holds."""
    document, path = _arguments(call)
    if isinstance(path, Steps):
        raise call.no_rule("of what is no predicate")
    return call.result(once(document.sql, lambda sql: _of_document(sql, _test(path, sql, "", 0))), atom=True)


def first(call: Call) -> Value:
    """jsonb_path_query_first: the first value at a path."""
    document, path = _arguments(call)
    if not isinstance(path, Steps):
        raise call.no_rule("of a predicate")
    return call.result(once(document.sql, lambda sql: _found(sql, path.steps).first), atom=True)


def query_array(call: Call) -> Value:
    """jsonb_path_query_array: all values at a path."""
    document, path = _arguments(call)
    if not isinstance(path, Steps):
        raise call.no_rule("of a predicate")

    def write(sql: str) -> str:
        return _of_document(sql, f"pg_jsonb_array({_found(sql, path.steps).all})")

    return call.result(once(document.sql, write), atom=True)


def _arguments(call: Call) -> tuple[Value, Steps | Predicate]:
    path = call.args[1].constant.value if call.args[1].constant is not None else None
    if len(call.args) != 2 or call.args[0].opaque or not isinstance(path, Steps | Predicate):
        raise call.no_rule("of variables, or of a path that is no constant")
    return call.args[0], path


def _of_document(document: str, sql: str) -> str:
    return f"CASE WHEN {document} IS NOT NULL THEN {sql} END"


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at a path, in SQL: whether there is anything, the first of it, a list of all of it."""

    present: str
    first: str
    all: str


def _found(document: str, steps: Sequence[Step], pointer: str = "", depth: int = 0) -> _Found:
    """Follow a path from a place within a document that is not NULL."""
    if len(steps) > MAX_STEPS:
        raise NoRule("a long jsonpath")
    length = next((index for index, step in enumerate(steps) if isinstance(step, AnyItem | Filter)), len(steps))
    plain, rest = steps[:length], steps[length + 1 :]
    at = pointer + "".join(map(_below, plain))
    unlike = _unlike(document, plain, pointer)
    if length == len(steps):
        return _guarded(unlike, _at(document, at))
    step = steps[length]
    if not isinstance(step, Filter):
        return _guarded(unlike, _of_items(document, rest, at, depth))
    test = f"coalesce({_test(step.predicate, document, at, depth)}, false)"
    found = _where(test, _found(document, rest, at, depth))
    return _guarded([*unlike, *_unlike(document, [step], at)], found)


def _unlike(document: str, steps: Sequence[Step], pointer: str) -> list[str]:
    """Return tests of what a path meets: an array at a key, or none at a place."""
    tests = []
    for step in steps:
        other = "<>" if isinstance(step, Place) else "="
        tests.append(f"coalesce(json_type({document}, {text_literal(pointer)}) {other} 'ARRAY', false)")
        pointer += _below(step)
    return tests


def _below(step: Step) -> str:
    if isinstance(step, Key):
        return pointer_of(step.name)
    return f"/{step.number}" if isinstance(step, Place) else ""


def _at(document: str, pointer: str) -> _Found:
    place = text_literal(pointer)
    value = f"pg_jsonb_at({document}, {place})" if pointer else document
    present = f"json_type({document}, {place}) IS NOT NULL"
    return _Found(present, value, f"CASE WHEN {present} THEN [{value}] ELSE [] END")


def _guarded(unlike: Sequence[str], found: _Found) -> _Found:
    if not unlike:
        return found
    test = f"CASE WHEN {' OR '.join(unlike)} THEN error('bridge') ELSE"
    return _Found(*(f"{test} {sql} END" for sql in (found.present, found.first, found.all)))


def _where(test: str, found: _Found) -> _Found:
    """Leave out what a filter does not let pass."""
    present = f"{test} AND {found.present}"
    return _Found(present, f"CASE WHEN {test} THEN {found.first} END", f"CASE WHEN {test} THEN {found.all} ELSE [] END")


def _of_items(document: str, steps: Sequence[Step], pointer: str, depth: int) -> _Found:
    """Go on from each element of an array; what is no array is its only one."""
    if depth > 1:
        raise NoRule("a jsonpath of arrays in arrays in arrays")
    at, name = _at(document, pointer), f"p{depth}_"
    kind = f"json_type({document}, {text_literal(pointer)})"
    items = f"CASE WHEN {kind} = 'ARRAY' THEN pg_jsonb_elements({at.first}) ELSE {at.all} END"
    if steps:
        items = f"flatten(list_transform({items}, lambda {name}: {_found(name, steps, depth=depth + 1).all}))"
    return _Found(f"len({items}) > 0", f"({items})[1]", items)


def _test(predicate: Predicate, document: str, pointer: str, depth: int) -> str:
    """Return a predicate about the value at a place; NULL where Postgres does not know."""
    if isinstance(predicate, Both):
        left, right = (_test(part, document, pointer, depth) for part in (predicate.left, predicate.right))
        return f"({left} {'AND' if predicate.every else 'OR'} {right})"
    if isinstance(predicate, Not):
        return f"(NOT {_test(predicate.predicate, document, pointer, depth)})"
    steps = predicate.path.steps
    if not predicate.path.relative:
        if depth:
            raise NoRule("a jsonpath that goes back to its root")
        pointer = ""
    if isinstance(predicate, Exists):
        return f"({_found(document, steps, pointer, depth).present})"
    if any(isinstance(step, AnyItem | Filter) for step in steps):
        values, name = _found(document, steps, pointer, depth).all, f"v{depth}_"
        return f"pg_any(list_transform({values}, lambda {name}: {_compared(predicate, name, '')}))"
    test = _compared(predicate, document, pointer + "".join(map(_below, steps)))
    return _guarded(_unlike(document, steps, pointer), _Found(test, "", "")).present


def _compared(comparison: Comparison, document: str, pointer: str) -> str:
    """Return a comparison of the value at a place with a literal: false where there is none."""
    literal, operator, place = comparison.literal, comparison.operator, text_literal(pointer)
    found = f"CAST(json_extract({document}, {place}) AS VARCHAR)"
    unlike = "true" if operator == "<>" else "false"  # null and what is not
    if isinstance(literal, Decimal):
        whens = _compared_numbers(literal, operator, document, pointer)
    elif literal is None:
        like = "true" if "=" in operator else "false"
        whens = f"WHEN 'NULL' THEN {like} ELSE {unlike} "
    elif operator not in ("=", "<>"):
        raise NoRule("a jsonpath that orders strings, or truth")
    else:
        kind = "VARCHAR" if isinstance(literal, str) else "BOOLEAN"
        whens = f"WHEN '{kind}' THEN {found} {operator} {text_literal(json_scalar(literal))} "
    kind = f"json_type({document}, {place})"
    others = "" if literal is None else f"WHEN 'NULL' THEN {unlike} "
    return (
        f"CASE WHEN {kind} IS NULL THEN false ELSE CASE {kind} WHEN 'ARRAY' THEN error('bridge') {whens}{others}END END"
    )


def _compared_numbers(literal: Decimal, operator: str, document: str, pointer: str) -> str:
    precision, scale = decimal_digits(literal)
    if precision > MAX_DIGITS or scale > MAX_DIGITS:
        raise NoRule("a jsonpath with a long number")
    number, place = f"CAST('{literal:f}' AS DECIMAL({MAX_DIGITS},{scale}))", text_literal(pointer)
    whole = f"CAST(json_extract_string({document}, {place}) AS DECIMAL(20,0)) {operator} {number}"
    exact = f"pg_text_number({_at(document, pointer).first}) {operator} {number}"
    return f"WHEN 'UBIGINT' THEN {whole} WHEN 'BIGINT' THEN {whole} WHEN 'DOUBLE' THEN {exact} "


FUNCTIONS = {
    "jsonb_path_exists": exists,
    "jsonb_path_match": match,
    "jsonb_path_query_first": first,
    "jsonb_path_query_array": query_array,
}
JSONPATH_FUNCTIONS: Rules = table(
    built(f"{name}(jsonb,jsonpath,jsonb,boolean)", rule, opaque=True) for name, rule in FUNCTIONS.items()
)
JSONPATH_OPERATORS: Rules = table(
    built("@?(jsonb,jsonpath)", exists, opaque=True),
    built("@@(jsonb,jsonpath)", match, opaque=True),
)
