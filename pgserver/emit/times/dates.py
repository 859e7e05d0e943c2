"""Rules of dates and times that compute.

Constants of the calendar are folded, so that columns beside them stay bare.
"""

import re

from pgserver.emit import kinds
from pgserver.emit.rules import Call
from pgserver.emit.times import calendar, zones
from pgserver.emit.values import Constant, Value, constant

_INFINITE = (calendar.TIMESTAMP_INFINITY, calendar.TIMESTAMP_MINUS_INFINITY)
_MAX_FOLDED_DAYS = 2_000_000  # stay far from the ends of both calendars
_COLUMN = re.compile(r"\bt[0-9]+\.")
_MAX_US = 365_000 * calendar.DAY_US


def add_interval_rule(call: Call) -> Value:
    """Add an interval to a date or a timestamp."""
    return _add(call, "+", 1)


def subtract_interval_rule(call: Call) -> Value:
    """Subtract an interval from a date or a timestamp."""
    return _add(call, "-", -1)


def _add(call: Call, operator: str, sign: int) -> Value:
    left, right = call.args
    folded = _fold(left, right, sign)
    if folded is not None:
        return constant(kinds.TIMESTAMP, folded)
    if left.type == kinds.TIMESTAMPTZ:
        return call.result(_zoned_sum(call, left, right, sign), atom=True)
    return call.result(f"pg_timestamp({_sum(left, right, operator, sign)})", atom=True)


def _zoned_sum(call: Call, left: Value, right: Value, sign: int) -> str:
    """Write a sum of an instant: months by the clock of the session's zone, then days by it, then time."""
    added = right.constant.value if right.constant is not None else None
    if not isinstance(added, tuple) or abs(added[0]) > 12_000 or abs(added[1]) > 365_000 or abs(added[2]) > _MAX_US:
        call.assume(zones.RULES)
        return f"{'pg_sum' if sign > 0 else 'pg_difference'}({left.sql}, {right.sql})"
    months, days, microseconds = (sign * part for part in added)
    computed = "(" in left.sql and _COLUMN.search(left.sql)
    start = text = "z_" if computed else left.sql  # macros name it often
    if months or days:
        call.assume(zones.RULES)
    if months:
        text = f"pg_months_later({text}, {months})"
    if days:
        text = f"pg_days_later({text}, {days})"
    if microseconds:
        text = f"pg_later({text}, CAST({microseconds} AS BIGINT))"
    text = f"pg_within({start}, {text})"
    return f"list_transform([{left.sql}], lambda z_: {text})[1]" if computed else text


def _sum(left: Value, right: Value, operator: str, sign: int) -> str:
    """Write a sum, in a form of its own for each unit of a constant interval.

    DuckDB takes 1 month, 30 days and 720 hours for equal, and computes `x + '1 month'` and `x + '30 days'` once.
    """
    added = right.constant.value if right.constant is not None else None
    if not isinstance(added, tuple):
        return f"{left.operand} {operator} {right.operand}"
    months, days, microseconds = (sign * part for part in added)
    if days and not months and not microseconds:
        return f"{constant(right.type, (months, days, microseconds)).operand} + {left.operand}"
    if microseconds and not months and not days:
        return f"{left.operand} - {constant(right.type, (months, days, -microseconds)).operand}"
    return f"{left.operand} + {constant(right.type, (months, days, microseconds)).operand}"


def _fold(left: Value, right: Value, sign: int) -> int | None:
    start = timestamp_of(left)
    added = right.constant.value if isinstance(right.constant, Constant) else None
    if start is None or not isinstance(added, tuple):
        return None
    months, days, microseconds = added
    if abs(start) > _MAX_FOLDED_DAYS * calendar.DAY_US or abs(months) > 60_000 or abs(days) > _MAX_FOLDED_DAYS:
        return None
    return calendar.add_interval(start, sign * months, sign * days, sign * microseconds)


def timestamp_of(value: Value) -> int | None:
    """Return a constant date or timestamp in microseconds; None for anything else."""
    if value.constant is None or not isinstance(value.constant.value, int):
        return None
    if value.type == kinds.DATE:
        days = value.constant.value
        return days * calendar.DAY_US if abs(days) < _MAX_FOLDED_DAYS else None
    if value.type == kinds.TIMESTAMP and value.constant.value not in _INFINITE:
        return value.constant.value
    return None
