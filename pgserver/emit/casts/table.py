"""Casts that are functions (`FUNCEXPR`), keyed by what `regprocedure` prints.

Constants are cast here, not by DuckDB.
"""

from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.casts.date_casts import DATE_CASTS
from pgserver.emit.literals import text_literal
from pgserver.emit.numeric import MAX_DIGITS, from_integer, from_text, read_decimal, to_scale
from pgserver.emit.operators.patterns import bpchar_as_text
from pgserver.emit.rules import Call, Rule, Rules, built, rewritten, table
from pgserver.emit.values import Constant, Numeric, Value, constant, numeric_of

LIMITS = {kinds.INT2: 2**15, kinds.INT4: 2**31, kinds.INT8: 2**63}
INTEGER_NAMES = {kinds.INT2: "int2", kinds.INT4: "int4"}
INTEGER_CASTS = {"smallint": ("int2", "SMALLINT"), "integer": ("int4", "INTEGER"), "bigint": ("int8", "BIGINT")}


def integer_to_integer(call: Call) -> Value:
    """Cast between integers.

    DuckDB raises where the value does not fit, but compares without the cast: `CAST(x AS SMALLINT) < 1` as `x < 1`.
    """
    (arg,) = call.args
    if call.type not in LIMITS:
        raise call.no_rule("to oid")
    if arg.constant is not None:
        value = arg.constant.value
        if value is None or (isinstance(value, int) and -LIMITS[call.type] <= value < LIMITS[call.type]):
            return constant(call.type, value)
    if LIMITS[call.type] < LIMITS[arg.type]:
        return call.result(f"pg_{INTEGER_NAMES[call.type]}({arg.sql})", atom=True)
    return call.result(f"CAST({arg.sql} AS {kinds.DUCKDB[call.type]})", atom=True)


def integer_to_numeric(call: Call) -> Value:
    """Cast an integer to numeric."""
    return from_integer(call.args[0])


def numeric_to_double(call: Call) -> Value:
    """Cast a numeric to a float: exact for at most 15 digits, else by its text, as Postgres reads it."""
    (arg,) = call.args
    held = numeric_of(arg)
    duckdb_type = kinds.DUCKDB[call.type]
    if arg.constant is not None and arg.constant.value is not None:
        return call.result(f"CAST('{arg.constant.value}' AS {duckdb_type})", atom=True)
    if held.text is not None:
        return call.result(f"CAST({held.text} AS {duckdb_type})", atom=True)
    if held.precision <= 15 and held.wide is None and call.type == kinds.FLOAT8:
        return call.result(f"CAST({arg.sql} AS {duckdb_type})", atom=True)
    return call.result(f"CAST(CAST({arg.sql} AS VARCHAR) AS {duckdb_type})", atom=True)


def numeric_to_integer(call: Call) -> Value:
    """Cast a numeric to an integer, half away from zero; a text is rounded as it is read."""
    (arg,) = call.args
    held = numeric_of(arg)
    sql = arg.sql if held.text is None else read_decimal(held.text, Numeric(MAX_DIGITS, 0))
    return call.result(f"CAST({sql} AS {kinds.DUCKDB[call.type]})", atom=True)


def float_to_numeric(call: Call) -> Value:
    """Cast a float to numeric: of 15 digits, or 6 of a real, and as many decimals as these need."""
    (arg,) = call.args
    return from_text(f"pg_{'float4' if arg.type == kinds.FLOAT4 else 'float8'}_digits({arg.sql})")


def numeric_to_numeric(call: Call) -> Value:
    """Cast to numeric(p,s): the second argument is the typmod."""
    arg, typmod = call.args
    if typmod.constant is None or not isinstance(typmod.constant.value, int):
        raise call.no_rule()
    packed = typmod.constant.value - 4
    scale = packed & 0x7FF
    return to_scale(arg, packed >> 16 & 0xFFFF, scale - 0x800 if scale & 0x400 else scale)


def to_char_n(call: Call) -> Value:
    """Pad or cut to char(n): an explicit cast cuts, an implicit one raises where what is cut is not blank."""
    arg, typmod, explicit = call.args
    if typmod.constant is None or not isinstance(typmod.constant.value, int) or explicit.constant is None:
        raise call.no_rule()
    length = typmod.constant.value - 4
    if arg.constant is not None and isinstance(arg.constant.value, str) and explicit.constant.value:
        text = arg.constant.value[:length].ljust(length)
        return Value(text_literal(text), kinds.BPCHAR, typmod.constant.value, constant=Constant(text))
    padded = f"rpad(left({arg.sql}, {length}), {length}, ' ')"
    if not explicit.constant.value:
        padded = f"CASE WHEN length(rtrim({arg.sql}, ' ')) > {length} THEN error('22001') ELSE {padded} END"
    return Value(padded, kinds.BPCHAR, typmod.constant.value)


def to_varchar_n(call: Call) -> Value:
    """Cut to varchar(n)."""
    arg, typmod, explicit = call.args
    if typmod.constant is None or not isinstance(typmod.constant.value, int) or explicit.constant is None:
        raise call.no_rule()
    length = typmod.constant.value - 4
    cut = f"left({arg.sql}, {length})"
    if not explicit.constant.value:
        cut = f"CASE WHEN length(rtrim({arg.sql}, ' ')) > {length} THEN error('22001') ELSE {cut} END"
    return Value(cut, kinds.VARCHAR, typmod.constant.value)


def _integers() -> Iterator[Rule]:
    for source in INTEGER_CASTS:
        yield built(f'"numeric"({source})', integer_to_numeric)
        yield rewritten(f"float8({source})", "CAST($1 AS DOUBLE)")
        yield rewritten(f"float4({source})", "CAST($1 AS FLOAT)")
        for target, (name, _) in INTEGER_CASTS.items():
            if source != target:
                yield built(f"{name}({source})", integer_to_integer)


def _floats() -> Iterator[Rule]:
    for source in ("real", "double precision"):
        yield rewritten(f"int8({source})", "CAST($1 AS BIGINT)")
        # A direct cast makes 2147483647.5 negative.
        yield rewritten(f"int4({source})", "CAST(CAST($1 AS BIGINT) AS INTEGER)")
        yield rewritten(f"int2({source})", "CAST(CAST($1 AS BIGINT) AS SMALLINT)")
        yield built(f'"numeric"({source})', float_to_numeric)


CASTS: Rules = table(
    _integers(),
    built('"numeric"(numeric,integer)', numeric_to_numeric),
    built("float8(numeric)", numeric_to_double),
    built("float4(numeric)", numeric_to_double),
    rewritten("float8(real)", "CAST($1 AS DOUBLE)"),
    (built(f"{name}(numeric)", numeric_to_integer) for name in ("int2", "int4", "int8")),
    _floats(),
    rewritten("float4(double precision)", "pg_float4($1)"),
    rewritten("int4(boolean)", "CAST($1 AS INTEGER)"),
    rewritten("bool(integer)", "$1 <> 0"),
    rewritten("text(boolean)", "CAST($1 AS VARCHAR)"),
    rewritten("int8(oid)", "$1"),
    built("text(character)", bpchar_as_text),
    built("bpchar(character,integer,boolean)", to_char_n),
    built('"varchar"(character varying,integer,boolean)', to_varchar_n),
    DATE_CASTS.values(),
)
