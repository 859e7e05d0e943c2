"""Comparison operators.

Columns stay bare, so that DuckDB can prune row groups: it is the constant that is made to fit.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.literals import date_literal, text_literal
from pgserver.emit.rules import Call, Rule, built, same
from pgserver.emit.times import calendar, zones
from pgserver.emit.values import Constant, Value

SYMBOLS = ("=", "<>", "<", "<=", ">", ">=")
PLAIN_KINDS = (
    "boolean", "bytea", "date", "interval", "numeric", "oid", "text", "uuid",
    "time without time zone", "timestamp without time zone", "timestamp with time zone",
)  # fmt: skip
PLAIN_PAIRS = (
    *((kind, kind) for kind in PLAIN_KINDS),
    *((left, right) for left in ("smallint", "integer", "bigint") for right in ("smallint", "integer", "bigint")),
    *((left, right) for left in ("real", "double precision") for right in ("real", "double precision")),
    ("name", "name"),
    ("name", "text"),
    ("text", "name"),
)
ZONED_PAIRS = (
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("timestamp with time zone", "date"),
)


COLUMN = re.compile(r"\bt[0-9]+\.")
BARE_COLUMN = re.compile(r"\w+\.\w+")


def symbol_of(signature: str) -> str:
    """Return an operator's symbol."""
    return signature.partition("(")[0]


def compare(call: Call) -> Value:
    """Compare with the operator's own symbol, after the operands were made comparable."""
    left, right = comparable(*call.args)
    return call.result(f"{left.operand} {symbol_of(call.signature)} {right.operand}")


def comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Return the operands of a comparison in a form that DuckDB compares as Postgres does."""
    if kinds.BPCHAR in (left.type, right.type):
        return _padded(left, right)
    if (left.type, right.type) == (kinds.DATE, kinds.TIMESTAMP):
        return left, _as_date(right)
    if (left.type, right.type) == (kinds.TIMESTAMP, kinds.DATE):
        return _as_date(left), right
    return left, right


def _padded(left: Value, right: Value) -> tuple[Value, Value]:
    """char(n) compares without its trailing blanks.

    Equal lengths compare bare; a constant is padded to the column's.
    """
    if left.typmod > 0 and left.typmod == right.typmod:
        return left, right
    if left.typmod > 0 and right.constant is not None:
        return left, _pad(right, left.typmod - 4)
    if right.typmod > 0 and left.constant is not None:
        return _pad(left, right.typmod - 4), right
    return trimmed(left), trimmed(right)


def _pad(value: Value, length: int) -> Value:
    assert value.constant is not None
    if not isinstance(value.constant.value, str):
        return value
    text = value.constant.value.rstrip(" ").ljust(length)
    return replace(value, sql=text_literal(text), atom=True)


def trimmed(value: Value) -> Value:
    """Return a char(n) without its trailing blanks, as Postgres orders and hashes it; any other value is itself."""
    if value.type != kinds.BPCHAR:
        return value
    if value.constant is not None and isinstance(value.constant.value, str):
        text = value.constant.value.rstrip(" ")
        return replace(value, sql=text_literal(text), atom=True, constant=Constant(text))
    sql = f"rtrim({value.sql}, ' ')"
    if BARE_COLUMN.fullmatch(value.sql):  # the call takes 150 ns, and is not needed where values fill their width
        sql = f"CASE WHEN suffix({value.sql}, ' ') THEN {sql} ELSE {value.sql} END"
    return replace(value, sql=sql, atom=True)


def _as_date(value: Value) -> Value:
    """Write a timestamp constant at midnight as a date: a date column beside it then needs no cast."""
    if value.constant is None or not isinstance(value.constant.value, int):
        return value
    days, of_day = divmod(value.constant.value, calendar.DAY_US)
    if of_day or value.constant.value in (calendar.TIMESTAMP_INFINITY, calendar.TIMESTAMP_MINUS_INFINITY):
        return value
    return Value(date_literal(days), kinds.DATE, constant=Constant(days))


def compare_zoned(call: Call) -> Value:
    """Compare a time without a zone to one with; in the last years DuckDB converts with an error of 1 ms."""
    call.assume(zones.RULES)
    left, right = call.args
    test = f"{left.operand} {symbol_of(call.signature)} {right.operand}"
    if not (COLUMN.search(left.sql) and COLUMN.search(right.sql)):
        return call.result(test)
    local = left if left.type != kinds.TIMESTAMPTZ else right
    late = f"{local.operand} > TIMESTAMP '294240-01-01 00:00:00' AND isfinite({local.sql})"
    return call.result(f"CASE WHEN {late} THEN error('bridge') ELSE {test} END", atom=True)


def compare_ordered_text(call: Call) -> Value:
    """Order char(n): control characters sort before the padding, so both sides lose it."""
    left, right = (trimmed(arg) for arg in call.args)
    return call.result(f"{left.operand} {symbol_of(call.signature)} {right.operand}")


def compare_enums(call: Call) -> Value:
    """Equality of labels; order by position."""
    symbol = symbol_of(call.signature)
    if symbol in ("=", "<>"):
        return compare(call)
    left, right = (enum_position(arg, call.names.labels(arg.type)) for arg in call.args)
    return call.result(f"{left} {symbol} {right}")


def enum_position(value: Value, labels: tuple[str, ...]) -> str:
    """Return the SQL of a label's place in its enum."""
    return f"list_position([{', '.join(text_literal(label) for label in labels)}], {value.sql})"


def _rules() -> Iterator[Rule]:
    for symbol in SYMBOLS:
        yield from (same(f"{symbol}({left},{right})") for left, right in PLAIN_PAIRS)
        yield same(f'{symbol}("char","char")')
        yield from (built(f"{symbol}({left},{right})", compare_zoned) for left, right in ZONED_PAIRS)
        yield built(f"{symbol}(date,timestamp without time zone)", compare)
        yield built(f"{symbol}(timestamp without time zone,date)", compare)
        yield built(f"{symbol}(anyenum,anyenum)", compare_enums)
        ordered = symbol not in ("=", "<>")
        yield built(f"{symbol}(character,character)", compare_ordered_text if ordered else compare)


COMPARISONS = tuple(_rules())
