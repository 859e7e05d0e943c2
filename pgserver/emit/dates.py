"""Rules of dates and times that compute.

Constants of the calendar are folded, so that columns beside them stay bare.
"""

from pgserver.emit import calendar, kinds
from pgserver.emit.rules import Call
from pgserver.emit.values import Constant, Value, constant

_INFINITE = (calendar.TIMESTAMP_INFINITY, calendar.TIMESTAMP_MINUS_INFINITY)
_MAX_FOLDED_DAYS = 2_000_000  # stay far from the ends of both calendars


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
    check = "pg_timestamptz" if left.type == kinds.TIMESTAMPTZ else "pg_timestamp"
    return call.result(f"{check}({_sum(left, right, operator, sign)})", atom=True)


def _sum(left: Value, right: Value, operator: str, sign: int) -> str:
    """Write a sum, in a form of its own for each unit of a constant interval.

    DuckDB takes 1 month, 30 days and 720 hours for equal, and computes `x + '1 month'` and `x + '30 days'` once.
    """
    added = right.constant.value if right.constant is not None else None
    zoned = left.type == kinds.TIMESTAMPTZ
    if not isinstance(added, tuple):
        return f"{left.operand} {operator} " + (f"pg_one_signed({right.sql})" if zoned else right.operand)
    months, days, microseconds = (sign * part for part in added)
    parts = [part for part in ((months, 0, 0), (0, days, 0), (0, 0, microseconds)) if any(part)]
    if zoned and len(parts) > 1:  # with a negative part among them DuckDB takes another order
        for part in parts:
            left = Value(_sum(left, constant(right.type, part), "+", 1), left.type, atom=False)
        return left.sql
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
