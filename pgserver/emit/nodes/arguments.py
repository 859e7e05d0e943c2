"""A function's arguments in the order of its parameters: named ones, and those left to their defaults."""

from typing import Final

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value, constant

DEFAULTS: Final = {
    "make_interval(integer,integer,integer,integer,integer,integer,double precision)": (
        *[constant(kinds.INT4, 0)] * 6,
        constant(kinds.FLOAT8, 0.0),
    ),
}


def arguments(signature: str, node: Node, walk: Walk) -> tuple[Value, ...]:
    """Emit the arguments of a call.

    Raises: NoRule where one is left to a default that only Postgres knows.
    """
    nodes = node.nodes("args")
    given = {}
    for place, argument in enumerate(nodes):
        if argument.tag == "NAMEDARGEXPR":
            given[argument.integer("argnumber")] = walk.expression(argument.node("arg"))
        else:
            given[place] = walk.expression(argument)
    values = dict(enumerate(DEFAULTS.get(signature, ()))) | given
    if sorted(values) != list(range(len(values))):
        raise NoRule(f"function {signature} with default arguments")
    return tuple(values[place] for place in range(len(values)))
