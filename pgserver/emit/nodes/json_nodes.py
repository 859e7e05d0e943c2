"""Nodes of SQL/JSON: JSON_OBJECT, JSON_ARRAY and their aggregates.

Source: JsonConstructorType in src/include/nodes/primnodes.h.
"""

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.json_values import JsonWriter
from pgserver.emit.nodes.walk import NodeFunction, Walk
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


JSON_NODES: dict[str, NodeFunction] = {"JSONCONSTRUCTOREXPR": constructor}
