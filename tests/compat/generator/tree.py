"""A generated statement: text with holes, so that a part can be dropped or replaced without a parser."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """Pieces of text and nodes, in order.

    `type` is that of an expression, "" for a clause; `optional`: the statement holds without it; `separator`: the parts
    are a list, of which one must stay.
    """

    parts: "tuple[str | Node, ...]"
    type: str = ""
    optional: bool = False
    separator: str | None = None

    def __str__(self) -> str:
        """Return the SQL."""
        if self.separator is not None:
            return self.separator.join(map(str, self.parts))
        return "".join(map(str, self.parts))

    def nodes(self) -> "Iterator[Node]":
        """Yield this node and all below it, the largest first."""
        yield self
        for part in self.parts:
            if isinstance(part, Node):
                yield from part.nodes()

    def size(self) -> int:
        """Return how long the text is: what shrinking makes less."""
        return len(str(self))


EMPTY = Node(())


def sql(*parts: str | Node) -> Node:
    """Return a clause."""
    return Node(parts)


def expression(type_name: str, *parts: str | Node) -> Node:
    """Return an expression of a type."""
    return Node(parts, type=type_name)


def maybe(*parts: str | Node) -> Node:
    """Return a clause that may be dropped."""
    return Node(parts, optional=True)


def items(nodes: list[Node], separator: str = ", ") -> Node:
    """Return a list of which items may be dropped."""
    return Node(tuple(nodes), separator=separator)
