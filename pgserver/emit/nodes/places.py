"""ctid in WHERE: readers in parallel divide a table by ranges of it (DuckDB's postgres extension does).

The lake has no pages, and numbering its rows would read them twice. All rows of a table stand in its block 0, of which
nobody asks for a part: a range from there on has them all, any other has none. So ranges that divide a table divide it
here, too.

Source: ItemPointerData in itemptr.h: the block's number as two 16-bit halves, the high one first, then the line's.
"""

import struct

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.scope import RelationSource
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.operators.comparisons import symbol_of
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

CTID = -1
TID = 27
BYTES = struct.Struct("<HHH")


def place_test(node: Node, walk: Walk) -> Value | None:
    """Return what a comparison of ctid with a constant is for all rows; None where a node is none.

    Raises: NoRule for a place within block 0.
    """
    args = node.nodes("args")
    if len(args) != 2 or not _is_place(args[0], walk) or args[1].tag != "CONST":
        return None
    if args[1].integer("consttype") != TID or args[1].flag("constisnull"):
        return None
    high, low, line = BYTES.unpack(args[1].datum("constvalue")[: BYTES.size])
    block = high << 16 | low
    symbol = symbol_of(walk.names.operators.get(node.integer("opno"), "unknown"))
    if symbol not in (">", ">=", "<", "<=") or (block == 0 and line > 0):
        raise NoRule("a single ctid")
    return Value("true" if (symbol[0] == ">") == (block == 0) else "false", kinds.BOOL)


def _is_place(node: Node, walk: Walk) -> bool:
    """Tell whether a node is the ctid of a table whose rows are all there."""
    if node.tag != "VAR" or node.integer("varattno") != CTID or node.integer("varlevelsup"):
        return False
    source = walk.scope.sources.get(node.integer("varno"))
    return isinstance(source, RelationSource) and not has_outer_join(walk.scope.query)


def has_outer_join(query: Node) -> bool:
    """Tell whether a row of FROM may be missing."""
    pending = query.node("jointree").nodes("fromlist")
    while pending:
        item = pending.pop()
        if item.tag == "JOINEXPR":
            if item.integer("jointype"):
                return True
            pending.extend((item.node("larg"), item.node("rarg")))
    return False
