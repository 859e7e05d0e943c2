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
    return call.result(f"pg_timestamp({left.operand} {operator} {right.operand})", atom=True)


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
