"""Casts between dates, times, timestamps and intervals, keyed by what `regprocedure` prints."""

from pgserver.emit import kinds
from pgserver.emit.rules import Call, Rules, built, rewritten, table
from pgserver.emit.times import zones
from pgserver.emit.values import Value

TIMESTAMP, TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
MICROSECONDS = 6
MIDNIGHT = "pg_midnight"


def date_to_instant(call: Call) -> Value:
    """Midnight by the session's clock."""
    call.assume(zones.RULES)
    return call.result(f"{MIDNIGHT}({call.args[0].sql})", atom=True)


def local_to_instant(call: Call) -> Value:
    """The instant at which the session's clock shows a time."""
    return call.result(zones.to_instant(call, call.args[0].sql), atom=True)


def instant_to_local(call: Call) -> Value:
    """What the session's clock shows."""
    return call.result(zones.to_local(call, call.args[0]), atom=True)


def instant_to_date(call: Call) -> Value:
    """The day that the session's clock shows."""
    return call.result(f"CAST({zones.to_local(call, call.args[0])} AS DATE)", atom=True)


def instant_to_time(call: Call) -> Value:
    """The time of day that the session's clock shows."""
    call.assume(zones.RULES)
    return call.result(f"pg_local_time({call.args[0].sql})", atom=True)


def to_precision(call: Call) -> Value:
    """Cast to timestamp(p): the second argument is the typmod."""
    value, typmod = call.args
    digits = typmod.constant.value if typmod.constant is not None else None
    if not isinstance(digits, int) or not 0 <= digits <= MICROSECONDS:
        raise call.no_rule()
    if digits == MICROSECONDS:
        return call.result(value.sql, atom=value.atom, typmod=digits)
    macro = "pg_timestamp_to" if call.type == kinds.TIMESTAMP else "pg_timestamptz_to"
    return call.result(f"{macro}({value.sql}, {10 ** (MICROSECONDS - digits)})", atom=True, typmod=digits)


DATE_CASTS: Rules = table(
    rewritten(f"date({TIMESTAMP})", "CAST($1 AS DATE)"),
    built(f"date({TIMESTAMPTZ})", instant_to_date),
    rewritten('"timestamp"(date)', "CAST($1 AS TIMESTAMP)"),
    built(f'"timestamp"({TIMESTAMPTZ})', instant_to_local),
    built(f'"timestamp"({TIMESTAMP},integer)', to_precision),
    built("timestamptz(date)", date_to_instant),
    built(f"timestamptz({TIMESTAMP})", local_to_instant),
    built(f"timestamptz({TIMESTAMPTZ},integer)", to_precision),
    rewritten(f'"time"({TIMESTAMP})', "pg_time_of_day($1)"),
    built(f'"time"({TIMESTAMPTZ})', instant_to_time),
    rewritten('"interval"(time without time zone)', "to_microseconds(epoch_us($1))"),
    rewritten('"time"(interval)', "TIME '00:00:00' + to_microseconds(pg_us($1))"),
)
