"""Arguments as texts: constants, and values of any type as Postgres prints them or casts them to text."""

from pgserver.emit import kinds
from pgserver.emit.nodes.coercions import printed
from pgserver.emit.rules import Call
from pgserver.emit.values import Value


def constant_text(value: Value) -> str | None:
    """Return a constant text; None for anything else."""
    found = value.constant
    return found.value if found is not None and isinstance(found.value, str) else None


def constant_integer(value: Value) -> int | None:
    """Return a constant integer; None for anything else."""
    found = value.constant
    return found.value if found is not None and isinstance(found.value, int) else None


def as_text(call: Call, value: Value) -> str:
    """Return the SQL of a value's text, as its output function prints it."""
    if value.type == kinds.UNKNOWN:
        return value.sql
    return printed(value, call.names, call.assume).sql


def cast_text(call: Call, value: Value) -> str:
    """Return the SQL of a value cast to text: a boolean is spelled out, as its output function does not."""
    if value.type == kinds.BOOL:
        return f"CAST({value.sql} AS VARCHAR)"
    if value.type == kinds.BPCHAR:
        raise call.no_rule("of char(n)")
    return as_text(call, value)
