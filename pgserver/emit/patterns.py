"""LIKE: patterns that are constants, or parameters, are written so that DuckDB reads them as Postgres does."""

from pgserver.emit.comparisons import trimmed
from pgserver.emit.literals import text_literal
from pgserver.emit.rules import Call
from pgserver.emit.values import Value

WORDS = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}


def like(call: Call) -> Value:
    """LIKE and its like. The escape is written only where the pattern has one: without it DuckDB has faster paths."""
    value, pattern = call.args
    word = WORDS[call.signature.partition("(")[0]]
    if word.endswith("ILIKE") and not _is_ascii_pattern(pattern):
        raise call.no_rule("with a pattern that is not ASCII")
    if pattern.constant is not None and isinstance(pattern.constant.value, str):
        text = pattern.constant.value
        if text.replace("\\\\", "").endswith("\\"):
            raise call.no_rule("with a pattern that ends in an escape")
        escape = " ESCAPE '\\'" if "\\" in text else ""
        return call.result(f"{value.operand} {word} {text_literal(text)}{escape}")
    return call.result(f"{value.operand} {word} {pattern.operand} ESCAPE '\\'")


def _is_ascii_pattern(pattern: Value) -> bool:
    return pattern.constant is not None and isinstance(pattern.constant.value, str) and pattern.constant.value.isascii()


def bpchar_as_text(call: Call) -> Value:
    """char(n) to text: without its padding."""
    return trimmed(call.args[0]).typed(call.type)
