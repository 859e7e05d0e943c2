"""Functions of dates, times and intervals: the table, and date_trunc."""

from collections.abc import Iterator
from typing import Final

from pgserver.emit.casts.date_casts import MIDNIGHT
from pgserver.emit.functions.date_fields import date_part, extract
from pgserver.emit.functions.moments import (
    age,
    age_at_midnight,
    date_bin,
    make_timestamptz,
    make_timestamptz_in,
    overlaps_spans,
    shifted,
    to_instant,
    to_instant_in,
    to_local,
    to_local_in,
)
from pgserver.emit.functions.units import unit_of
from pgserver.emit.rules import Call, Rule, Rules, built, rewritten, table
from pgserver.emit.times import zones
from pgserver.emit.times.dates import add_interval_rule, subtract_interval_rule
from pgserver.emit.values import Value

TIMESTAMP, TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
TIME = "time without time zone"
TRUNCATED: Final = (
    "microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year",
)  # fmt: skip
LONG: Final = ("decade", "century", "millennium")
SHORT_US: Final = {"microseconds": 1, "milliseconds": 1000, "second": 1_000_000}
BY_THE_CLOCK_US: Final = {"minute": 60_000_000, "hour": 3_600_000_000}
SPANS: Final = {
    "year": "to_months(CAST(pg_months({0}) // 12 * 12 AS INTEGER))",
    "month": "to_months(CAST(pg_months({0}) AS INTEGER))",
    "day": "pg_interval(pg_months({0}), datepart('day', {0}), 0)",
    "hour": "pg_interval(pg_months({0}), datepart('day', {0}), pg_us({0}) // 3600000000 * 3600000000)",
    "minute": "pg_interval(pg_months({0}), datepart('day', {0}), pg_us({0}) // 60000000 * 60000000)",
    "second": "pg_interval(pg_months({0}), datepart('day', {0}), pg_us({0}) // 1000000 * 1000000)",
}


def date_trunc(call: Call) -> Value:
    """Cut a timestamp to a unit; units above the year are counted from 1 in Postgres, from 0 in DuckDB."""
    unit, value = unit_of(call), call.args[1].sql
    if unit in LONG:
        return call.result(f"pg_trunc_{unit}({value})", atom=True)
    if unit not in TRUNCATED:
        raise call.no_rule(f"to {unit}")
    return call.result(f"date_trunc('{unit}', {value})", atom=True)


def date_trunc_zoned(call: Call) -> Value:
    """Cut an instant to a unit that begins by the clock of the session's zone."""
    unit, value = unit_of(call), call.args[1].sql
    if unit in SHORT_US:  # offsets are whole seconds
        return call.result(f"pg_trunc_us({SHORT_US[unit]}, {value})", atom=True)
    call.assume(zones.RULES)
    if unit in BY_THE_CLOCK_US:
        return call.result(f"pg_trunc_zoned_us({BY_THE_CLOCK_US[unit]}, {value})", atom=True)
    if unit in LONG:
        return call.result(f"pg_trunc_zoned_{unit}({value})", atom=True)
    if unit not in TRUNCATED:
        raise call.no_rule(f"to {unit}")
    if value.startswith(f"{MIDNIGHT}("):  # of a date
        date = value.removeprefix(MIDNIGHT)[1:-1]
        return call.result(f"pg_trunc_midnight('{unit}', {date})", atom=True)
    return call.result(f"pg_trunc_zoned('{unit}', {value})", atom=True)


def date_trunc_in(call: Call) -> Value:
    """Cut an instant to a unit of a day or more, by the clock of a named zone."""
    unit, value, name = unit_of(call), call.args[1], call.args[2]
    zone = zones.zone_name(call, name)
    if unit not in TRUNCATED or unit in SHORT_US or unit in BY_THE_CLOCK_US:
        raise call.no_rule(f"to {unit}")
    return call.result(f"pg_trunc_in('{zone}', '{unit}', {value.sql})", atom=True)


def date_trunc_span(call: Call) -> Value:
    """Cut an interval to a unit."""
    unit = unit_of(call)
    if unit not in SPANS:
        raise call.no_rule(f"to {unit}")
    return call.result(SPANS[unit].format(call.args[1].sql), atom=True)


def _fields() -> Iterator[Rule]:
    for kind in ("date", TIMESTAMP, TIMESTAMPTZ, TIME, "interval"):
        yield built(f'"extract"(text,{kind})', extract)
        yield built(f"date_part(text,{kind})", date_part)
    for kind in ("date", TIMESTAMP, TIMESTAMPTZ):
        yield rewritten(f"isfinite({kind})", "isfinite($1)")


def _overlaps() -> Iterator[Rule]:
    for kind in (TIMESTAMP, TIMESTAMPTZ, TIME):
        yield rewritten(f'"overlaps"({kind},{kind},{kind},{kind})', "pg_overlaps($1, $2, $3, $4)")
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        for signature in (f"interval,{kind},interval", f"interval,{kind},{kind}", f"{kind},{kind},interval"):
            yield built(f'"overlaps"({kind},{signature})', overlaps_spans)


def _zones() -> Iterator[Rule]:
    yield built(f"timezone(text,{TIMESTAMPTZ})", to_local_in)
    yield built(f"timezone(text,{TIMESTAMP})", to_instant_in)
    yield built(f"timezone(interval,{TIMESTAMPTZ})", shifted)
    yield built(f"timezone(interval,{TIMESTAMP})", shifted)
    yield built(f"timezone({TIMESTAMPTZ})", to_local)
    yield built(f"timezone({TIMESTAMP})", to_instant)


def _made() -> Iterator[Rule]:
    fields = "integer,integer,integer,integer,integer,double precision"
    yield rewritten("make_date(integer,integer,integer)", "pg_make_date($1, $2, $3)")
    yield rewritten("make_time(integer,integer,double precision)", "pg_make_time($1, $2, $3)")
    yield rewritten(f"make_timestamp({fields})", "pg_make_timestamp($1, $2, $3, $4, $5, $6)")
    yield built(f"make_timestamptz({fields})", make_timestamptz)
    yield built(f"make_timestamptz({fields},text)", make_timestamptz_in)
    yield rewritten(
        "make_interval(integer,integer,integer,integer,integer,integer,double precision)",
        "pg_make_interval($1, $2, $3, $4, $5, $6, $7)",
    )
    yield rewritten("to_timestamp(double precision)", "pg_from_epoch($1)")


def _ages() -> Iterator[Rule]:
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield built(f"age({kind},{kind})", age)
        yield built(f"age({kind})", age_at_midnight)
        yield built(f"date_bin(interval,{kind},{kind})", date_bin)


DATES: Rules = table(
    _fields(),
    _overlaps(),
    _zones(),
    _made(),
    _ages(),
    built(f"date_trunc(text,{TIMESTAMP})", date_trunc),
    built(f"date_trunc(text,{TIMESTAMPTZ})", date_trunc_zoned),
    built(f"date_trunc(text,{TIMESTAMPTZ},text)", date_trunc_in),
    built("date_trunc(text,interval)", date_trunc_span),
    built(f"date_add({TIMESTAMPTZ},interval)", add_interval_rule),
    built(f"date_subtract({TIMESTAMPTZ},interval)", subtract_interval_rule),
    rewritten("isfinite(interval)", "$1 IS NOT NULL OR NULL"),
    rewritten("justify_hours(interval)", "pg_justify_hours($1)"),
    rewritten("justify_days(interval)", "pg_justify_days($1)"),
    rewritten("justify_interval(interval)", "pg_justify_interval($1)"),
)
