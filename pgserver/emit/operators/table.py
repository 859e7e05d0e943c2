"""Operators, keyed by what `regoperator` prints."""

from collections.abc import Iterator

from pgserver.emit.numeric import MAX_DIGITS, add, divide, multiply, scaled
from pgserver.emit.operators.array_operators import ARRAY_OPERATORS
from pgserver.emit.operators.comparisons import COMPARISONS
from pgserver.emit.operators.date_operators import DATE_OPERATORS
from pgserver.emit.operators.json_operators import JSON_OPERATORS
from pgserver.emit.operators.jsonpaths import JSONPATH_OPERATORS
from pgserver.emit.operators.number_operators import NUMBER_OPERATORS
from pgserver.emit.operators.text_operators import TEXT_OPERATORS
from pgserver.emit.rules import Call, Rule, Rules, built, named_once, nested, rewritten, same, table, template
from pgserver.emit.values import Numeric, Value, numeric_of

INTEGERS = ("smallint", "integer", "bigint")


def integer_division(call: Call) -> Value:
    """Divide; a divisor that is a constant other than 0 and -1 needs no guard."""
    return _integer_division(call, "//", "pg_idiv")


def integer_modulo(call: Call) -> Value:
    """Take the remainder, which has the sign of the dividend in both."""
    return _integer_division(call, "%", "pg_imod")


def _integer_division(call: Call, operator: str, macro: str) -> Value:
    left, right = call.args
    if right.constant is not None and right.constant.value not in (None, 0, -1):
        return call.result(f"{left.operand} {operator} {right.operand}")
    write = template(f"{macro}($1, $2)")
    return call.result(named_once(call.args, write) if nested(call.args) else write(call.args), atom=True)


def addition(call: Call) -> Value:
    """Add numerics."""
    left, right = call.args
    return add(left, right, "+")


def subtraction(call: Call) -> Value:
    """Subtract numerics."""
    left, right = call.args
    return add(left, right, "-")


def multiplication(call: Call) -> Value:
    """Multiply numerics."""
    left, right = call.args
    return multiply(left, right)


def division(call: Call) -> Value:
    """Divide numerics."""
    left, right = call.args
    return divide(left, right)


def numeric_modulo(call: Call) -> Value:
    """Take the remainder: as many decimals as the operand that shows more."""
    left, right = (scaled(arg) for arg in call.args)
    a, b = numeric_of(left), numeric_of(right)
    if max(a.precision - a.scale, b.precision - b.scale) + max(a.scale, b.scale) > MAX_DIGITS:
        raise call.no_rule("which DuckDB takes of doubles")
    held = numeric_of(add(left, right, "+"))
    return call.result(f"pg_mod({left.sql}, {right.sql})", atom=True, numeric=held)


def negated(call: Call) -> Value:
    """Negate a numeric: it shows what it showed."""
    (arg,) = (scaled(value) for value in call.args)
    held = numeric_of(arg)
    if held.text is not None:
        held = Numeric(held.precision, held.scale, held.display)
    return call.result(f"- {arg.operand}", numeric=held)


def unchanged(call: Call) -> Value:
    """Return the argument."""
    return call.args[0]


def absolute(call: Call) -> Value:
    """Return the absolute value of a numeric: it shows what it showed."""
    (arg,) = (scaled(value) for value in call.args)
    held = numeric_of(arg)
    return call.result(f"abs({arg.sql})", atom=True, numeric=Numeric(held.precision, held.scale, held.display))


def _integer_arithmetic() -> Iterator[Rule]:
    for left in INTEGERS:
        yield same(f"-(NONE,{left})")
        yield built(f"+(NONE,{left})", unchanged)
        yield rewritten(f"@(NONE,{left})", "abs($1)")
        for right in INTEGERS:
            yield from (same(f"{operator}({left},{right})") for operator in "+-*")
            yield built(f"/({left},{right})", integer_division)
        yield built(f"%({left},{left})", integer_modulo)
        yield from (same(f"{operator}({left},{left})") for operator in "&|")
        yield rewritten(f"#({left},{left})", "xor($1, $2)")
        yield same(f"~(NONE,{left})")


def _numeric_arithmetic() -> Iterator[Rule]:
    yield built("+(numeric,numeric)", addition)
    yield built("-(numeric,numeric)", subtraction)
    yield built("*(numeric,numeric)", multiplication)
    yield built("/(numeric,numeric)", division)
    yield built("%(numeric,numeric)", numeric_modulo)
    yield built("-(NONE,numeric)", negated)
    yield built("+(NONE,numeric)", unchanged)
    yield built("@(NONE,numeric)", absolute)


def _float_arithmetic() -> Iterator[Rule]:
    for kind in ("real", "double precision"):
        yield same(f"-(NONE,{kind})")
        yield built(f"+(NONE,{kind})", unchanged)
        yield rewritten(f"@(NONE,{kind})", "abs($1)")
        for other in ("real", "double precision"):
            yield rewritten(f"+({kind},{other})", "pg_fchk($1 + $2, isfinite($1) AND isfinite($2))")
            yield rewritten(f"-({kind},{other})", "pg_fchk($1 - $2, isfinite($1) AND isfinite($2))")
            yield rewritten(f"*({kind},{other})", "pg_fmul($1, $2)")
            yield rewritten(f"/({kind},{other})", "pg_fdiv($1, $2)")


OPERATORS: Rules = table(
    COMPARISONS,
    _integer_arithmetic(),
    _numeric_arithmetic(),
    _float_arithmetic(),
    DATE_OPERATORS.values(),
    JSON_OPERATORS.values(),
    JSONPATH_OPERATORS.values(),
    ARRAY_OPERATORS.values(),
    TEXT_OPERATORS.values(),
    NUMBER_OPERATORS.values(),
)
