"""DuckDB literals of Python values. Text is refused only where it holds NUL, which Postgres' text never does."""

from decimal import Decimal
from math import copysign

from pgserver.emit.errors import NoRule
from pgserver.emit.times import calendar

MAX_DIGITS = 38
MONTHS_PER_YEAR = 12


def text_literal(value: str) -> str:
    """Return a VARCHAR literal."""
    if "\0" in value:
        raise NoRule("a text with a NUL byte")
    return "'" + value.replace("'", "''") + "'"


def bytea_literal(value: bytes) -> str:
    """Return a BLOB literal."""
    return f"from_hex('{value.hex()}')"


def float_literal(value: float, duckdb_type: str) -> str:
    """Return a FLOAT or DOUBLE literal; `repr` gives the shortest text that reads back the same.

    Raises: NoRule for negative zero, which DuckDB takes for zero: of equal constants it computes one.
    """
    if value == 0 and copysign(1, value) < 0:
        raise NoRule("a constant of negative zero")
    return f"CAST('{value!r}' AS {duckdb_type})"


def decimal_digits(value: Decimal) -> tuple[int, int]:
    """Return the narrowest (precision, scale) that holds a number."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(-exponent, 0)
    return max(len(digits) + max(exponent, 0), scale, 1), scale


def decimal_literal(value: Decimal) -> str:
    """Return a DECIMAL literal of the narrowest type: a wider one makes DuckDB multiply in 128 bits."""
    precision, scale = decimal_digits(value)
    if precision > MAX_DIGITS:
        raise NoRule("a numeric constant of more than 38 digits")
    return f"CAST('{value:f}' AS DECIMAL({precision},{scale}))"


def date_literal(days: int) -> str:
    """Return a DATE literal of days since 2000-01-01."""
    if days in (calendar.DATE_INFINITY, calendar.DATE_MINUS_INFINITY):
        return "CAST('infinity' AS DATE)" if days > 0 else "CAST('-infinity' AS DATE)"
    return f"CAST('{_date_text(days)}' AS DATE)"


def time_literal(microseconds: int) -> str:
    """Return a TIME literal of microseconds since midnight."""
    return f"CAST('{_time_text(microseconds)}' AS TIME)"


def timestamp_literal(microseconds: int) -> str:
    """Return a TIMESTAMP literal of microseconds since 2000-01-01."""
    return f"CAST('{_timestamp_text(microseconds, '')}' AS TIMESTAMP)"


def timestamptz_literal(microseconds: int) -> str:
    """Return a TIMESTAMPTZ literal of microseconds since 2000-01-01 UTC; it does not depend on the session's zone."""
    return f"CAST('{_timestamp_text(microseconds, '+00')}' AS TIMESTAMPTZ)"


def interval_literal(months: int, days: int, microseconds: int) -> str:
    """Return an INTERVAL literal."""
    if abs(microseconds) > 2**63 - 1 or months in (2**31 - 1, -(2**31)):
        raise NoRule("an infinite interval")
    return f"INTERVAL '{months} months {days} days {microseconds} microseconds'"


def _date_text(days: int) -> str:
    year, month, day = calendar.civil(days)
    if year > 0:
        return f"{year:04d}-{month:02d}-{day:02d}"
    return f"{1 - year:04d}-{month:02d}-{day:02d} (BC)"


def _time_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:06d}" if fraction else text


def _timestamp_text(microseconds: int, zone: str) -> str:
    if microseconds == calendar.TIMESTAMP_INFINITY:
        return "infinity"
    if microseconds == calendar.TIMESTAMP_MINUS_INFINITY:
        return "-infinity"
    days, of_day = divmod(microseconds, calendar.DAY_US)
    date = _date_text(days)
    if date.endswith(" (BC)"):
        return f"{date.removesuffix(' (BC)')} (BC) {_time_text(of_day)}{zone}"
    return f"{date} {_time_text(of_day)}{zone}"
