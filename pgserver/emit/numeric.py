"""Arithmetic on numerics: what DuckDB's DECIMAL does as Postgres' numeric, and the display scale of each value.

Plain DECIMAL + - * keep Postgres' scale, so a value whose scale is one for all rows costs nothing extra. Where scales
differ by row the display scale is computed beside the value, and only where somebody asks for it (the final text, a
quotient). DuckDB raises where a result leaves its type: an error is never an answer, the bridge is.
Source: src/backend/utils/adt/numeric.c (`add_var`, `mul_var`, `select_div_scale`).
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.values import Numeric, Value, constant, numeric_of

MAX_DIGITS = 38
QUOTIENT_SCALE = 20  # decimals of a quotient as a value; one that shows more takes the bridge


def decimal_type(held: Numeric) -> str:
    """Return the DuckDB type of a numeric."""
    return f"DECIMAL({held.precision},{held.scale})"


def display_of(value: Value) -> str:
    """Return the SQL of the number of decimals that Postgres shows of each value."""
    held = numeric_of(value)
    return str(held.scale) if held.display is None else held.display


def shared_scale(value: Value) -> bool:
    """Tell whether all values show the same number of decimals."""
    return numeric_of(value).display is None


def text_of(value: Value) -> str:
    """Return the SQL of Postgres' text of a numeric."""
    held = numeric_of(value)
    if held.text is not None:
        return held.text
    if held.wide is not None:
        return f"CAST({value.sql} AS VARCHAR)"
    printed = f"CAST({value.sql} AS VARCHAR)"
    if held.precision <= held.scale:  # DuckDB prints .5
        printed = f"CAST(CAST({value.sql} AS {decimal_type(replace(held, precision=held.scale + 1))}) AS VARCHAR)"
        if held.scale >= MAX_DIGITS:
            raise NoRule("a text of a numeric of 38 decimals")
    return printed if held.display is None else f"pg_shown({printed}, {held.scale}, {held.display})"


def from_text(sql: str, typmod: int = -1) -> Value:
    """Return a numeric of which DuckDB has only Postgres' text."""
    held = Numeric(MAX_DIGITS, QUOTIENT_SCALE, display=f"pg_text_scale({sql})", text=sql)
    return Value(f"pg_text_number({sql})", kinds.NUMERIC, typmod, numeric=held)


def scaled(value: Value) -> Value:
    """Return a value whose DECIMAL type is known: a bare parameter's is not, it is taken at a wide scale."""
    held = numeric_of(value)
    if held.wide is None:
        return value
    return replace(value, sql=held.wide, atom=True, numeric=replace(held, wide=None))


def from_integer(value: Value) -> Value:
    """Cast an integer to numeric; a constant becomes the narrowest DECIMAL."""
    if value.constant is not None:
        number = value.constant.value
        return constant(kinds.NUMERIC, None if number is None else Decimal(str(number)))
    precision = {kinds.INT2: 5, kinds.INT4: 10}.get(value.type, 19)
    held = Numeric(precision, 0)
    return Value(f"CAST({value.sql} AS {decimal_type(held)})", kinds.NUMERIC, numeric=held)


def add(left: Value, right: Value, operator: str) -> Value:
    """Add or subtract: as many decimals as the operand that shows more."""
    left, right = scaled(left), scaled(right)
    a, b = numeric_of(left), numeric_of(right)
    scale = max(a.scale, b.scale)
    precision = min(max(a.precision - a.scale, b.precision - b.scale) + scale + 1, MAX_DIGITS)
    display = _display(left, right, "greatest({}, {})", scale)
    held = Numeric(precision, scale, display)
    return Value(f"{left.operand} {operator} {right.operand}", kinds.NUMERIC, atom=False, numeric=held)


def multiply(left: Value, right: Value) -> Value:
    """Multiply: as many decimals as both operands together."""
    left, right = scaled(left), scaled(right)
    a, b = numeric_of(left), numeric_of(right)
    scale = a.scale + b.scale
    if scale > MAX_DIGITS:
        raise NoRule("a numeric product of more than 38 decimals")
    display = _display(left, right, "({} + {})", scale)
    held = Numeric(_product_precision(a, b), scale, display)
    return Value(f"{left.operand} * {right.operand}", kinds.NUMERIC, atom=False, numeric=held)


def _product_precision(a: Numeric, b: Numeric) -> int:
    """DuckDB keeps a product of 64-bit decimals in 64 bits (and raises where it does not fit)."""
    precision = a.precision + b.precision
    if precision > 18 and max(a.precision, b.precision) <= 18 and a.scale + b.scale < 18:
        return 18
    return min(precision, MAX_DIGITS)


def _display(left: Value, right: Value, form: str, scale: int) -> str | None:
    if shared_scale(left) and shared_scale(right):
        return None
    shown = form.format(display_of(left), display_of(right))
    return str(scale) if shown == str(scale) else shown


def unscaled(value: Value) -> tuple[str, int]:
    """Return the SQL of a numeric's digits as a HUGEINT, and how many of them are decimals."""
    value = scaled(value)
    held = numeric_of(value)
    if held.scale == 0:
        return f"CAST({value.sql} AS HUGEINT)", 0
    if held.precision + held.scale > MAX_DIGITS:  # a product with the power of ten does not always fit a DECIMAL
        return f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)", held.scale
    wide = 19 if held.precision <= 18 < held.precision + held.scale else held.scale + 1  # two of 18 give one of 18
    return f"CAST({value.operand} * CAST(1{'0' * held.scale} AS DECIMAL({wide},0)) AS HUGEINT)", held.scale


def divide(left: Value, right: Value) -> Value:
    """Divide: Postgres shows 16 significant digits or more, by the operands' values; the text is computed."""
    (a, scale_a), (b, scale_b) = unscaled(left), unscaled(right)
    return quotient(a, scale_a, display_of(left), b, scale_b, display_of(right))


def quotient(
    a: str, scale_a: int, display_a: str, b: str, scale_b: int, display_b: str, *, macro: str = "pg_quotient"
) -> Value:
    """Return the quotient of two unscaled numbers, each with its scale and the decimals that it shows.

    Args: ...; the macro that makes its text; that with `_number` behind its name makes a number of it.
    """
    operands = division_operands(a, scale_a, display_a, b, scale_b, display_b)
    held = Numeric(MAX_DIGITS, QUOTIENT_SCALE, display=f"pg_quotient_scale{operands}", text=f"{macro}{operands}")
    return Value(f"{macro}_number{operands}", kinds.NUMERIC, numeric=held)


def division_operands(a: str, scale_a: int, display_a: str, b: str, scale_b: int, display_b: str) -> str:
    """Return the arguments of the macros that divide."""
    shown = display_a if display_a == display_b else f"greatest({display_a}, {display_b})"
    if display_a.isdigit() and display_b.isdigit():
        shown = str(max(int(display_a), int(display_b)))
    multiplier_a, weight_a = base_10000(scale_a)
    multiplier_b, weight_b = base_10000(scale_b)
    return f"({a}, {multiplier_a}, {b}, {multiplier_b}, {weight_a}, {weight_b}, {scale_b - scale_a}, {shown})"


def base_10000(scale: int) -> tuple[int, int]:
    """Return what brings a scale to a multiple of 4, and 10000 times the base-10000 decimals that it then has."""
    return 10 ** (-scale % 4), (scale + 3) // 4 * 10_000


def to_scale(value: Value, precision: int, scale: int) -> Value:
    """Cast to numeric(precision, scale): half away from zero, as both do; DuckDB raises where it does not fit."""
    if not 0 <= scale <= precision <= MAX_DIGITS:
        raise NoRule(f"a cast to numeric({precision},{scale})")
    held = numeric_of(value)
    target = Numeric(precision, scale)
    typmod = (precision << 16 | scale) + 4
    if held.display is None and held.wide is None and (held.precision, held.scale) == (precision, scale):
        return replace(value, typmod=typmod)
    if held.text is not None:
        return Value(read_decimal(held.text, target), kinds.NUMERIC, typmod, numeric=target)
    return Value(f"CAST({value.sql} AS {decimal_type(target)})", kinds.NUMERIC, typmod, numeric=target)


def read_decimal(text: str, target: Numeric) -> str:
    """Return the SQL of a text as a DECIMAL: its first digit too many rounds it, as in Postgres.

    DuckDB takes 15 us to read a wide DECIMAL, so a narrow one is tried first.
    """
    wide = decimal_type(target)
    if target.precision <= 18 or target.scale > 17:
        return f"CAST({text} AS {wide})"
    narrow = f"CAST(TRY_CAST(text_ AS DECIMAL(18,{target.scale})) AS {wide})"
    return f"list_transform([{text}], lambda text_: coalesce({narrow}, CAST(text_ AS {wide})))[1]"


def unify(values: Sequence[Value]) -> Numeric:
    """Return the DECIMAL type that holds all branches of a CASE (or COALESCE, UNION, ...)."""
    helds = [numeric_of(scaled(value)) for value in values if not value.is_null]
    if not helds:
        return Numeric(1, 0)
    scale = max(held.scale for held in helds)
    integral = max(held.precision - held.scale for held in helds)
    return Numeric(max(min(integral + scale, MAX_DIGITS), 1), scale)


def alike(values: Sequence[Value]) -> bool:
    """Tell whether all branches (but constant NULLs) show one and the same scale."""
    present = [value for value in values if not value.is_null]
    return all(shared_scale(value) for value in present) and len({numeric_of(value).scale for value in present}) <= 1
