"""Functions of numerics: each result with the number of decimals that Postgres shows.

Source: src/backend/utils/adt/numeric.c.
"""

from collections.abc import Iterator
from dataclasses import replace

from pgserver.emit.functions.roots import square, square_root
from pgserver.emit.numeric import (
    MAX_DIGITS,
    decimal_type,
    display_of,
    scaled,
    text_of,
    to_scale,
    unscaled,
)
from pgserver.emit.operators.table import absolute, numeric_modulo
from pgserver.emit.rules import Call, Rule, Rules, built, table
from pgserver.emit.values import Numeric, Value, numeric_of


def round_to(call: Call) -> Value:
    """Round half away from zero, to decimals or (negative) to tens."""
    value, digits = scaled(call.args[0]), _digits(call)
    if digits >= 0:
        return _at_scale(value, digits)
    held = numeric_of(value)
    integral = held.precision - held.scale
    if held.scale and -digits < integral:
        return _whole(call, f"round({value.sql}, {digits})", integral + 1)
    precision = max(integral, -digits) + 1  # DuckDB does not make room for what 99 rounds to
    if precision + held.scale > MAX_DIGITS:
        raise call.no_rule("of so many digits")
    wide = f"CAST({value.sql} AS DECIMAL({precision + held.scale},{held.scale}))"
    return _whole(call, f"round({wide}, {digits})", precision)


def truncate_to(call: Call) -> Value:
    """Cut off decimals, or (negative) tens and all below them."""
    value, digits = scaled(call.args[0]), _digits(call)
    held = numeric_of(value)
    if digits >= held.scale and held.text is None:
        return _at_scale(value, digits)
    integral = max(held.precision - held.scale, 1)
    if -digits >= integral:  # DuckDB gives 0 for NULL then
        raise call.no_rule("of so many digits")
    if digits <= 0:
        return _whole(call, f"trunc({value.sql}, {digits})", integral)
    cut = Numeric(min(integral + digits, MAX_DIGITS), digits)
    return call.result(f"CAST(trunc({value.sql}, {digits}) AS {decimal_type(cut)})", atom=True, numeric=cut)


def whole(call: Call) -> Value:
    """Round up, down or towards zero, to a whole number."""
    value = scaled(call.args[0])
    held = numeric_of(value)
    name = call.signature.partition("(")[0]
    return _whole(call, f"{name}({value.sql})", min(max(held.precision - held.scale, 0) + 1, MAX_DIGITS))


def _digits(call: Call) -> int:
    """Return the second argument; 0 where there is none.

    Raises: NoRule for one that is no constant, or beyond what a DECIMAL holds.
    """
    if len(call.args) == 1:
        return 0
    constant = call.args[1].constant
    if constant is None or not isinstance(constant.value, int) or abs(constant.value) > MAX_DIGITS:
        raise call.no_rule("to what is no constant of 38 at most")
    return constant.value


def _at_scale(value: Value, scale: int) -> Value:
    held = numeric_of(value)
    integral = MAX_DIGITS if held.text is not None else held.precision - held.scale + (scale < held.scale)
    if held.text is None and held.display is None and held.scale == scale:
        return replace(value, typmod=-1)
    return replace(to_scale(value, max(min(integral + scale, MAX_DIGITS), 1), scale), typmod=-1)


def _whole(call: Call, sql: str, precision: int) -> Value:
    held = Numeric(min(precision, MAX_DIGITS), 0)
    return call.result(f"CAST({sql} AS {decimal_type(held)})", atom=True, numeric=held)


def sign(call: Call) -> Value:
    """-1, 0 or 1."""
    return _whole(call, f"sign({scaled(call.args[0]).sql})", 1)


def whole_quotient(call: Call) -> Value:
    """Divide and cut off the decimals."""
    (left, scale_left), (right, scale_right) = (unscaled(arg) for arg in call.args)
    common = max(scale_left, scale_right)
    left, right = _times(left, common - scale_left), _times(right, common - scale_right)
    return _whole(call, f"pg_idiv({left}, {right})", MAX_DIGITS)


def _times(sql: str, power: int) -> str:
    return f"{sql} * CAST(1{'0' * power} AS HUGEINT)" if power else sql


def factorial(call: Call) -> Value:
    """The factorial; that of 34 and more has over 38 digits."""
    (arg,) = call.args
    return _whole(call, f"pg_factorial({arg.sql})", MAX_DIGITS)


def scale(call: Call) -> Value:
    """How many decimals a value shows."""
    value = scaled(call.args[0])
    return call.result(f"CASE WHEN {value.operand} IS NOT NULL THEN {display_of(value)} END", atom=True)


def min_scale(call: Call) -> Value:
    """How many decimals a value needs."""
    return call.result(f"pg_min_scale({text_of(call.args[0])})", atom=True)


def trim_scale(call: Call) -> Value:
    """The same value, with the decimals that it needs."""
    value = scaled(call.args[0])
    held = numeric_of(value)
    needed = f"pg_min_scale({text_of(value)})"
    return replace(value, typmod=-1, constant=None, numeric=Numeric(held.precision, held.scale, needed))


def width_bucket(call: Call) -> Value:
    """The number of the bucket, of equal ones, that a value falls in."""
    numbers = [unscaled(arg) for arg in call.args[:3]]
    common = max(scale for _, scale in numbers)
    texts = [_times(sql, common - scale) for sql, scale in numbers]
    return call.result(f"pg_bucket({', '.join(texts)}, {call.args[3].sql})", atom=True)


def _rules() -> Iterator[Rule]:
    for name in ("ceil", "ceiling", "floor"):
        yield built(f"{name}(numeric)", whole)
    yield built("abs(numeric)", absolute)
    yield built("mod(numeric,numeric)", numeric_modulo)
    yield built("sign(numeric)", sign)
    yield built("div(numeric,numeric)", whole_quotient)
    yield built("round(numeric)", round_to)
    yield built("round(numeric,integer)", round_to)
    yield built("trunc(numeric)", truncate_to)
    yield built("trunc(numeric,integer)", truncate_to)
    yield built("factorial(bigint)", factorial)
    yield built("sqrt(numeric)", square_root)
    yield built("power(numeric,numeric)", square)
    yield built("pow(numeric,numeric)", square)
    yield built("scale(numeric)", scale)
    yield built("min_scale(numeric)", min_scale)
    yield built("trim_scale(numeric)", trim_scale)
    yield built("width_bucket(numeric,numeric,numeric,integer)", width_bucket)


NUMERICS: Rules = table(_rules())
