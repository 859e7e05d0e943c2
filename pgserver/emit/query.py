"""A Postgres query tree to DuckDB's SQL: `emit`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from catalog.columns import TableView
from pgserver.emit.errors import NoRule, TooDeep
from pgserver.emit.expansion import check_size
from pgserver.emit.functions.sets import sets_item
from pgserver.emit.kinds import INT4
from pgserver.emit.nodes.expressions import NODES
from pgserver.emit.nodes.from_items import from_clause
from pgserver.emit.nodes.grouping import group_clause, group_key, of_group, told_apart, varied
from pgserver.emit.nodes.limits import finish_clause
from pgserver.emit.nodes.ordering import sortable, target_of
from pgserver.emit.nodes.scope import Context, RelationSource, Scope
from pgserver.emit.nodes.select import Select
from pgserver.emit.nodes.setops import set_operation
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.nodes.with_items import with_clause
from pgserver.emit.operators.comparisons import COLUMN
from pgserver.emit.output import OutputColumn, assumed, finished
from pgserver.emit.parts import Emitted
from pgserver.emit.reading.families import Family
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.reading.tree import Node
from pgserver.emit.values import Value

__all__ = ["Emitted", "OutputColumn", "emit"]

COMMAND_SELECT = 1
NO_FAMILIES: Mapping[int, Family] = MappingProxyType({})


def emit(
    tree: Node,
    *,
    names: CatalogNames,
    relations: Mapping[int, TableView],
    outputs: Sequence[OutputColumn],
    families: Mapping[int, Family] = NO_FAMILIES,
) -> Emitted:
    """Emit a rewritten query.

    Args: the query; the twin's names; the lake's tables by OID in the twin; the result columns as described;
    what tables with children stand for.
    Raises: NoRule naming the node or signature that has no rule.
    """
    context = Context(names, dict(relations), families=families)
    walk = Walk(context, Scope(tree, None), NODES, select)
    try:
        if not tree.has("targetList"):
            raise NoRule("an empty select list")
        top = _select(tree, walk.within(Scope(tree, None)))
        context.assumes |= assumed(top.targets, names)
        sql = finished(top, outputs, names)
        check_size(sql)
    except RecursionError:
        raise TooDeep from None
    parts = context.parts(sql)
    relids = sorted({relid for part in Emitted(parts, (), "").relations for relid in part.relids})
    return Emitted(parts, tuple(relids), "SELECT", frozenset(context.assumes), context.volatile, context.late)


def select(query: Node, walk: Walk) -> Select:
    """Emit a query below another."""
    return _select(query, walk.within(Scope(query, walk.scope)))


def _select(query: Node, walk: Walk) -> Select:
    """Emit a query in its own scope, clause by clause."""
    if query.integer("commandType") != COMMAND_SELECT:
        raise NoRule("a statement that is not a SELECT")
    prefix = f"s{walk.context.number()}"
    head = with_clause(query, walk)
    if query.has("setOperations"):
        from_text, conditions = set_operation(query, walk), list[str]()
    else:
        from_text, conditions = from_clause(query, walk)
    walk.scope.grouped = bool(query.flag("hasAggs") or query.has("groupClause") or query.has("groupingSets"))
    tail = _where(conditions) + group_clause(query, walk)
    walk.scope.above_group = walk.scope.grouped or query.has("havingQual")
    if query.has("havingQual"):
        tail += f" HAVING {walk.expression(query.node('havingQual')).sql}"
    entries = query.nodes("targetList")
    values = [walk.expression(entry.node("expr")) for entry in entries if not entry.flag("resjunk")]
    if not values:  # rows without columns; only EXISTS may ask for them
        values = [Value("1", INT4)]
    modifier = _distinct(query, entries, walk)
    if modifier == "DISTINCT ":
        values, groups = _different(values, query, walk)
        tail, modifier = tail + groups, "" if groups else modifier
    qualify, finish = finish_clause(query, walk)
    from_text = sets_item(from_text, walk)
    tail = (f" FROM {from_text}" if from_text else "") + tail + qualify
    return Select(prefix, values, head, modifier, tail, finish, distinct=bool(modifier))


def _where(conditions: Sequence[str]) -> str:
    if not conditions:
        return ""
    if len(conditions) == 1:
        return f" WHERE {conditions[0]}"
    return " WHERE " + " AND ".join(f"({condition})" for condition in conditions)


def _distinct(query: Node, entries: list[Node], walk: Walk) -> str:
    clauses = query.nodes("distinctClause")
    if not query.flag("hasDistinctOn"):
        return "DISTINCT " if clauses else ""
    keys = []
    for clause in clauses:
        value = told_apart(walk.expression(target_of(clause, entries).node("expr")), "DISTINCT")
        if not COLUMN.search(value.sql):
            raise NoRule("DISTINCT ON a constant, which DuckDB takes for a column")
        keys.append(sortable(value, walk))
    return f"DISTINCT ON ({', '.join(keys)}) "


def _different(values: list[Value], query: Node, walk: Walk) -> tuple[list[Value], str]:
    """Return the targets of a DISTINCT query, and its GROUP BY where it has to be one."""
    values = [told_apart(value, "DISTINCT") for value in values]
    if not any(varied(value) for value in values):
        return values, ""
    if walk.scope.grouped or query.flag("hasWindowFuncs") or query.flag("hasTargetSRFs"):
        raise NoRule("DISTINCT of a value whose equal values differ in text")
    walk.context.late = True
    keys = [group_key(value) for value in values if COLUMN.search(value.sql)]
    return [of_group(value) for value in values], f" GROUP BY {', '.join(keys)}" if keys else " GROUP BY true"


def prunable(source: RelationSource) -> bool:
    """Tell whether a source has conditions by which files may be left out."""
    return bool(source.conditions)
