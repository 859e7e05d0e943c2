"""Nodes of SQL/JSON: JSON_OBJECT, JSON_ARRAY and their aggregates; IS JSON.

Source: JsonConstructorType, JsonValueType in src/include/nodes/primnodes.h; `ExecEvalJsonIsPredicate` in
src/backend/executor/execExprInterp.c.
"""

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.json_values import JsonWriter
from pgserver.emit.nodes.walk import NodeFunction, Walk
from pgserver.emit.once import once
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

OBJECT, ARRAY, OBJECT_AGG, ARRAY_AGG = range(1, 5)


def constructor(node: Node, walk: Walk) -> Value:
    """JSON_OBJECT(...), JSON_ARRAY(...), JSON_OBJECTAGG(...), JSON_ARRAYAGG(...)."""
    kind = node.integer("type")
    type_oid = node.node("returning").integer("typid")
    if node.has("coercion") or node.flag("unique") or type_oid not in kinds.JSONS:
        raise NoRule("a JSON constructor of another type than json, or with unique keys")
    if kind in (OBJECT_AGG, ARRAY_AGG):
        return walk.expression(node.node("func"))
    writer = JsonWriter(walk.names, walk.context.assumes.add, jsonb=type_oid == kinds.JSONB)
    args = walk.expressions(node.nodes("args"))
    absent = node.flag("absent_on_null")
    if kind == ARRAY:
        return Value(writer.array(args, absent=absent), type_oid, atom=False)
    if kind == OBJECT:
        pairs = list(zip(args[::2], args[1::2], strict=True))
        return Value(writer.object(pairs, absent=absent), type_oid, atom=False)
    raise NoRule("JSON(), JSON_SCALAR() or JSON_SERIALIZE()")


KINDS = {
    0: "",
    1: "= '{'",
    2: "= '['",
    3: "NOT IN ('{', '[')",
}  # any, an object, an array, a scalar: its first character


def is_json(node: Node, walk: Walk) -> Value:
    """IS JSON, IS JSON OBJECT, IS JSON ARRAY, IS JSON SCALAR."""
    value = walk.expression(node.node("expr"))
    if value.opaque or value.type not in (kinds.TEXT, kinds.JSON, kinds.JSONB):
        raise NoRule(f"IS JSON of {walk.names.type_name(value.type)}")
    if node.flag("unique_keys") and value.type != kinds.JSONB:
        raise NoRule("IS JSON WITH UNIQUE KEYS")
    begins = KINDS[node.integer("item_type")]
    test = "pg_is_json({0})" if value.type == kinds.TEXT else "true"
    if begins:
        first = "pg_json_trimmed({0})[1]" if value.type != kinds.JSONB else "{0}[1]"
        test = f"CASE WHEN {first} {begins} THEN {test} ELSE false END"
    form = f"CASE WHEN {{0}} IS NOT NULL THEN {test} END"
    return Value(once(value.sql, form.replace("'{'", "'{{'").format), kinds.BOOL)


JSON_NODES: dict[str, NodeFunction] = {"JSONCONSTRUCTOREXPR": constructor, "JSONISPREDICATE": is_json}
