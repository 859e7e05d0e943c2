"""The table of node types. A type that is not in it has no rule."""

from collections.abc import Mapping

from pgserver.emit.arrays import ARRAY_NODES
from pgserver.emit.branches import BRANCHES
from pgserver.emit.calls import CALLS
from pgserver.emit.coercions import COERCIONS
from pgserver.emit.errors import NoRule
from pgserver.emit.json_nodes import JSON_NODES
from pgserver.emit.sublinks import SUBLINKS
from pgserver.emit.variables import VARIABLES
from pgserver.emit.walk import NodeFunction
from pgserver.emit.windows import WINDOWS

__all__ = ["NODES", "NoRule"]

NODES: Mapping[str, NodeFunction] = (
    VARIABLES | CALLS | BRANCHES | COERCIONS | SUBLINKS | WINDOWS | ARRAY_NODES | JSON_NODES
)
