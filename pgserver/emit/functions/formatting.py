"""to_char, to_date, to_timestamp of dates and times, with constant patterns."""

from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.literals import text_literal
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.texts import constant_text
from pgserver.emit.times import zones
from pgserver.emit.times.date_patterns import Field, formatted, number, parse
from pgserver.emit.values import Value

# What a field of to_date reads, if each digit is there: as a regular expression, and as strptime reads it.
READ = {
    "YYYY": (r"\d{4}", "%Y"),
    "MM": (r"\d\d", "%m"),
    "DD": (r"\d\d", "%d"),
    "HH24": (r"(?:[01]\d|2[0-3])", "%H"),
    "MI": (r"[0-5]\d", "%M"),
    "SS": (r"[0-5]\d", "%S"),
    "US": (r"\d{6}", "%f"),
    "MON": (r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", "%b"),
}
SEPARATORS = frozenset("-/.,: ")


def to_char(call: Call) -> Value:
    """Format a time: NULL for infinity; years before Christ are the bridge's."""
    value = call.args[0]
    pattern = constant_text(call.args[1])
    if pattern is None:
        raise call.no_rule("with a pattern that is not a constant")
    if not pattern:
        return call.result("CAST(NULL AS VARCHAR)", atom=True)
    if value.type == kinds.TIMESTAMPTZ:
        moment = zones.to_local(call, value)
        text = formatted(pattern, moment, f"((epoch_us({moment}) - epoch_us({value.sql})) // 1000000)")
    else:
        moment = value.operand
        text = formatted(pattern, moment)
    guarded = f"CASE WHEN {moment} < TIMESTAMP '0002-01-01 00:00:00' THEN error('bridge') ELSE {text} END"
    return call.result(f"CASE WHEN isfinite({moment}) THEN {guarded} END", atom=True)


# Fields of an interval that has no negative part.
SPANS = {
    "HH24": ("datepart('hour', {})", 2),
    "MI": ("datepart('minute', {})", 2),
    "SS": ("(datepart('microsecond', {}) // 1000000)", 2),
    "MS": ("(datepart('microsecond', {}) % 1000000 // 1000)", 3),
    "US": ("(datepart('microsecond', {}) % 1000000)", 6),
    "DD": ("datepart('day', {})", 2),
}


def interval_to_char(call: Call) -> Value:
    """Format an interval: its days, and the parts of its time, of which the hours have no limit."""
    value, pattern = call.args[0].sql, constant_text(call.args[1])
    if not pattern or "\\" in pattern:
        raise call.no_rule("with a pattern that is not a constant")
    pieces: list[str] = []
    for item in parse(pattern):
        if isinstance(item, str):
            pieces.append(text_literal(item))
        elif item.keyword.upper() not in SPANS or item.ordinal:
            raise call.no_rule("with a pattern of other fields")
        else:
            form, width = SPANS[item.keyword.upper()]
            pieces.append(f"({number(form.format(value), width, fill=item.fill or width > 2)})")
    return call.result(f"CASE WHEN pg_forward({value}) THEN {' || '.join(pieces)} END", atom=True)


def to_date(call: Call) -> Value:
    """Read a date: a text that has just the pattern's form; what else Postgres takes is the bridge's."""
    return call.result(f"CAST({_read(call)} AS DATE)", atom=True)


def to_timestamp(call: Call) -> Value:
    """Read a time of the session's clock."""
    return call.result(zones.to_instant(call, _read(call)), atom=True)


def _read(call: Call) -> str:
    pattern = constant_text(call.args[1])
    if pattern is None:
        raise call.no_rule("with a pattern that is not a constant")
    parts = list(_parts(call, pattern))
    keywords = [item.keyword.upper() for item in parse(pattern) if isinstance(item, Field)]
    if len(set(keywords)) != len(keywords) or "YYYY" not in keywords:
        raise call.no_rule("with a pattern of other fields")
    form, code = ("".join(texts) for texts in zip(*parts, strict=True))
    return f"pg_read_time({call.args[0].sql}, {text_literal(form)}, {text_literal(code)})"


def _parts(call: Call, pattern: str) -> Iterator[tuple[str, str]]:
    for item in parse(pattern):
        if isinstance(item, Field):
            if item.keyword.upper() not in READ or not item.fill or item.ordinal:
                raise call.no_rule("with a pattern of other fields")
            yield READ[item.keyword.upper()]
        elif item in SEPARATORS:
            yield f"[{item}]", item
        else:
            raise call.no_rule("with a pattern of other separators")


FORMATTING: Rules = table(
    built("to_char(timestamp without time zone,text)", to_char),
    built("to_char(timestamp with time zone,text)", to_char),
    built("to_char(interval,text)", interval_to_char),
    built("to_date(text,text)", to_date),
    built("to_timestamp(text,text)", to_timestamp),
)
