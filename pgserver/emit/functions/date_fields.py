"""EXTRACT and date_part: a field of a date, timestamp, time or interval.

EXTRACT gives a numeric with a scale for each field, date_part a float. Fields that grow with time are infinite for
infinity (the bridge's); fields that come round again are NULL in both.
Source: src/backend/utils/adt/timestamp.c, `timestamp_part_common`, `interval_part_common`.
"""

from collections.abc import Mapping
from typing import Final

from pgserver.emit import kinds
from pgserver.emit.functions.units import unit_of
from pgserver.emit.operators.date_operators import ELAPSED
from pgserver.emit.rules import Call
from pgserver.emit.times import zones
from pgserver.emit.values import Numeric, Value

WHOLE: Final = Numeric(10, 0)
CALENDAR: Final = {
    "month": "month({})",
    "day": "day({})",
    "quarter": "quarter({})",
    "dow": "dayofweek({})",
    "isodow": "isodow({})",
    "doy": "dayofyear({})",
    "week": "weekofyear({})",
}
GROWING: Final = {  # for all of time, and for the years from 1 on
    "year": ("pg_year({})", "year({})"),
    "decade": ("pg_decade({})", "year({}) // 10"),
    "century": ("pg_century({})", "(year({}) + 99) // 100"),
    "millennium": ("pg_millennium({})", "(year({}) + 999) // 1000"),
    "isoyear": ("pg_isoyear({})", "isoyear({})"),
}
CLOCK: Final = {"hour": "hour({})", "minute": "minute({})", "microseconds": "datepart('microsecond', {})"}
ZONE: Final = {
    "timezone": "pg_offset({})",
    "timezone_hour": "pg_offset({}) // 3600",
    "timezone_minute": "pg_offset({}) // 60 % 60",
}
SPAN: Final = {
    "year": "datepart('year', {})",
    "month": "datepart('month', {})",
    "day": "datepart('day', {})",
    "hour": "datepart('hour', {})",
    "minute": "datepart('minute', {})",
    "microseconds": "datepart('microsecond', {})",
    "decade": "datepart('year', {}) // 10",
    "century": "datepart('year', {}) // 100",
    "millennium": "datepart('year', {}) // 1000",
    "quarter": "pg_quarter({})",
    "week": "datepart('day', {}) // 7",
}
FRACTIONS: Final = {"second": (6, "0.000001"), "milliseconds": (3, "0.001")}  # scale, and unit of a microsecond


def extract(call: Call) -> Value:
    """EXTRACT: a numeric."""
    unit, value = unit_of(call), call.args[1]
    if unit == "epoch":
        return _epoch(call, value)
    if unit == "julian" and value.type == kinds.DATE:
        return _numeric(call, f"pg_julian({value.sql})", WHOLE)
    if unit in FRACTIONS and value.type != kinds.DATE:
        scale, micro = FRACTIONS[unit]
        sixty = f"CAST(datepart('microsecond', {_clock_of(call, value)}) AS DECIMAL(8,0))"
        return call.result(f"{sixty} * CAST('{micro}' AS DECIMAL(6,{scale}))", numeric=Numeric(14, scale))
    return _numeric(call, _whole(call, unit, value), WHOLE)


def date_part(call: Call) -> Value:
    """date_part: a float; of a date, that of its first moment."""
    unit, value = unit_of(call), call.args[1]
    if value.type == kinds.DATE:
        value = Value(f"CAST({value.sql} AS TIMESTAMP)", kinds.TIMESTAMP)
    if unit == "epoch":
        elapsed = _elapsed(value)
        text = f"pg_elapsed_float_epoch({elapsed})" if elapsed else EPOCHS_AS_FLOAT[value.type].format(value.sql)
        return call.result(text, atom=True)
    if unit in FRACTIONS:
        micros = f"datepart('microsecond', {_clock_of(call, value)})"
        return call.result(f"pg_float_{unit}({micros})", atom=True)
    return call.result(f"CAST({_whole(call, unit, value)} AS DOUBLE)", atom=True)


def _numeric(call: Call, sql: str, held: Numeric) -> Value:
    return call.result(f"CAST({sql} AS DECIMAL({held.precision},{held.scale}))", atom=True, numeric=held)


def _clock_of(call: Call, value: Value) -> str:
    """Write what shows the seconds; offsets of the far past have some."""
    return zones.to_local(call, value) if value.type == kinds.TIMESTAMPTZ else value.sql


def _whole(call: Call, unit: str, value: Value) -> str:
    """Write a field that is a whole number."""
    elapsed = _elapsed(value)
    if elapsed and unit == "day":
        return f"{elapsed} // 86400000000"
    if value.type == kinds.TIMESTAMPTZ:
        return _of_instant(call, unit, value)
    tables: dict[int, tuple[Mapping[str, str], ...]] = {
        kinds.INTERVAL: (SPAN,),
        kinds.TIME: (CLOCK,),
        kinds.DATE: (CALENDAR, {name: forms[0] for name, forms in GROWING.items()}),
        kinds.TIMESTAMP: (CALENDAR, CLOCK, {name: forms[0] for name, forms in GROWING.items()}),
    }
    for table in tables[value.type]:
        if unit in table:
            return table[unit].format(value.sql)
    raise call.no_rule(f"of {unit}")


def _of_instant(call: Call, unit: str, value: Value) -> str:
    """Write a field of what the session's clock shows, which is converted once."""
    local = zones.to_local(call, value)
    if unit in CALENDAR or unit in CLOCK:
        return (CALENDAR | CLOCK)[unit].format(local)
    if unit in ZONE:
        return ZONE[unit].format(value.sql)
    if unit not in GROWING:
        raise call.no_rule(f"of {unit}")
    always, modern = GROWING[unit]
    finite = f"pg_local_of_finite({value.sql})"
    return f"CASE WHEN pg_remote({value.sql}) THEN {always.format(local)} ELSE {modern.format(finite)} END"


def _epoch(call: Call, value: Value) -> Value:
    """Seconds since 1970, or of a time or an interval; a date's are whole."""
    if value.type == kinds.DATE:
        return _numeric(call, f"pg_date_epoch({value.sql})", Numeric(18, 0))
    elapsed = _elapsed(value)
    if value.type == kinds.INTERVAL and elapsed is None:
        return call.result(f"pg_interval_epoch({value.sql})", atom=True, numeric=Numeric(30, 6))
    micros = elapsed or (f"epoch_us({value.sql})" if value.type == kinds.TIME else f"pg_epoch_us({value.sql})")
    wide = f"CAST({micros} AS DECIMAL(19,0))"  # a product of two narrow decimals would be a narrow one
    return call.result(f"{wide} * CAST('0.000001' AS DECIMAL(6,6))", numeric=Numeric(25, 6))


def _elapsed(value: Value) -> str | None:
    """Write the microseconds between two timestamps, of which a value is the difference; None for another one."""
    if not value.sql.startswith(f"{ELAPSED}("):
        return None
    return f"{ELAPSED}_us{value.sql.removeprefix(ELAPSED)}"


EPOCHS_AS_FLOAT: Final = {
    kinds.TIMESTAMP: "pg_float_epoch(pg_epoch_us({}))",
    kinds.TIMESTAMPTZ: "pg_float_epoch(pg_epoch_us({}))",
    kinds.TIME: "pg_float_epoch(epoch_us({}))",
    kinds.INTERVAL: "pg_interval_float_epoch({})",
}
