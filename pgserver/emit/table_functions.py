"""Functions in FROM: generate_series, unnest."""

from pgserver.emit import kinds
from pgserver.emit.errors import NoRule
from pgserver.emit.scope import Source
from pgserver.emit.tree import Node
from pgserver.emit.values import Value
from pgserver.emit.walk import Walk

SERIES = {
    "generate_series(integer,integer)": kinds.INT4,
    "generate_series(integer,integer,integer)": kinds.INT4,
    "generate_series(bigint,bigint)": kinds.INT8,
    "generate_series(bigint,bigint,bigint)": kinds.INT8,
}


def table_function(entry: Node, walk: Walk) -> tuple[Source, str]:
    """Emit a function of FROM.

    Returns: the source of its columns, and the FROM item.
    """
    functions = entry.nodes("functions")
    if len(functions) != 1 or entry.flag("funcordinality"):
        raise NoRule("WITH ORDINALITY or ROWS FROM")
    call = functions[0].node("funcexpr")
    if call.tag != "FUNCEXPR":
        raise NoRule(f"node {call.tag} in FROM")
    signature = walk.names.functions.get(call.integer("funcid"), "unknown")
    if signature not in SERIES:
        raise NoRule(f"function {signature} in FROM")
    alias = f"t{walk.context.number()}"
    column = f"f{walk.context.number()}"
    type_oid = SERIES[signature]
    args = walk.expressions(call.nodes("args"))
    series = f"generate_series({', '.join(arg.sql for arg in args)})"
    text = f"LATERAL (SELECT CAST(unnest({series}) AS {kinds.DUCKDB[type_oid]}) AS {column}) AS {alias}"
    return Source(alias, [Value(f"{alias}.{column}", type_oid)]), text
