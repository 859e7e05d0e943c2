"""LIKE, SIMILAR TO and regular expressions: patterns that are constants are written as DuckDB means them."""

from pgserver.emit import kinds
from pgserver.emit.literals import text_literal
from pgserver.emit.operators.comparisons import trimmed
from pgserver.emit.regex.charsets import NEWER
from pgserver.emit.regex.compiled import Regex, compiled
from pgserver.emit.rules import Call
from pgserver.emit.texts import constant_text
from pgserver.emit.values import Value, constant

WORDS = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}
REGEX_SYMBOLS = ("~", "!~", "~*", "!~*")


def like(call: Call) -> Value:
    """LIKE and its like. The escape is written only where the pattern has one: without it DuckDB has faster paths."""
    value, pattern = call.args
    word = WORDS[call.signature.partition("(")[0]]
    text = constant_text(pattern)
    if word.endswith("ILIKE"):
        if call.collation not in kinds.UTF8_COLLATIONS:
            raise call.no_rule("under a collation that knows ASCII only")
        if text is None or not NEWER.isdisjoint(text):
            word = word.replace("ILIKE", "LIKE")
            sql = f"pg_lower({value.sql}) {word} pg_lower({pattern.sql}) ESCAPE '\\'"
            return call.result(sql)
    if text is None:
        return call.result(f"{value.operand} {word} {pattern.operand} ESCAPE '\\'")
    if text.replace("\\\\", "").endswith("\\"):
        raise call.no_rule("with a pattern that ends in an escape")
    escape = " ESCAPE '\\'" if "\\" in text else ""
    return call.result(f"{value.operand} {word} {text_literal(text)}{escape}")


def like_escape(call: Call) -> Value:
    """LIKE ... ESCAPE: constants become a pattern whose escape is the backslash."""
    pattern, escape = (constant_text(arg) for arg in call.args)
    if pattern is None or escape is None or len(escape) > 1:
        raise call.no_rule("of what is not a constant")
    if escape == "\\":
        return constant(kinds.TEXT, pattern)
    text, escaped = "", False
    for character in pattern:
        if character == escape and not escaped:
            text, escaped = text + "\\", True
            continue
        text += "\\\\" if character == "\\" and not escaped else character
        escaped = False
    return constant(kinds.TEXT, text)


def similar_to_escape(call: Call) -> Value:
    """SIMILAR TO: a constant pattern becomes a regular expression, which holds for the whole text."""
    pattern = constant_text(call.args[0])
    escape = constant_text(call.args[1]) if len(call.args) > 1 else "\\"
    if pattern is None or escape is None or len(escape) > 1:
        raise call.no_rule("of what is not a constant")
    text, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == escape:
            if not pattern[position:] or pattern[position].isalnum() or pattern[position] == '"':
                raise call.no_rule("with an odd escape")
            text += "\\" + pattern[position]
            position += 1
        elif character == "[":
            end = pattern.find("]", position + 2 if pattern[position : position + 1] == "^" else position + 1)
            inside = pattern[position:end]
            if end < 0 or "[" in inside or "\\" in inside or (escape and escape in inside):
                raise call.no_rule("with odd brackets")
            text, position = f"{text}[{inside}]", end + 1
        else:
            text += SIMILAR.get(character, character)
    return constant(kinds.TEXT, f"^(?:{text})$")


SIMILAR = {"%": ".*", "_": ".", "(": "(?:", "\\": "\\\\", ".": "\\.", "^": "\\^", "$": "\\$"}


def regex_of(call: Call, pattern: Value, *, ignore_case: bool = False) -> Regex:
    """Return a constant regular expression.

    Raises: NoRule.
    """
    text = constant_text(pattern)
    if text is None:
        raise call.no_rule("with a pattern that is not a constant")
    return compiled(text, ignore_case=ignore_case, ascii_only=call.collation not in kinds.UTF8_COLLATIONS)


def matches(call: Call) -> Value:
    """~ and its like."""
    symbol = call.signature.partition("(")[0]
    regex = regex_of(call, call.args[1], ignore_case=symbol.endswith("*"))
    test = match_test(call.args[0], regex)
    return call.result(f"NOT ({test})" if symbol.startswith("!") else test)


def match_test(value: Value, regex: Regex) -> str:
    """Return the SQL that tells whether a text has a match; of a plain text it needs no regular expression.

    DuckDB leaves out row groups by `prefix`, not by `starts_with`.
    """
    literal = regex.literal()
    if literal is None:
        return f"regexp_matches({subject(value, regex)}, {text_literal(regex.re2)}, 's')"
    text, start, end = literal
    if start and end:
        return f"{value.operand} = {text_literal(text)}"
    name = "prefix" if start else "ends_with" if end else "contains"
    return f"{name}({value.sql}, {text_literal(text)})"


def subject(value: Value, regex: Regex) -> str:
    """Return the SQL of the text in which a match is looked for."""
    return f"pg_plain({value.sql})" if regex.plain_only else value.sql


def bpchar_as_text(call: Call) -> Value:
    """char(n) to text: without its padding."""
    return trimmed(call.args[0]).typed(call.type)
