"""Functions of integers and floats. Where libm is asked, both engines ask the same one: results are bit-equal."""

from collections.abc import Iterator

from pgserver.emit.operators.table import INTEGERS, integer_modulo
from pgserver.emit.rules import Rule, Rules, built, renamed, rewritten, same, table

FLOATS = ("real", "double precision")
RADIANS_PER_DEGREE = "CAST('0.0174532925199432957692' AS DOUBLE)"

# The same function, which raises in DuckDB where Postgres raises (or needlessly: the bridge answers then).
LIBM = ("acos", "asin", "asinh", "atan", "cbrt", "cos", "cosh", "cot", "sin", "sinh", "sqrt", "tan", "tanh")


def _of_integers() -> Iterator[Rule]:
    for kind in INTEGERS:
        yield same(f"abs({kind})")
        yield built(f"mod({kind},{kind})", integer_modulo)
    for name in ("gcd", "lcm"):
        yield rewritten(f"{name}(integer,integer)", f"CAST({name}($1, $2) AS INTEGER)")
        yield same(f"{name}(bigint,bigint)")


def _of_floats() -> Iterator[Rule]:
    yield from (same(f"abs({kind})") for kind in FLOATS)
    for name in ("ceil", "ceiling", "floor", "trunc", *LIBM, "ln", "log", "log10"):
        yield same(f"{name}(double precision)")
    yield renamed("round(double precision)", to="pg_rint")
    yield rewritten("sign(double precision)", "CAST(sign($1) AS DOUBLE)")
    yield renamed("exp(double precision)", to="pg_exp")
    yield renamed("acosh(double precision)", to="pg_acosh")
    yield renamed("atanh(double precision)", to="pg_atanh")
    for name in ("pow", "power"):
        yield renamed(f"{name}(double precision,double precision)", to="pg_pow")
    yield same("atan2(double precision,double precision)")
    yield rewritten("degrees(double precision)", f"pg_fdiv($1, {RADIANS_PER_DEGREE})")
    yield rewritten("radians(double precision)", f"pg_fmul($1, {RADIANS_PER_DEGREE})")
    yield same("pi()")
    yield renamed("width_bucket(double precision,double precision,double precision,integer)", to="pg_float_bucket")


MATH: Rules = table(_of_integers(), _of_floats())
