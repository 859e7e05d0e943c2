"""Aggregates, keyed by what `regprocedure` prints; the same rows serve as window functions over a frame."""

from collections.abc import Iterator
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.aggregates import json_aggregates, statistics
from pgserver.emit.literals import text_literal
from pgserver.emit.nodes.aggregate_calls import UNREPEATABLE, AggregateCall, AggregateRule, cast, same
from pgserver.emit.numeric import MAX_DIGITS, display_of, quotient, scaled, shared_scale, unscaled
from pgserver.emit.operators.comparisons import enum_position, trimmed
from pgserver.emit.values import Numeric, Value, numeric_of

INTEGERS = ("smallint", "integer", "bigint")


def count(call: AggregateCall) -> Value:
    """Count rows, or values that are not NULL."""
    if not call.args:
        return call.result(call.write("count", "*"))
    if call.distinct and (call.args[0].opaque or call.args[0].type in kinds.SPELLED):
        raise call.no_rule("DISTINCT of values whose equal ones differ in text")
    return call.result(call.write("count", trimmed(call.args[0]).sql if call.distinct else call.args[0].sql))


def sum_of_bigint(call: AggregateCall) -> Value:
    """Sum to numeric without decimals."""
    sql = f"CAST({call.write('sum', call.args[0].sql)} AS DECIMAL({MAX_DIGITS},0))"
    return call.result(sql, numeric=Numeric(MAX_DIGITS, 0))


def finite(call: AggregateCall) -> Value:
    """Sum or average floats: Postgres raises where finite values give infinity, which the bridge finds out."""
    name = call.signature.partition("(")[0]
    if not call.adds_alike:
        raise call.no_rule("over a frame")
    return call.result(f"pg_finite({call.write(name, call.args[0].sql)})")


def sum_of_intervals(call: AggregateCall) -> Value:
    """Sum months, days and microseconds, each for itself."""
    (arg,) = call.args
    if call.distinct:
        raise call.no_rule("DISTINCT")
    parts = (f"pg_months({arg.sql})", f"datepart('day', {arg.sql})", f"pg_us({arg.sql})")
    return call.result(f"pg_interval({', '.join(call.write('sum', part) for part in parts)})")


def average_of_intervals(call: AggregateCall) -> Value:
    """Divide the sum by the count, as any interval by a float."""
    total, counted = sum_of_intervals(call).sql, call.write("count", call.args[0].sql)
    return call.result(f"pg_over({total}, CAST(nullif({counted}, 0) AS DOUBLE))")


def sum_of_numeric(call: AggregateCall) -> Value:
    """Sum: as many decimals as the value that shows most."""
    arg = scaled(call.args[0])
    held = numeric_of(arg)
    return call.result(call.write("sum", arg.sql), numeric=Numeric(MAX_DIGITS, held.scale, _most_decimals(call, arg)))


def _most_decimals(call: AggregateCall, arg: Value) -> str | None:
    if shared_scale(arg):
        return None
    return call.write("max", f"CASE WHEN {arg.operand} IS NOT NULL THEN {display_of(arg)} END")


def average(call: AggregateCall) -> Value:
    """Average integers or numerics: the quotient of sum and count, with Postgres' digits."""
    arg = call.args[0]
    if arg.type != kinds.NUMERIC:
        total, scale, shown = f"CAST({call.write('sum', arg.sql)} AS HUGEINT)", 0, "0"
    else:
        arg = scaled(arg)
        held = numeric_of(arg)
        sums = Value(call.write("sum", arg.sql), kinds.NUMERIC, numeric=Numeric(MAX_DIGITS, held.scale))
        (total, scale), shown = unscaled(sums), _most_decimals(call, arg) or str(held.scale)
    counted = f"nullif({call.write('count', arg.sql)}, 0)"
    if not shown.isdigit():
        return quotient(total, scale, shown, counted, 0, "0")
    value = quotient(total, scale, shown, counted, 0, "0", macro="pg_average")
    form = numeric_of(quotient("{0}", scale, shown, "{1}", 0, "0", macro="pg_average")).text
    assert form is not None
    return replace(value, numeric=replace(numeric_of(value), late=(total, counted, form)))


def extreme(call: AggregateCall) -> Value:
    """min or max."""
    arg = scaled(call.args[0]) if call.args[0].type == kinds.NUMERIC else call.args[0]
    found = call.write(call.signature.partition("(")[0], arg.sql)
    if arg.numeric is None:
        return call.result(found)
    if arg.numeric.display is None:
        return call.result(found, numeric=arg.numeric)
    return call.result(found, numeric=replace(arg.numeric, display=_display_of_extreme(call, arg), text=None))


def _display_of_extreme(call: AggregateCall, arg: Value) -> str:
    """Equal numerics may show different scales: which of them is found is not known, so they must be alike."""
    name = call.signature.partition("(")[0]
    shown, present = display_of(arg), f"{arg.operand} IS NOT NULL"
    one = call.write(name, f"{{'x': {arg.sql}, 'shown': {shown}}}", where=present)
    other = call.write(name, f"{{'x': {arg.sql}, 'shown': -({shown})}}", where=present)
    return f"CASE WHEN {one}['shown'] <> -{other}['shown'] THEN error('bridge') ELSE {one}['shown'] END"


def extreme_of_char(call: AggregateCall) -> Value:
    """min or max of char(n), which orders without the padding."""
    arg = call.args[0]
    name = {"min": "arg_min", "max": "arg_max"}[call.signature.partition("(")[0]]
    if call.distinct:
        raise call.no_rule("DISTINCT")
    return call.result(call.write(name, arg.sql, trimmed(arg).sql)).typed(kinds.BPCHAR, arg.typmod)


def extreme_of_enum(call: AggregateCall) -> Value:
    """min or max of an enum, by position."""
    labels = call.names.labels(call.args[0].type)
    if not labels:
        raise call.no_rule()
    name = call.signature.partition("(")[0]
    place = call.write(name, enum_position(call.args[0], labels))
    return call.result(f"list_extract([{', '.join(map(text_literal, labels))}], {place})")


def any_value(call: AggregateCall) -> Value:
    """Any value that is not NULL; of distinct ones Postgres takes the least."""
    if call.distinct:
        raise call.no_rule("DISTINCT")
    return call.result(call.write("any_value", call.args[0].sql), numeric=_single_scale(call))


def _single_scale(call: AggregateCall) -> Numeric | None:
    held = call.args[0].numeric
    if held is not None and (held.display is not None or held.wide is not None):
        raise call.no_rule("of numerics of different scales")
    return held


def array_agg(call: AggregateCall) -> Value:
    """Collect; where duplicates are removed Postgres sorts."""
    arg = call.args[0]
    if call.names.duckdb_type(call.type) is None and call.type != kinds.NUMERIC_ARRAY:
        raise call.no_rule()
    if call.distinct and arg.type in kinds.SPELLED:
        raise call.no_rule("DISTINCT of values whose equal ones differ in text")
    return call.result(_collected(call, arg), numeric=_single_scale(call))


def _collected(call: AggregateCall, arg: Value) -> str:
    if not call.distinct or call.over:
        return call.write("array_agg", arg.sql)
    order = call.order or f"{arg.operand} {ASCENDING}"
    if UNREPEATABLE.search(order) and arg.type in SORTED_ALIKE and order.startswith(f"{arg.operand} "):
        direction, _, nulls = order.removeprefix(f"{arg.operand} ").partition(" ")
        if f"{direction} {nulls}" in DIRECTIONS:
            return f"list_sort({call.write('array_agg', arg.sql, order='')}, '{direction}', '{nulls}')"
    return call.write("array_agg", arg.sql, order=order)


def string_agg(call: AggregateCall) -> Value:
    """Join texts; where duplicates are removed Postgres sorts. The separator must be one for all rows."""
    text, separator = call.args
    if separator.constant is None:
        raise call.no_rule("with a separator that is not a constant")
    if separator.is_null:
        separator = Value("''", kinds.TEXT)
    if call.distinct and UNREPEATABLE.search(text.sql) and not call.over:
        return call.result(f"array_to_string({_collected(call, text)}, {separator.sql})")  # which leaves NULLs out
    order = text.sql if call.distinct and not call.order else None
    return call.result(call.write("string_agg", text.sql, separator.sql, order=order))


# What list_sort puts in the order that ORDER BY does.
SORTED_ALIKE = kinds.INTEGERS | {
    *(kinds.BOOL, kinds.UUID, kinds.NUMERIC, kinds.TEXT, kinds.VARCHAR, kinds.NAME),
    *(kinds.DATE, kinds.TIMESTAMP, kinds.TIMESTAMPTZ),
}
ASCENDING = "ASC NULLS LAST"
DIRECTIONS = frozenset((ASCENDING, "ASC NULLS FIRST", "DESC NULLS LAST", "DESC NULLS FIRST"))

EXTREME_KINDS = (
    *INTEGERS, "oid", "real", "double precision", "text", "date", "time without time zone",
    "timestamp without time zone", "timestamp with time zone", "interval", "bytea", "numeric",
)  # fmt: skip


def _rules() -> Iterator[AggregateRule]:
    yield AggregateRule("count()", count)
    yield AggregateRule('count("any")', count, opaque=True)
    for name in ("min", "max"):
        yield from (AggregateRule(f"{name}({kind})", extreme) for kind in EXTREME_KINDS)
        yield AggregateRule(f"{name}(character)", extreme_of_char)
        yield AggregateRule(f"{name}(anyenum)", extreme_of_enum)
    yield cast("sum(smallint)", "BIGINT")
    yield cast("sum(integer)", "BIGINT")
    yield AggregateRule("sum(bigint)", sum_of_bigint)
    yield AggregateRule("sum(numeric)", sum_of_numeric)
    yield AggregateRule("sum(double precision)", finite)
    yield from (AggregateRule(f"avg({kind})", finite) for kind in ("real", "double precision"))
    yield from (AggregateRule(f"avg({kind})", average) for kind in (*INTEGERS, "numeric"))
    for name in ("bool_and", "bool_or"):
        yield same(f"{name}(boolean)")
    yield same("every(boolean)", "bool_and")
    for name in ("bit_and", "bit_or", "bit_xor"):
        yield from (same(f"{name}({kind})") for kind in INTEGERS)
    yield AggregateRule("any_value(anyelement)", any_value)
    yield AggregateRule("array_agg(anynonarray)", array_agg)
    yield AggregateRule("string_agg(text,text)", string_agg)
    yield AggregateRule("sum(interval)", sum_of_intervals)
    yield AggregateRule("avg(interval)", average_of_intervals)
    yield from json_aggregates.rules()
    yield from statistics.rules()


AGGREGATES = {rule.signature: rule for rule in _rules()}
