"""Aggregates of statistics: variances, and those over ordered rows (WITHIN GROUP).

Variances of integers and numerics are exact: DuckDB adds up, the last step is that of Postgres' numeric. Floats are
added in the order of the rows, which needs a list of each group's values: large groups are left to the bridge.
Source: src/backend/utils/adt/numeric.c, `numeric_stddev_internal`; float.c, `float8_accum`; orderedsetaggs.c.
"""

import re
from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.nodes.aggregate_calls import AggregateCall, AggregateRule
from pgserver.emit.numeric import (
    decimal_type,
    display_of,
    division_operands,
    from_text,
    multiply,
    quotient,
    scaled,
    shared_scale,
)
from pgserver.emit.values import Numeric, Value, numeric_of

COLUMN = re.compile(r"\b[a-z]+[0-9]+\.")
PAIRED = (
    "corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
    "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
)  # fmt: skip
SAMPLES = ("variance", "var_samp", "stddev", "stddev_samp")


def spread(call: AggregateCall) -> Value:
    """Variance or standard deviation of integers or numerics: (n * sum(x^2) - sum(x)^2) / (n * (n - 1 or n))."""
    if call.distinct:
        raise call.no_rule("DISTINCT")
    total, squares, scale, shown = _sums(call)
    count = f"CAST({call.write('count', call.args[0].sql)} AS HUGEINT)"
    sample = call.signature.partition("(")[0] in SAMPLES
    dividend = f"({count} * {squares} - {total} * {total})"
    divisor = f"nullif({count} * ({count} - 1), 0)" if sample else f"nullif({count} * {count}, 0)"
    operands = (dividend, 2 * scale, shown, divisor, 0, "0")
    if call.signature.startswith("std"):
        return from_text(_unless_equal(dividend, divisor, "'0'", f"pg_root_of_quotient{division_operands(*operands)}"))
    value = quotient(*operands)
    held = numeric_of(value)
    assert held.display is not None
    assert held.text is not None
    display = _unless_equal(dividend, divisor, "0", held.display)
    text = _unless_equal(dividend, divisor, "'0'", held.text)
    return call.result(value.sql, numeric=Numeric(held.precision, held.scale, display, text))


def _unless_equal(dividend: str, divisor: str, nothing: str, otherwise: str) -> str:
    """Where all values are equal Postgres gives 0 without decimals."""
    return f"CASE WHEN {dividend} = 0 AND {divisor} IS NOT NULL THEN {nothing} ELSE {otherwise} END"


def _sums(call: AggregateCall) -> tuple[str, str, int, str]:
    """Return sum(x) and sum(x^2) as HUGEINTs of digits, the scale of x, and the decimals that the square shows."""
    arg = call.args[0]
    if arg.type != kinds.NUMERIC:
        held_in = "HUGEINT" if arg.type == kinds.INT8 else "BIGINT"
        squares = call.write("sum", f"CAST({arg.sql} AS {held_in}) * {arg.operand}")
        return f"CAST({call.write('sum', arg.sql)} AS HUGEINT)", f"CAST({squares} AS HUGEINT)", 0, "0"
    arg = scaled(arg)
    held = numeric_of(arg)
    wide = Numeric(max(held.precision, 19), held.scale)  # else DuckDB squares in 64 bits
    wide_arg = Value(f"CAST({arg.sql} AS {decimal_type(wide)})", kinds.NUMERIC, numeric=wide)
    shown = str(2 * held.scale)
    if not shared_scale(arg):
        shown = f"2 * {call.write('max', f'CASE WHEN {arg.operand} IS NOT NULL THEN {display_of(arg)} END')}"
    squares = call.write("sum", multiply(wide_arg, wide_arg).sql)
    return _digits(call.write("sum", arg.sql)), _digits(squares), held.scale, shown


def _digits(sql: str) -> str:
    return f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"


def of_floats(call: AggregateCall) -> Value:
    """Variance, standard deviation or sum (of reals) in the order of the rows."""
    if call.distinct or call.over:
        raise call.no_rule("DISTINCT or over a window")
    (arg,) = call.args
    values = call.write("array_agg", arg.sql, where=f"{arg.operand} IS NOT NULL")
    return call.result(f"{FLOAT_MACROS[call.signature.partition('(')[0]]}({values})")


FLOAT_MACROS = {
    "sum": "pg_sum_of_reals",
    **dict.fromkeys(("variance", "var_samp"), "pg_var_samp"),
    **dict.fromkeys(("stddev", "stddev_samp"), "pg_stddev_samp"),
    "var_pop": "pg_var_pop",
    "stddev_pop": "pg_stddev_pop",
}


def of_pairs(call: AggregateCall) -> Value:
    """Statistics of the pairs of which neither is NULL, in the order of the rows."""
    if call.distinct or call.over:
        raise call.no_rule("DISTINCT or over a window")
    name = call.signature.partition("(")[0]
    y, x = call.args
    both = f"{y.operand} IS NOT NULL AND {x.operand} IS NOT NULL"
    if name == "regr_count":
        return call.result(call.write("count", "*", where=both))
    if name not in ("regr_avgx", "regr_avgy"):
        pairs = f"{{'y': CAST({y.sql} AS DOUBLE), 'x': CAST({x.sql} AS DOUBLE)}}"
        return call.result(f"pg_{name}({call.write('array_agg', pairs, where=both)})")
    return call.result(f"pg_finite({call.write('avg', (x if name == 'regr_avgx' else y).sql, where=both)})")


def percentile(call: AggregateCall) -> Value:
    """percentile_disc: the value at a share of the rows. percentile_cont: interpolated between the two nearest.

    The share may be an array, and then so is the result.
    """
    arg, (share,) = call.args[0], call.direct
    if COLUMN.search(share.sql):
        raise call.no_rule("at what is no constant")
    if arg.numeric is not None and arg.numeric.display is not None:
        raise call.no_rule("of numerics of different scales")
    macro = "pg_at_share" if call.signature.startswith("percentile_disc") else BETWEEN[arg.type]
    values = call.write("array_agg", arg.sql, where=f"{arg.operand} IS NOT NULL")
    found = f"{macro}({values}, {share.sql})"
    if share.type in kinds.ELEMENTS:
        found = f"CASE WHEN {values} IS NOT NULL THEN list_transform({share.sql}, lambda p_: {macro}({values}, p_)) END"
    result = call.result(found, numeric=arg.numeric)
    if arg.type == kinds.INTERVAL:  # 1 day and 24 hours are equal: which one is found the order of the rows says
        odd = call.write("bool_or", f"pg_is_unjustified({arg.sql})", order="")
        return call.result(f"CASE WHEN {odd} THEN error('bridge') ELSE {found} END").typed(call.type)
    return _one_zero(call, arg, result).typed(call.type, arg.typmod)


BETWEEN = {kinds.FLOAT8: "pg_between_at_share", kinds.INTERVAL: "pg_interval_at_share"}


def mode(call: AggregateCall) -> Value:
    """The most frequent value, the first of several."""
    (arg,) = call.args
    if arg.type in (kinds.INTERVAL, kinds.BPCHAR) or (arg.numeric is not None and arg.numeric.display is not None):
        raise call.no_rule("of values that are equal and look different")
    found = call.result(call.write("mode", arg.sql), numeric=arg.numeric)
    return _one_zero(call, arg, found, f" OR isnan({arg.sql})").typed(call.type, arg.typmod)


def _one_zero(call: AggregateCall, arg: Value, found: Value, odd: str = "") -> Value:
    """0 and -0 are equal: which one is found the order of the rows says. (And mode() counts each NaN for itself.)"""
    if arg.type not in kinds.FLOATS:
        return found
    test = call.write("bool_or", f"({arg.operand} = 0 AND signbit({arg.sql})){odd}", order="")
    return call.result(f"CASE WHEN {test} THEN error('bridge') ELSE {found.sql} END", numeric=found.numeric)


def rules() -> Iterator[AggregateRule]:
    """Return the rows of the table."""
    for name in (*SAMPLES, "var_pop", "stddev_pop"):
        yield from (AggregateRule(f"{name}({kind})", spread) for kind in ("smallint", "integer", "bigint", "numeric"))
        yield from (AggregateRule(f"{name}({kind})", of_floats) for kind in ("real", "double precision"))
    yield AggregateRule("sum(real)", of_floats)
    for name in PAIRED:
        yield AggregateRule(f"{name}(double precision,double precision)", of_pairs)
    for shares in ("double precision", "double precision[]"):
        yield AggregateRule(f"percentile_disc({shares},anyelement)", percentile)
        yield AggregateRule(f"percentile_cont({shares},double precision)", percentile)
        yield AggregateRule(f"percentile_cont({shares},interval)", percentile)
    yield AggregateRule("mode(anyelement)", mode)
