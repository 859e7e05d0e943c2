"""Functions, keyed by what `regprocedure` prints. Casts are in `casts.py`."""

from pgserver.emit import kinds
from pgserver.emit.rules import Call, Rules, built, renamed, rewritten, same, table
from pgserver.emit.values import Value


def extract(call: Call) -> Value:
    """EXTRACT of a whole field of a date or timestamp: a numeric without decimals."""
    field, value = call.args
    word = field.constant.value if field.constant is not None else None
    if not isinstance(word, str) or word.lower() not in WHOLE_FIELDS:
        raise call.no_rule(f"of {word}" if isinstance(word, str) else "of a field that is not a constant")
    from pgserver.emit.values import Numeric

    name = WHOLE_FIELDS[word.lower()]
    return call.result(f"CAST({name}({value.sql}) AS DECIMAL(10,0))", atom=True, numeric=Numeric(10, 0))


WHOLE_FIELDS = {"year": "year", "month": "month", "day": "day", "hour": "hour", "minute": "minute", "quarter": "quarter"}


FUNCTIONS: Rules = table(
    rewritten("length(text)", "CAST(length($1) AS INTEGER)"),
    same("lower(text)"),
    rewritten('"substring"(text,integer,integer)', "pg_substr3($1, $2, $3)"),
    rewritten('"substring"(text,integer)', "pg_substr2($1, $2)"),
    rewritten("substr(text,integer,integer)", "pg_substr3($1, $2, $3)"),
    rewritten("substr(text,integer)", "pg_substr2($1, $2)"),
    built('"extract"(text,date)', extract),
    built('"extract"(text,timestamp without time zone)', extract),
    same("date_trunc(text,timestamp without time zone)"),
    renamed("btrim(text)", to="trim"),
)
