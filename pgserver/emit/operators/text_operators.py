"""Operators of text (and bytes): joining and matching."""

from pgserver.emit import kinds
from pgserver.emit.operators.patterns import REGEX_SYMBOLS, WORDS, like, matches
from pgserver.emit.rules import Call, Rules, built, rewritten, table
from pgserver.emit.texts import cast_text, constant_text
from pgserver.emit.values import Value, constant


def join(call: Call) -> Value:
    """Join two texts."""
    left, right = call.args
    texts = constant_text(left), constant_text(right)
    if texts[0] is not None and texts[1] is not None:
        return constant(kinds.TEXT, texts[0] + texts[1])
    return call.result(f"{left.operand} || {right.operand}")


def join_any(call: Call) -> Value:
    """Join a text and what is cast to text."""
    left, right = (arg.operand if arg.type in kinds.TEXTS else f"({cast_text(call, arg)})" for arg in call.args)
    return call.result(f"{left} || {right}")


TEXT_OPERATORS: Rules = table(
    built("||(text,text)", join),
    built("||(text,anynonarray)", join_any),
    built("||(anynonarray,text)", join_any),
    rewritten("||(bytea,bytea)", "CAST($1 || $2 AS BLOB)"),
    rewritten("^@(text,text)", "prefix($1, $2)"),
    (built(f"{symbol}({kind},text)", like) for symbol in WORDS for kind in ("text", "character", "name")),
    (built(f"{symbol}({kind},text)", matches) for symbol in REGEX_SYMBOLS for kind in ("text", "character", "name")),
)
