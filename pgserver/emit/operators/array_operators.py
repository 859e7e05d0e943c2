"""Operators of arrays: comparison, containment, overlap, concatenation."""

from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.numeric import alike, decimal_type, unify
from pgserver.emit.rules import Call, Rule, Rules, built, table
from pgserver.emit.values import Value

# Elements that DuckDB compares inside of lists as Postgres does. Equality also holds for enums, and char(n) of one n.
ORDERED = frozenset(kinds.DUCKDB) - {kinds.BPCHAR, kinds.INTERVAL, *kinds.JSONS, kinds.UNKNOWN} | {kinds.NUMERIC}


def comparable(call: Call, *arrays: Value, ordered: bool = False) -> None:
    """Refuse arrays whose elements DuckDB compares otherwise than Postgres."""
    for array in arrays:
        element = call.names.element(array.type)
        same_length = element == kinds.BPCHAR and all(array.typmod == other.typmod > 0 for other in arrays)
        if element not in ORDERED and (ordered or not (call.names.labels(element) or same_length)):
            raise call.no_rule(f"of {call.names.type_name(array.type)}")


def compare(call: Call) -> Value:
    """Compare: NULLs are equal to each other and above all else, in both."""
    left, right = call.args
    symbol = call.signature.partition("(")[0]
    comparable(call, left, right, ordered=symbol not in ("=", "<>"))
    return call.result(f"{left.operand} {symbol} {right.operand}")


def contains(call: Call) -> Value:
    """`@>` and `<@`: a NULL is contained in nothing."""
    whole, part = call.args if call.signature.startswith("@>") else reversed(call.args)
    comparable(call, whole, part)
    items = part.constant.value if part.constant is not None else None
    plain = isinstance(items, list) and None not in items
    return call.result(f"{'list_has_all' if plain else 'pg_array_contains'}({whole.sql}, {part.sql})", atom=True)


def overlaps(call: Call) -> Value:
    """`&&`: whether they have an element, not NULL, in common."""
    comparable(call, *call.args)
    return call.result(f"list_has_any({call.args[0].sql}, {call.args[1].sql})", atom=True)


def concatenate(call: Call) -> Value:
    """Join two arrays; NULL adds nothing."""
    return joined(call, "pg_array_cat({}, {})", call.args)


def append(call: Call) -> Value:
    """Add an element, which may be NULL, to an array, which may be NULL."""
    return joined(call, "list_append({}, {})", call.args)


def prepend(call: Call) -> Value:
    """Put an element before the first."""
    return joined(call, "list_prepend({}, {})", call.args)


def joined(call: Call, form: str, values: tuple[Value, ...]) -> Value:
    """Write an array made of arrays and elements of one type."""
    if call.type != kinds.NUMERIC_ARRAY:
        return replace(call.result(form.format(*(value.sql for value in values)), atom=True), typmod=values[0].typmod)
    if not alike(values) or any(value.numeric is not None and value.numeric.text for value in values):
        raise call.no_rule("of numerics of different scales")
    held = unify(values)
    items = (_as_decimal(value, decimal_type(held)) for value in values)
    return call.result(form.format(*items), atom=True, numeric=held)


def _as_decimal(value: Value, held: str) -> str:
    return f"CAST({value.sql} AS {held}{'[]' if value.type == kinds.NUMERIC_ARRAY else ''})"


def _comparisons() -> list[Rule]:
    return [built(f"{symbol}(anyarray,anyarray)", compare) for symbol in ("=", "<>", "<", "<=", ">", ">=")]


ARRAY_OPERATORS: Rules = table(
    _comparisons(),
    built("@>(anyarray,anyarray)", contains),
    built("<@(anyarray,anyarray)", contains),
    built("&&(anyarray,anyarray)", overlaps),
    built("||(anycompatiblearray,anycompatiblearray)", concatenate),
    built("||(anycompatiblearray,anycompatible)", append),
    built("||(anycompatible,anycompatiblearray)", prepend),
)
