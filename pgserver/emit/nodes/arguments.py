"""A function's arguments in the order of its parameters: named ones, and those left to their defaults."""

from typing import Final

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.operators.jsonpaths import path_constant
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
            given[argument.integer("argnumber")] = operand(argument.node("arg"), walk)
        else:
            given[place] = operand(argument, walk)
    values = dict(enumerate(DEFAULTS.get(signature, ()))) | given
    if sorted(values) != list(range(len(values))):
        raise NoRule(f"function {signature} with default arguments")
    return tuple(values[place] for place in range(len(values)))


def operand(node: Node, walk: Walk) -> Value:
    """Emit what a function or an operator is applied to: a jsonpath stands nowhere else."""
    return path_constant(node) or walk.expression(node)
