"""Functions that make a moment or a span of others: age, date_bin, make_timestamptz, AT TIME ZONE, OVERLAPS."""

from dataclasses import replace

from pgserver.emit import kinds, sessions
from pgserver.emit.rules import Call
from pgserver.emit.times import zones
from pgserver.emit.times.dates import add_interval_rule
from pgserver.emit.values import Value


def age(call: Call) -> Value:
    """The difference in years, months, days and time; of instants, as the session's clock shows them."""
    return call.result(_age(call, *call.args), atom=True)


def age_at_midnight(call: Call) -> Value:
    """The age at the beginning of the current day."""
    (then,) = call.args
    now = zones.local_now(call.assume, call.session(sessions.NOW))
    today = Value(f"date_trunc('day', {now})", kinds.TIMESTAMP)
    if then.type == kinds.TIMESTAMPTZ:
        then = Value(zones.to_local(call, then), kinds.TIMESTAMP)
    return call.result(_age(call, today, then), atom=True)


def _age(call: Call, left: Value, right: Value) -> str:
    if left.type != kinds.TIMESTAMPTZ:
        return f"pg_age({left.sql}, {right.sql})"
    call.assume(zones.RULES)
    return f"pg_age_zoned({left.sql}, {right.sql})"


def date_bin(call: Call) -> Value:
    """Cut into strides of a constant length, counted from an origin."""
    stride, value, origin = call.args
    length = stride.constant.value if stride.constant is not None else None
    if not isinstance(length, tuple) or length[0]:
        raise call.no_rule("of a stride that is no constant number of days")
    microseconds = length[1] * 86_400_000_000 + length[2]
    if not 0 < microseconds < 2**62:
        raise call.no_rule("of a stride that is not positive")
    macro = "pg_date_bin_zoned" if call.type == kinds.TIMESTAMPTZ else "pg_date_bin"
    return call.result(f"{macro}(CAST({microseconds} AS BIGINT), {value.sql}, {origin.sql})", atom=True)


def to_local(call: Call) -> Value:
    """AT LOCAL: what the session's clock shows."""
    return call.result(zones.to_local(call, call.args[0]), atom=True)


def to_instant(call: Call) -> Value:
    """AT LOCAL of a clock's time: the instant."""
    return call.result(zones.to_instant(call, call.args[0].sql), atom=True)


def to_local_in(call: Call) -> Value:
    """AT TIME ZONE: what a zone's clock shows."""
    zone, value = zones.zone_name(call, call.args[0]), call.args[1]
    text = f"pg_local_utc({value.sql})" if zone in zones.UTC else f"pg_local_in('{zone}', {value.sql})"
    return call.result(text, atom=True)


def to_instant_in(call: Call) -> Value:
    """AT TIME ZONE of a clock's time: the instant."""
    return _instant_in(call, zones.zone_name(call, call.args[0]), call.args[1].sql)


def _instant_in(call: Call, zone: str, sql: str) -> Value:
    text = f"pg_instant_utc({sql})" if zone in zones.UTC else f"pg_instant_in('{zone}', {sql})"
    return call.result(text, atom=True)


def shifted(call: Call) -> Value:
    """AT TIME ZONE of a constant offset."""
    offset, value = call.args
    span = offset.constant.value if offset.constant is not None else None
    if not isinstance(span, tuple) or span[0] or span[1] or span[2] % 1_000_000:
        raise call.no_rule("of an offset that is no constant number of seconds")
    macro = "pg_local_at" if value.type == kinds.TIMESTAMPTZ else "pg_instant_at"
    return call.result(f"{macro}({value.sql}, {span[2]})", atom=True)


def make_timestamptz(call: Call) -> Value:
    """The instant at which the session's clock shows these fields."""
    return call.result(zones.to_instant(call, f"pg_make_timestamp({_sql(call.args)})"), atom=True)


def make_timestamptz_in(call: Call) -> Value:
    """The instant at which a zone's clock shows these fields."""
    zone = zones.zone_name(call, call.args[-1])
    return _instant_in(call, zone, f"pg_make_timestamp({_sql(call.args[:-1])})")


def overlaps_spans(call: Call) -> Value:
    """OVERLAPS of periods, of which one or both are given by their lengths."""
    ends: list[str] = []
    for start, end in (call.args[:2], call.args[2:]):
        if end.type == kinds.INTERVAL:
            end = add_interval_rule(replace(call, args=(start, end), type=start.type))
        ends += [start.sql, end.sql]
    return call.result(f"pg_overlaps({', '.join(ends)})", atom=True)


def _sql(values: tuple[Value, ...]) -> str:
    return ", ".join(value.sql for value in values)
