"""The walk over a query tree: one function per node type, which calls back for the nodes below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgserver.emit.errors import NoRule, TooDeep
from pgserver.emit.kinds import BYTE_COLLATIONS
from pgserver.emit.rules import Call
from pgserver.emit.sizes import check_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgserver.emit.nodes.scope import Context, Scope
    from pgserver.emit.nodes.select import Select
    from pgserver.emit.reading.names import CatalogNames
    from pgserver.emit.reading.tree import Node
    from pgserver.emit.values import Value

NodeFunction = Callable[["Node", "Walk"], "Value"]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the walk stands: what the emission collects, the query level, and the functions by node type."""

    context: Context
    scope: Scope
    nodes: Mapping[str, NodeFunction]
    select: Callable[[Node, Walk], Select]

    @property
    def names(self) -> CatalogNames:
        """The twin's names."""
        return self.context.names

    def expression(self, node: Node) -> Value:
        """Emit a node.

        Raises: NoRule naming the node's type, or the signature, that has no rule.
        """
        function = self.nodes.get(node.tag)
        if function is None:
            raise NoRule(f"node {node.tag}")
        try:
            value = function(node, self)
        except RecursionError:
            raise TooDeep from None
        check_text(len(value.sql))
        return value

    def expressions(self, nodes: list[Node]) -> tuple[Value, ...]:
        """Emit several nodes."""
        return tuple(self.expression(node) for node in nodes)

    def within(self, scope: Scope) -> Walk:
        """Go to another query level."""
        return replace(self, scope=scope)

    def call(self, signature: str, args: tuple[Value, ...], type_oid: int, collation: int = 0) -> Call:
        """Return a call for a rule."""
        assume, session = self.context.assumes.add, self.context.session
        return Call(signature, args, type_oid, self.names, assume, session, collation=collation)

    def check_collation(self, node: Node, field: str = "inputcollid") -> None:
        """Refuse a collation that orders text otherwise than by bytes."""
        collation = node.integer(field)
        if collation not in BYTE_COLLATIONS:
            raise NoRule("a collation other than the lake's")

    @contextmanager
    def below_group(self, levels: int = 0) -> Iterator[None]:
        """Emit the arguments of an aggregate, of this query or one around it: they stand below its GROUP BY."""
        scope = self.scope.up(levels)
        above, scope.above_group = scope.above_group, False
        try:
            yield
        finally:
            scope.above_group = above
