"""The table of node types. A type that is not in it has no rule."""

from collections.abc import Mapping

from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.arrays import ARRAY_NODES
from pgserver.emit.nodes.branches import BRANCHES
from pgserver.emit.nodes.calls import CALLS
from pgserver.emit.nodes.coercions import COERCIONS
from pgserver.emit.nodes.json_nodes import JSON_NODES
from pgserver.emit.nodes.sublinks import SUBLINKS
from pgserver.emit.nodes.variables import VARIABLES
from pgserver.emit.nodes.walk import NodeFunction
from pgserver.emit.nodes.windows import WINDOWS

__all__ = ["NODES", "NoRule"]

NODES: Mapping[str, NodeFunction] = (
    VARIABLES | CALLS | BRANCHES | COERCIONS | SUBLINKS | WINDOWS | ARRAY_NODES | JSON_NODES
)
