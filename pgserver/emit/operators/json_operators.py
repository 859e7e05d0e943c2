"""Operators of json and jsonb: what is at a key, a place or a path, and which keys there are."""

import re
from collections.abc import Sequence
from itertools import accumulate

from pgserver.emit import kinds
from pgserver.emit.literals import text_literal
from pgserver.emit.once import of_first, once
from pgserver.emit.operators.containment import contains
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.values import Value

_FIELD = re.compile(r"pg_jsonb_at\((\w+\.\w+), '((?:[^']|'')*)'\)")
JSONB_OF = "pg_jsonb_of("
_BARE = re.compile(r"\w+\.\w+")
_PLACE = re.compile(r"0|[1-9][0-9]{0,8}")
_NUMBER = re.compile(r"\s*[+-]?[0-9]")


def pointer_of(key: str) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _text_of(sql: str) -> str:
    """Return the text that was cast to a jsonb; "" for what is no such cast."""
    inside = sql.removeprefix(JSONB_OF)
    if inside == sql or not sql.endswith(")"):
        return ""
    depths = accumulate((character == "(") - (character == ")") for character in inside)
    return inside[:-1] if [depth for depth in depths if depth < 0] == [-1] else ""


def field(call: Call) -> Value:
    """`->` and `->>` by a key: of an array there is none, but a pointer takes a number for a place there."""
    key = call.args[1]
    as_text = "->>" in call.signature
    macro = f"pg_{_kind(call)}{'_text' if as_text else ''}_at"
    constant = key.constant.value if key.constant is not None else None
    plain = isinstance(constant, str) and not _PLACE.fullmatch(constant)
    pointer = text_literal(pointer_of(constant)) if isinstance(constant, str) else f"pg_json_pointer({key.sql})"
    read = _text_of(call.args[0].sql)
    if read and as_text:
        macro = "pg_of_jsonb_text_at"
    first = "pg_json_trimmed({})[1]" if _kind(call) == "json" or read else "{}[1]"

    def write(document: str) -> str:
        found = f"{macro}({document}, {pointer})"
        return found if plain else f"CASE WHEN {first.format(document)} = '{{' THEN {found} END"

    if read and as_text:  # a text that was cast: not all of it need be written as jsonb does
        return call.result(once(f"pg_json_of({read})", write), atom=True)
    around = _FIELD.fullmatch(call.args[0].sql)
    if plain and around is not None and _kind(call) == "jsonb":  # a field of a field is at one path
        return call.result(f"{macro}({around[1]}, '{around[2]}{pointer[1:]})", atom=True)
    return call.result(once(call.args[0].sql, write), atom=True)


def item(call: Call) -> Value:
    """`->` and `->>` by a place, from the end if negative."""
    document, place = call.args
    found = once(document.sql, lambda sql: f"pg_{_kind(call)}_item({sql}, {place.sql})")
    as_text = "->>" in call.signature
    return call.result(once(found, lambda sql: f"pg_jsonb_text({sql})") if as_text else found, atom=True)


def path(call: Call) -> Value:
    """`#>` and `#>>` by a constant path."""
    if call.args[1].is_null:
        return _at_null(call)
    return at_path(call, _texts(call), as_text=call.signature.startswith("#>>"))


def at_path(call: Call, keys: Sequence[str | None], *, as_text: bool) -> Value:
    """Follow a path, in which a number names a key or a place.

    Raises: NoRule for a number that is spelled otherwise than a pointer's, or counts from the end.
    """
    document = call.args[0]
    if any(key is None for key in keys):
        return _at_null(call)
    if call.args[0].type == kinds.JSON:
        return _at_path_of_json(call, [key for key in keys if key is not None], as_text=as_text)
    if any(key and _NUMBER.match(key) and not _PLACE.fullmatch(key) for key in keys):
        raise call.no_rule("by a place from the end")
    pointer = text_literal("".join(pointer_of(key) for key in keys if key is not None))
    if keys:
        macro = f"pg_jsonb{'_text' if as_text else ''}_at"
        return call.result(once(document.sql, lambda sql: f"{macro}({sql}, {pointer})"), atom=True)
    if not as_text:
        return call.result(document.sql, atom=document.atom)
    return call.result(once(document.sql, lambda sql: f"pg_jsonb_text({sql})"), atom=True)


def _at_path_of_json(call: Call, keys: Sequence[str], *, as_text: bool) -> Value:
    """Follow a path of names, one after the other: of doubled keys the last counts, at each level."""
    if not keys or any(_NUMBER.match(key) for key in keys):
        raise call.no_rule("by a place")
    sql = call.args[0].sql
    for index, key in enumerate(keys, 1):
        macro = "pg_json_text_at" if as_text and index == len(keys) else "pg_json_at"
        pointer = text_literal(pointer_of(key))
        sql = once(sql, f"{macro}({{}}, {pointer.replace('{', '{{').replace('}', '}}')})".format)
    return call.result(sql, atom=True)


def _at_null(call: Call) -> Value:
    """What is at NULL: nothing; a document that is computed may raise before that."""
    if not _BARE.fullmatch(call.args[0].sql):
        raise call.no_rule("by NULL")
    return call.result("CAST(NULL AS VARCHAR)", atom=True)


def has_keys(call: Call) -> Value:
    """`?|` and `?&` of constant keys."""
    joint, none = (" OR ", "false") if call.signature.startswith("?|") else (" AND ", "true")
    keys = [text_literal(key) for key in _texts(call) if key is not None]

    def write(document: str) -> str:
        tests = joint.join(f"pg_jsonb_has({document}, {key})" for key in keys)
        return f"({tests})" if keys else f"CASE WHEN {document} IS NOT NULL THEN {none} END"

    return call.result(once(call.args[0].sql, write), atom=True)


def contained(call: Call) -> Value:
    """`@>` of a constant."""
    document, needle = call.args
    text = needle.constant.value if needle.constant is not None else None
    if not isinstance(text, str):
        raise call.no_rule("of what is no constant")
    return call.result(once(document.sql, lambda sql: contains(sql, text)), atom=True)


def _kind(call: Call) -> str:
    return "jsonb" if "(jsonb," in call.signature else "json"


def _texts(call: Call) -> list[str | None]:
    keys = call.args[1].constant.value if call.args[1].constant is not None else None
    if not isinstance(keys, list):
        raise call.no_rule("by what is no constant")
    return keys


JSON_OPERATORS: Rules = table(
    (built(f"{symbol}({kind},text)", field) for symbol in ("->", "->>") for kind in ("json", "jsonb")),
    (built(f"{symbol}({kind},integer)", item) for symbol in ("->", "->>") for kind in ("json", "jsonb")),
    (built(f"{symbol}({kind},text[])", path) for symbol in ("#>", "#>>") for kind in ("json", "jsonb")),
    of_first("?(jsonb,text)", "pg_jsonb_has($1, $2)"),
    built("?|(jsonb,text[])", has_keys),
    built("?&(jsonb,text[])", has_keys),
    built("@>(jsonb,jsonb)", contained),
    of_first("-(jsonb,text)", "pg_jsonb_without($1, CASE WHEN $2 IS NOT NULL THEN [$2] END)"),
    of_first("-(jsonb,text[])", "pg_jsonb_without($1, $2)"),
    of_first("||(jsonb,jsonb)", "pg_jsonb_joined($1, $2)"),
    of_first("=(jsonb,jsonb)", "pg_jsonb_equal($1, $2)"),
    of_first("<>(jsonb,jsonb)", "NOT pg_jsonb_equal($1, $2)"),
)
