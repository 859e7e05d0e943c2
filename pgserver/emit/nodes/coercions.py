"""Nodes that change a type without a function: binary-compatible relabelling, and casts through text."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pgserver.emit import kinds
from pgserver.emit.casts.readers import read
from pgserver.emit.errors import NoRule
from pgserver.emit.kinds import UTF8_COLLATIONS
from pgserver.emit.nodes.composed_texts import array_text, row_text
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.numeric import text_of
from pgserver.emit.output import printed_by
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.reading.tree import Node
from pgserver.emit.times import zones
from pgserver.emit.values import Value

RELABELS = {  # source: targets that are held alike
    kinds.VARCHAR: (kinds.TEXT, kinds.BPCHAR),
    kinds.TEXT: (kinds.VARCHAR, kinds.BPCHAR),
    kinds.BPCHAR: (),
    kinds.INT4: (kinds.OID,),
    kinds.OID: (kinds.INT4,),
}


def relabel(node: Node, walk: Walk) -> Value:
    """A cast between types of the same bytes."""
    value = walk.expression(node.node("arg"))
    if node.integer("resultcollid") not in kinds.BYTE_COLLATIONS:
        raise NoRule("a collation other than the lake's")
    target = walk.names.base_type(node.integer("resulttype"))
    typmod = node.integer("resulttypmod")
    if target == value.type:
        return replace(value, typmod=typmod)
    if value.opaque or target not in RELABELS.get(value.type, ()):
        raise NoRule(f"cast from {walk.names.type_name(value.type)} to {walk.names.type_name(target)}")
    if kinds.OID in (value.type, target):
        raise NoRule(f"cast from {walk.names.type_name(value.type)} to {walk.names.type_name(target)}")
    if target == kinds.BPCHAR:
        typmod = -1
    return replace(value, type=target, typmod=typmod)


def relabels_elements(node: Node) -> bool:
    """Whether an ARRAYCOERCEEXPR is what Postgres writes around the list of `varchar IN (...)`: varchar to text."""
    element = node.node("elemexpr")
    if element.tag != "RELABELTYPE" or element.integer("resultcollid") not in kinds.BYTE_COLLATIONS:
        return False
    tested = element.node("arg")
    types = tested.integer("typeId") if tested.tag == "CASETESTEXPR" else 0, element.integer("resulttype")
    return types == (kinds.VARCHAR, kinds.TEXT)


def via_text(node: Node, walk: Walk) -> Value:
    """A cast through the text form."""
    value = walk.expression(node.node("arg"))
    target = walk.names.base_type(node.integer("resulttype"))
    if target in (kinds.TEXT, kinds.VARCHAR, kinds.BPCHAR):
        return replace(printed(value, walk.names, walk.context.assumes.add), type=target)
    if target == kinds.TIMESTAMPTZ:  # by the clock of the session's zone
        walk.context.assumes.add(zones.RULES)
    return read(value, target, walk.names)


def printed(value: Value, names: CatalogNames, assume: Callable[[str], None]) -> Value:
    """Return a value's text as Postgres prints it; `assume` notes a setting that the text relies on."""
    if value.type in PRINTERS and not value.opaque:
        settings, write = PRINTERS[value.type]
        for setting in settings:
            assume(setting)
        return Value(write(value), kinds.TEXT)
    if value.type == kinds.NUMERIC and not value.opaque:
        return Value(text_of(value), kinds.TEXT)
    if names.labels(value.type):
        return Value(value.sql, kinds.TEXT, atom=value.atom)
    if value.opaque:  # it is Postgres' text already
        held = names.types.get(value.type)
        element = names.types.get(held.element) if held is not None and held.element else held
        for setting in printed_by(element.name if element is not None else ""):
            assume(setting)
        return Value(value.sql, kinds.TEXT, atom=value.atom)
    if names.element(value.type):
        return Value(array_text(value, names, lambda item: printed(item, names, assume)), kinds.TEXT)
    raise NoRule(f"cast from {names.type_name(value.type)} to text")


def row(node: Node, walk: Walk) -> Value:
    """ROW(...): its text, which is all that becomes of it here."""
    return row_of(walk.expressions(node.nodes("args")), node.integer("row_typeid"), walk)


def row_of(fields: Sequence[Value], type_oid: int, walk: Walk) -> Value:
    """Return a row as its text."""
    text = row_text(fields, lambda value: printed(value, walk.names, walk.context.assumes.add))
    return Value(text, type_oid, atom=False, opaque=True)


def _cast(value: Value) -> str:
    return f"CAST({value.sql} AS VARCHAR)"


def _macro(name: str) -> Callable[[Value], str]:
    return lambda value: f"{name}({value.sql})"


PRINTERS: dict[int, tuple[tuple[str, ...], Callable[[Value], str]]] = {
    kinds.INT2: ((), _cast),
    kinds.INT4: ((), _cast),
    kinds.INT8: ((), _cast),
    kinds.OID: ((), _cast),
    kinds.UUID: ((), _cast),
    kinds.TIME: ((), _cast),
    kinds.DATE: (("DateStyle",), _macro("pg_date_text")),
    kinds.TIMESTAMP: (("DateStyle",), _macro("pg_timestamp_text")),
    kinds.TIMESTAMPTZ: (("DateStyle", zones.RULES), _macro("pg_timestamptz_text")),
    kinds.INTERVAL: (("IntervalStyle",), _macro("pg_interval_text")),
    kinds.UNKNOWN: ((), lambda value: value.sql),
    kinds.TEXT: ((), lambda value: value.sql),
    kinds.VARCHAR: ((), lambda value: value.sql),
    kinds.NAME: ((), lambda value: value.sql),
    kinds.JSON: ((), lambda value: value.sql),
    kinds.JSONB: ((), lambda value: value.sql),
    kinds.BPCHAR: ((), lambda value: value.sql),
    kinds.FLOAT4: (("extra_float_digits",), _macro("pg_float4_text")),
    kinds.FLOAT8: (("extra_float_digits",), _macro("pg_float8_text")),
    kinds.BYTEA: (("bytea_output",), lambda value: f"'\\x' || lower(hex({value.sql}))"),
    kinds.BOOL: ((), lambda value: f"CASE WHEN {value.sql} THEN 't' WHEN NOT {value.operand} THEN 'f' END"),
}


def collate(node: Node, walk: Walk) -> Value:
    """COLLATE with a collation that orders as the lake's."""
    if node.integer("collOid") not in UTF8_COLLATIONS | kinds.BYTE_COLLATIONS:
        raise NoRule("a collation other than the lake's")
    return walk.expression(node.node("arg"))


COERCIONS: dict[str, NodeFunction] = {
    "RELABELTYPE": relabel,
    "COERCEVIAIO": via_text,
    "COLLATEEXPR": collate,
    "ROWEXPR": row,
}
