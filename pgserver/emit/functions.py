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


def substring(call: Call) -> Value:
    """Cut from a position, for a length. Positions before the first count, so only constants inside the text are plain."""
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
    same("date_trunc(text,timestamp without time zone)"),
    renamed("btrim(text)", to="trim"),
)
