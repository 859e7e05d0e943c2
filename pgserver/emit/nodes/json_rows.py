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
LEFT, FULL, RIGHT = 1, 2, 3  # JoinType
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def row_arguments(signature: str, nodes: Sequence[Node], walk: Walk) -> tuple[Value, ...] | None:
    """Return the arguments of a function that writes a row as JSON; None where there is no row."""
    if signature not in READERS or len(nodes) != 1:
        return None
    (node,) = nodes
    if node.tag == "ROWEXPR":
        fields = list(zip(_plain(node.words("colnames")), walk.expressions(node.nodes("args")), strict=True))
    elif is_whole_row(node):
        fields = fields_of(node, walk)
    else:
        return None
    writer = JsonWriter(walk.names, walk.context.assumes.add, jsonb=READERS[signature])
    pairs = [(constant(kinds.TEXT, name), value) for name, value in fields]
    written = writer.object(pairs) if writer.jsonb else writer.row(pairs)
    return (Value(where_present(node, walk, written), kinds.RECORD, atom=False),)


def is_whole_row(node: Node) -> bool:
    """Tell whether a node is a row of a FROM item."""
    return node.tag == "VAR" and node.integer("varattno") == 0


def row_fields(node: Node, walk: Walk) -> tuple[Value, ...] | None:
    """Return the fields of a row; None for what is none that we know."""
    if node.tag == "ROWEXPR":
        return walk.expressions(node.nodes("args"))
    return tuple(_row_source(node, walk).row()) if is_whole_row(node) else None


def fields_of(node: Node, walk: Walk) -> list[tuple[str, Value]]:
    """Return the names and values of a whole row's fields."""
    source = _row_source(node, walk)
    entry = walk.scope.up(node.integer("varlevelsup")).query.nodes("rtable")[node.integer("varno") - 1]
    if isinstance(source, RelationSource):
        names = [column.name for column in walk.context.views[source.relid].columns]
    else:
        names = _plain(entry.node("eref").words("colnames"))
    if len(names) != len(source.columns):
        raise NoRule("a whole row of unknown names")
    return list(zip(names, source.row(), strict=True))


def _row_source(node: Node, walk: Walk) -> Source:
    scope = walk.scope.up(node.integer("varlevelsup"))
    source = scope.sources.get(node.integer("varno"))
    if not isinstance(source, Source) or scope.above_group:
        raise NoRule("a whole row of a join, or of a group")
    return source


def where_present(node: Node, walk: Walk, sql: str) -> str:
    """Return what is made of a row, NULL where an outer join has none: it then is NULL, not a row of NULLs.

    Raises: NoRule where no column tells the two apart.
    """
    if not is_whole_row(node):
        return sql
    source = _row_source(node, walk)
    if not _may_be_missing(node.integer("varno"), walk.scope.up(node.integer("varlevelsup")).query):
        return sql
    view = walk.context.views[source.relid] if isinstance(source, RelationSource) else None
    for column in view.columns if view is not None else ():
        if column.not_null:
            return f"CASE WHEN {source.column(column.attnum).operand} IS NOT NULL THEN {sql} END"
    raise NoRule("a whole row of an outer join")


def _may_be_missing(index: int, query: Node) -> bool:
    """Tell whether an outer join may have no row of a FROM item."""
    pending = [(item, False) for item in query.node("jointree").nodes("fromlist")]
    while pending:
        item, missing = pending.pop()
        if item.tag == "JOINEXPR":
            kind = item.integer("jointype")
            pending.append((item.node("larg"), missing or kind in (FULL, RIGHT)))
            pending.append((item.node("rarg"), missing or kind in (FULL, LEFT)))
        elif item.tag == "RANGETBLREF" and item.integer("rtindex") == index:
            return missing
    return True


def _plain(names: list[str]) -> list[str]:
    if not all(_WORD.fullmatch(name) for name in names):
        raise NoRule("a whole row whose names are not plain words")
    return names
