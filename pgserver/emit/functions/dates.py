"""Functions of dates, times and intervals."""

from pgserver.emit import kinds
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.values import Numeric, Value


def extract(call: Call) -> Value:
    """EXTRACT of a whole field of a date or timestamp: a numeric without decimals."""
    form = DATE_FIELDS.get(field_of(call)) or TIME_FIELDS.get(field_of(call))
    if form is None or (call.args[1].type == kinds.DATE and field_of(call) not in DATE_FIELDS):
        raise call.no_rule(f"of {field_of(call)}")
    return call.result(f"CAST({form}({call.args[1].sql}) AS DECIMAL(10,0))", atom=True, numeric=Numeric(10, 0))


def date_trunc(call: Call) -> Value:
    """Cut a timestamp to a unit; units above the year are counted from 1 in Postgres, from 0 in DuckDB."""
    unit, value = field_of(call), call.args[1].sql
    if unit in ("decade", "century", "millennium"):
        return call.result(f"pg_trunc_{unit}({value})", atom=True)
    if unit not in TRUNCATED:
        raise call.no_rule(f"to {unit}")
    return call.result(f"date_trunc('{unit}', {value})", atom=True)


def field_of(call: Call) -> str:
    """Return the constant that names a field or a unit.

    Raises: NoRule when it is no constant.
    """
    word = call.args[0].constant.value if call.args[0].constant is not None else None
    if not isinstance(word, str):
        raise call.no_rule("of a field that is not a constant")
    return word.lower()


DATE_FIELDS = {"year": "pg_year", "month": "month", "day": "day", "quarter": "quarter"}
TIME_FIELDS = {"hour": "hour", "minute": "minute"}
TRUNCATED = (
    "microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year",
)  # fmt: skip


DATES: Rules = table(
    built('"extract"(text,date)', extract),
    built('"extract"(text,timestamp without time zone)', extract),
    built("date_trunc(text,timestamp without time zone)", date_trunc),
)
