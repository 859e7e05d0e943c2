"""Make a failing statement small: drop clauses and items, put simpler expressions, while it still fails."""

from collections.abc import Callable, Iterator

from tests.compat.generator.tree import EMPTY, Node

MAX_TRIES = 400
SIMPLE = {
    "boolean": ("true",),
    "smallint": ("1::smallint",),
    "integer": ("1",),
    "bigint": ("1::bigint",),
    "numeric": ("1.5",),
    "double precision": ("1.5::float8",),
    "real": ("1.5::float4",),
    "text": ("'a'::text",),
    "date": ("date '2024-02-29'",),
    "timestamp without time zone": ("timestamp '2024-02-29 12:34:56'",),
    "timestamp with time zone": ("timestamptz '2024-02-29 12:34:56+00'",),
    "interval": ("interval '1 day'",),
    "jsonb": ("jsonb '[1]'",),
    "json": ("json '[1]'",),
}


def shrink(statement: Node, fails: Callable[[str], bool]) -> Node:
    """Return the smallest statement found that still fails.

    Args: `fails` tells whether a text fails; a text that Postgres refuses does not.
    """
    tries = 0
    smaller: Node | None = statement
    while smaller is not None:
        statement, smaller = smaller, None
        for candidate in _candidates(statement):
            tries += 1
            if tries > MAX_TRIES:
                return statement
            if candidate.size() < statement.size() and fails(str(candidate)):
                smaller = candidate
                break
    return statement


def _candidates(node: Node) -> Iterator[Node]:
    """Yield a node with one change in it, the deepest cuts first."""
    yield from _instead(node)
    if node.separator is not None and len(node.parts) > 1:
        for index in range(len(node.parts)):
            yield _with(node, node.parts[:index] + node.parts[index + 1 :])
    for index, part in enumerate(node.parts):
        if isinstance(part, Node):
            for other in _candidates(part):
                yield _with(node, (*node.parts[:index], other, *node.parts[index + 1 :]))


def _instead(node: Node) -> Iterator[Node]:
    if node.optional and node.parts:
        yield EMPTY
    if not node.type:
        return
    for below in list(node.nodes())[1:]:
        if below.type == node.type:
            yield below
    if any(isinstance(part, Node) for part in node.parts):
        for text in SIMPLE.get(node.type, ()):
            yield Node((text,), type=node.type)


def _with(node: Node, parts: "tuple[str | Node, ...]") -> Node:
    return Node(parts, node.type, node.optional, node.separator)
