"""Texts made of values of any type: concat, format, and texts to arrays and back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pgserver.emit.literals import text_literal
from pgserver.emit.rules import Call, Rules, built, table
from pgserver.emit.texts import as_text, cast_text, constant_text
from pgserver.emit.values import Value

SPECIFIER = re.compile(r"%(?:%|(?:(\d+)\$)?(-?)(\d*)([sIL]))")
QUOTED = {"s": "coalesce({}, '')", "I": "pg_quote_ident({})", "L": "pg_quote_nullable({})"}
MAX_WIDTH = 1000


def concat(call: Call) -> Value:
    """Join what is not NULL."""
    return call.result(f"concat({', '.join(as_text(call, arg) for arg in call.args)})", atom=True)


def concat_ws(call: Call) -> Value:
    """Join what is not NULL with a separator between."""
    separator, *values = call.args
    if not values:
        raise call.no_rule("of nothing")
    texts = ", ".join(as_text(call, value) for value in values)
    return call.result(f"concat_ws({separator.sql}, {texts})", atom=True)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a format: the argument (from 1), how it is quoted, and the width (negative: to the left)."""

    place: int
    kind: str
    width: int


def format_text(call: Call) -> Value:
    """format(): of a constant format, the pieces one after the other."""
    template = constant_text(call.args[0])
    if template is None:
        raise call.no_rule("of a format that is not a constant")
    found = list(_pieces(call, template))
    shown = {0} | {piece.place for piece in found if isinstance(piece, Slot)}
    if any(arg.constant is None for place, arg in enumerate(call.args) if place not in shown):
        raise call.no_rule("of an argument that is not shown")  # it may raise, or be an aggregate
    pieces = [text_literal(piece) if isinstance(piece, str) else _filled(call, piece) for piece in found]
    return call.result(" || ".join(pieces) if pieces else "''")


def _pieces(call: Call, template: str) -> Iterator[str | Slot]:
    position, place = 0, 0
    for found in SPECIFIER.finditer(template):
        literal = template[position : found.start()]
        position = found.end()
        if "%" in literal:
            raise call.no_rule("of a format that is none")
        if found[4] is None:
            yield literal + "%"
            continue
        if literal:
            yield literal
        place = int(found[1]) if found[1] else place + 1
        width = int(found[3] or 0)
        if not 1 <= place < len(call.args) or width > MAX_WIDTH:
            raise call.no_rule("of a format that is none")
        yield Slot(place, found[4], -width if found[2] else width)
    if "%" in template[position:]:
        raise call.no_rule("of a format that is none")
    if template[position:]:
        yield template[position:]


def _filled(call: Call, slot: Slot) -> str:
    value = as_text(call, call.args[slot.place])
    filled = QUOTED[slot.kind].format(value)
    if slot.kind == "I":  # of NULL that is an error
        filled = f"CASE WHEN {value} IS NULL THEN error('22004') ELSE {filled} END"
    if not slot.width:
        return filled
    pad = "lpad" if slot.width > 0 else "rpad"
    width = abs(slot.width)
    return f"CASE WHEN length({filled}) < {width} THEN {pad}({filled}, {width}, ' ') ELSE {filled} END"


def quote_any(call: Call) -> Value:
    """quote_literal and quote_nullable of what is no text: a cast to text, then quoted."""
    name = call.signature.partition("(")[0]
    return call.result(f"pg_{name}({cast_text(call, call.args[0])})", atom=True)


def string_to_array(call: Call) -> Value:
    """Split at a separator; a third argument names the text that stands for NULL."""
    source, separator = call.args[:2]
    if constant_text(separator):
        parts = f"CASE WHEN {source.operand} = '' THEN CAST([] AS VARCHAR[]) ELSE "
        parts += f"string_split({source.sql}, {separator.sql}) END"
    else:
        parts = f"pg_string_to_array({source.sql}, {separator.sql})"
    if len(call.args) == 2:
        return call.result(parts, atom=True)
    nothing = call.args[2].sql
    return call.result(f"list_transform({parts}, lambda part: nullif(part, {nothing}))", atom=True)


def array_to_string(call: Call) -> Value:
    """Join the elements that are not NULL, or all of them with a text that stands for NULL."""
    array, separator = call.args[:2]
    element = call.names.element(array.type)
    if not element or constant_text(separator) is None:
        raise call.no_rule("with a separator that is not a constant")
    item = as_text(call, Value("item", element, numeric=array.numeric))
    if len(call.args) == 3:
        item = f"coalesce({item}, {call.args[2].sql})"
    items = array.sql if item == "item" else f"list_transform({array.sql}, lambda item: {item})"
    empty = f"CASE WHEN {array.operand} IS NOT NULL THEN '' END"  # what DuckDB makes of NULLs only is NULL
    return call.result(f"coalesce(array_to_string({items}, {separator.sql}), {empty})", atom=True)


JOINING: Rules = table(
    built('concat("any")', concat),
    built('concat_ws(text,"any")', concat_ws),
    built('format(text,"any")', format_text),
    (built(f"{name}(anyelement)", quote_any) for name in ("quote_literal", "quote_nullable")),
    built("string_to_array(text,text)", string_to_array),
    built("string_to_array(text,text,text)", string_to_array),
    built("array_to_string(anyarray,text)", array_to_string),
    built("array_to_string(anyarray,text,text)", array_to_string),
)
