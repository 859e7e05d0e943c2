"""ORDER BY, LIMIT, OFFSET and WITH TIES."""

from pgserver.emit.errors import NoRule
from pgserver.emit.functions.sets import set_places
from pgserver.emit.nodes.ordering import sort_key, target_of
from pgserver.emit.nodes.sampling import chance, is_random
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node

WITH_TIES = 1


def finish_clause(query: Node, walk: Walk) -> tuple[str, str]:
    """Emit the end of a query.

    Returns: a QUALIFY clause for WITH TIES, else ""; ORDER BY, LIMIT and OFFSET.
    """
    entries = query.nodes("targetList")
    keys = [_key(target_of(clause, entries), clause, walk) for clause in query.nodes("sortClause")]
    order = f" ORDER BY {', '.join([*keys, *set_places(walk)])}" if keys else ""
    limit = _bound(query, "limitCount", walk)
    offset = _bound(query, "limitOffset", walk)
    skip = f" OFFSET {offset}" if offset else ""
    if limit and query.integer("limitOption") == WITH_TIES:
        if query.has("distinctClause"):
            raise NoRule("WITH TIES of a DISTINCT query")
        last = f"{limit} + {offset}" if offset else limit
        return f" QUALIFY rank() OVER (ORDER BY {', '.join(keys)}) <= {last}", order + skip
    return "", order + (f" LIMIT {limit}" if limit else "") + skip


def _key(target: Node, clause: Node, walk: Walk) -> str:
    expression = target.node("expr")
    alone = target.flag("resjunk") and is_random(expression, walk)
    return sort_key(chance(walk) if alone else walk.expression(expression), clause, walk)


def _bound(query: Node, field: str, walk: Walk) -> str:
    node = query.optional(field)
    if node is None:
        return ""
    above, walk.scope.above_group = walk.scope.above_group, False
    value = walk.expression(node)
    walk.scope.above_group = above
    if value.is_null:
        return ""
    if value.constant is not None and isinstance(value.constant.value, int):
        if value.constant.value < 0:
            raise NoRule("a negative LIMIT or OFFSET")
        return str(value.constant.value)
    return value.operand if value.atom else f"({value.sql})"
