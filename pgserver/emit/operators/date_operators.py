"""Operators of dates, times and intervals."""

from collections.abc import Iterator
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.rules import Call, Rule, Rules, built, rewritten, table
from pgserver.emit.times.dates import add_interval_rule, subtract_interval_rule
from pgserver.emit.values import Value

TIMESTAMP, TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
TIME = "time without time zone"
ELAPSED = "pg_elapsed"


def add_to_interval(call: Call) -> Value:
    """Add a date or a timestamp to an interval."""
    span, moment = call.args
    return add_interval_rule(replace(call, args=(moment, span)))


def multiply(call: Call) -> Value:
    """Multiply an interval by a float; one that is just days or just time spills nothing from months."""
    span, factor = call.args if call.args[0].type == kinds.INTERVAL else reversed(call.args)
    parts = span.constant.value if span.constant is not None else None
    if isinstance(parts, tuple) and not parts[0] and not parts[1]:
        return call.result(f"to_microseconds(CAST(CAST({parts[2]} AS DOUBLE) * {factor.operand} AS BIGINT))", atom=True)
    if isinstance(parts, tuple) and not parts[0] and not parts[2]:
        return call.result(f"pg_days_spilled(CAST({parts[1]} AS DOUBLE) * {factor.operand})", atom=True)
    return call.result(f"pg_times({span.sql}, {factor.sql})", atom=True)


def _moments() -> Iterator[Rule]:
    for kind in ("date", TIMESTAMP, TIMESTAMPTZ):
        yield built(f"+({kind},interval)", add_interval_rule)
        yield built(f"-({kind},interval)", subtract_interval_rule)
        yield built(f"+(interval,{kind})", add_to_interval)
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield rewritten(f"-({kind},{kind})", f"{ELAPSED}($1, $2)")


def _spans() -> Iterator[Rule]:
    yield rewritten("+(interval,interval)", "pg_plus($1, $2)")
    yield rewritten("-(interval,interval)", "pg_minus($1, $2)")
    yield rewritten("-(NONE,interval)", "pg_interval(- pg_months($1), - datepart('day', $1), - pg_us($1))")
    yield built("*(interval,double precision)", multiply)
    yield built("*(double precision,interval)", multiply)
    yield rewritten("/(interval,double precision)", "pg_over($1, $2)")


DATE_OPERATORS: Rules = table(
    _moments(),
    _spans(),
    rewritten("+(date,integer)", "pg_date($1 + $2)"),
    rewritten("+(integer,date)", "pg_date($1 + $2)"),
    rewritten("-(date,integer)", "pg_date($1 - $2)"),
    rewritten("-(date,date)", "pg_days($1, $2)"),
    rewritten(f"+(date,{TIME})", "pg_timestamp($1 + $2)"),
    rewritten(f"+({TIME},date)", "pg_timestamp($2 + $1)"),
    rewritten(f"+({TIME},interval)", "$1 + $2"),
    rewritten(f"+(interval,{TIME})", "$2 + $1"),
    rewritten(f"-({TIME},interval)", "$1 - $2"),
    rewritten(f"-({TIME},{TIME})", "to_microseconds(epoch_us($1) - epoch_us($2))"),
)
