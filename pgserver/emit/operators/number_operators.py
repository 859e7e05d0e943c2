"""Shifts of integers, powers and roots."""

from collections.abc import Iterator

from pgserver.emit import kinds
from pgserver.emit.functions.roots import square
from pgserver.emit.rules import Call, Rule, Rules, built, renamed, rewritten, table
from pgserver.emit.values import Value

BITS = {kinds.INT2: 16, kinds.INT4: 32, kinds.INT8: 64}


def shift_left(call: Call) -> Value:
    """Shift left by multiplying, which raises where bits get lost."""
    left, right = call.args
    power = f"CAST(1 AS HUGEINT) << {right.operand}"
    shifted = f"CAST(CAST({left.sql} AS HUGEINT) * ({power}) AS {kinds.DUCKDB[call.type]})"
    return call.result(_in_width(left, right, shifted), atom=True)


def shift_right(call: Call) -> Value:
    """Shift right, keeping the sign."""
    left, right = call.args
    shifted = f"CAST({left.operand} >> {right.operand} AS {kinds.DUCKDB[call.type]})"
    return call.result(_in_width(left, right, shifted), atom=True)


def _in_width(value: Value, count: Value, sql: str) -> str:
    """A shift by as many bits as the integer has, or by fewer than none, is what the processor makes of it."""
    bits = BITS[value.type]
    if count.constant is not None and isinstance(count.constant.value, int) and 0 <= count.constant.value < bits:
        return sql
    return f"CASE WHEN {count.operand} NOT BETWEEN 0 AND {bits - 1} THEN error('bridge') ELSE {sql} END"


def _rules() -> Iterator[Rule]:
    for kind in ("smallint", "integer", "bigint"):
        yield built(f"<<({kind},integer)", shift_left)
        yield built(f">>({kind},integer)", shift_right)
    yield renamed("^(double precision,double precision)", to="pg_pow")
    yield built("^(numeric,numeric)", square)
    yield rewritten("|/(NONE,double precision)", "sqrt($1)")
    yield rewritten("||/(NONE,double precision)", "cbrt($1)")


NUMBER_OPERATORS: Rules = table(_rules())
