"""Functions, keyed by what `regprocedure` prints. Casts are in `casts.py`."""

from pgserver.emit import kinds
from pgserver.emit.rules import Call, Rules, built, renamed, rewritten, same, table
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


def substring(call: Call) -> Value:
    """Cut from a position, for a length.

    Positions before the first count, so only constants inside the text are plain.
    """
    text, start = call.args[:2]
    length = call.args[2] if len(call.args) > 2 else None
    bounds = [arg.constant.value if arg.constant is not None else None for arg in call.args[1:]]
    if all(isinstance(bound, int) and bound >= least for bound, least in zip(bounds, (1, 0), strict=False)):
        return call.result(f"substr({text.sql}, {', '.join(map(str, bounds))})", atom=True)
    if length is None:
        return call.result(f"pg_substr2({text.sql}, {start.sql})", atom=True)
    return call.result(f"pg_substr3({text.sql}, {start.sql}, {length.sql})", atom=True)


FUNCTIONS: Rules = table(
    rewritten("length(text)", "CAST(length($1) AS INTEGER)"),
    same("lower(text)"),
    built('"substring"(text,integer,integer)', substring),
    built('"substring"(text,integer)', substring),
    built("substr(text,integer,integer)", substring),
    built("substr(text,integer)", substring),
    built('"extract"(text,date)', extract),
    built('"extract"(text,timestamp without time zone)', extract),
    built("date_trunc(text,timestamp without time zone)", date_trunc),
    renamed("btrim(text)", to="trim"),
)
