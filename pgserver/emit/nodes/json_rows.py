"""Rows as JSON: row_to_json(t), json_agg(t), to_jsonb(ROW(a, b)). A row is held as its JSON, and is nothing else here.

The names of a row's fields come from the lake's description of a table, or from the tree where they are plain words,
which nothing can have damaged.
"""

import re
from collections.abc import Sequence

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.json_values import JsonWriter
from pgserver.emit.nodes.scope import RelationSource, Source
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value, constant

READERS = {  # whether they write jsonb
    "row_to_json(record)": False,
    "to_json(anyelement)": False,
    "to_jsonb(anyelement)": True,
    "json_agg(anyelement)": False,
    "jsonb_agg(anyelement)": True,
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def row_arguments(signature: str, nodes: Sequence[Node], walk: Walk) -> tuple[Value, ...] | None:
    """Return the arguments of a function that writes a row as JSON; None where there is no row."""
    if signature not in READERS or len(nodes) != 1:
        return None
    (node,) = nodes
    if node.tag == "ROWEXPR":
        fields = list(zip(_plain(node.words("colnames")), walk.expressions(node.nodes("args")), strict=True))
    elif node.tag == "VAR" and node.integer("varattno") == 0:
        fields = fields_of(node, walk)
    else:
        return None
    writer = JsonWriter(walk.names, walk.context.assumes.add, jsonb=READERS[signature])
    pairs = [(constant(kinds.TEXT, name), value) for name, value in fields]
    return (Value(writer.object(pairs) if writer.jsonb else writer.row(pairs), kinds.RECORD, atom=False),)


def fields_of(node: Node, walk: Walk) -> list[tuple[str, Value]]:
    """Return the names and values of a whole row's fields."""
    scope = walk.scope.up(node.integer("varlevelsup"))
    source = scope.sources.get(node.integer("varno"))
    if not isinstance(source, Source) or scope.above_group or has_outer_join(scope.query):
        raise NoRule("a whole row of an outer join, or of a group")
    entry = scope.query.nodes("rtable")[node.integer("varno") - 1]
    if isinstance(source, RelationSource):
        names = [column.name for column in walk.context.views[source.relid].columns]
    else:
        names = _plain(entry.node("eref").words("colnames"))
    if len(names) != len(source.columns):
        raise NoRule("a whole row of unknown names")
    return [(name, source.column(attnum)) for attnum, name in enumerate(names, 1)]


def _plain(names: list[str]) -> list[str]:
    if not all(_WORD.fullmatch(name) for name in names):
        raise NoRule("a whole row whose names are not plain words")
    return names


def has_outer_join(query: Node) -> bool:
    """Tell whether a row of FROM may be missing: it then is NULL, not a row of NULLs."""
    pending = query.node("jointree").nodes("fromlist")
    while pending:
        item = pending.pop()
        if item.tag == "JOINEXPR":
            if item.integer("jointype"):
                return True
            pending.extend((item.node("larg"), item.node("rarg")))
    return False
