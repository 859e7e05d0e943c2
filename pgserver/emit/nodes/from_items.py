"""FROM: relations, joins, subqueries, CTEs, VALUES and functions."""

from dataclasses import replace

from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.conditions import conjuncts, note_conditions
from pgserver.emit.nodes.sampling import sampled
from pgserver.emit.nodes.scope import (
    Cte,
    GroupSource,
    JoinSource,
    Scope,
    Source,
    exported,
    relation_source,
)
from pgserver.emit.nodes.select import as_held, export, unified
from pgserver.emit.nodes.table_functions import table_function
from pgserver.emit.nodes.walk import Walk
from pgserver.emit.reading.tree import Node
from pgserver.emit.sizes import check_tables

RELATION, SUBQUERY, JOIN, FUNCTION, TABLE_FUNCTION, VALUES, CTE, NAMED_TUPLESTORE, RESULT, GROUP = range(10)
FULL = 2
JOIN_WORDS = {0: "JOIN", 1: "LEFT JOIN", FULL: "FULL JOIN", 3: "RIGHT JOIN"}


def from_clause(query: Node, walk: Walk) -> tuple[str, list[str]]:
    """Emit FROM and WHERE.

    Returns: the FROM items, "" for none; the conjuncts of WHERE.
    """
    tables = query.nodes("rtable")
    check_tables(sum(entry.integer("rtekind") not in (JOIN, GROUP, RESULT) for entry in tables))
    jointree = query.node("jointree")
    for index, entry in enumerate(tables, 1):  # merged columns and grouping expressions stand for others
        kind = entry.integer("rtekind")
        if kind == JOIN:
            walk.scope.sources[index] = JoinSource(entry.optional_nodes("joinaliasvars"))
        elif kind == GROUP:
            walk.scope.sources[index] = GroupSource(entry.nodes("groupexprs"))
    items = [from_item(item, tables, walk) for item in jointree.nodes("fromlist")]
    conditions = []
    if jointree.has("quals"):
        walk.context.filters.update(id(term) for term in conjuncts(jointree.node("quals")))
        conditions.append(walk.expression(jointree.node("quals")).sql)
        note_conditions(jointree.node("quals"), walk)
    return ", ".join(item for item in items if item), conditions


def from_item(item: Node, tables: list[Node], walk: Walk) -> str:
    """Emit one item of FROM; a RESULT item, which has no columns and one row, is ""."""
    if item.tag == "RANGETBLREF":
        index = item.integer("rtindex")
        return table_item(index, tables[index - 1], walk)
    if item.tag == "JOINEXPR":
        return join(item, tables, walk)
    if item.tag == "FROMEXPR":
        raise NoRule("node FROMEXPR in FROM")
    raise NoRule(f"node {item.tag}")


def join(item: Node, tables: list[Node], walk: Walk) -> str:
    """Emit a join in parentheses."""
    kind = item.integer("jointype")
    if kind not in JOIN_WORDS:
        raise NoRule(f"a join of type {kind}")
    left = from_item(item.node("larg"), tables, walk)
    right = from_item(item.node("rarg"), tables, walk)
    condition = item.optional("quals")
    if condition is None and kind == 0:
        return f"({left} CROSS JOIN {right})"
    if kind == FULL and not _hashable(item, walk):  # Postgres has no plan for it
        raise NoRule("a FULL JOIN without an equality of its sides")
    on = walk.expression(condition).sql if condition is not None else "true"
    if condition is not None and kind == 0:
        note_conditions(condition, walk)
    if kind != 0 and "(SELECT" in on:
        raise NoRule("a subquery in the condition of an outer join")
    return f"({left} {JOIN_WORDS[kind]} {right} ON {on})"


def _hashable(item: Node, walk: Walk) -> bool:
    """Tell whether a join's condition has an equality of its sides, by which rows can be hashed."""
    condition = item.optional("quals")
    left, right = (_indexes(item.node(side)) for side in ("larg", "rarg"))
    for term in conjuncts(condition) if condition is not None else ():
        if term.tag == "OPEXPR" and walk.names.operators.get(term.integer("opno"), "").startswith("=("):
            one, other = (_read_by(arg) for arg in term.nodes("args"))
            if one and other and ((one <= left and other <= right) or (one <= right and other <= left)):
                return True
    return False


def _indexes(item: Node) -> set[int]:
    """Return the range table entries of an item of FROM: a join's own, and those below it."""
    found: set[int] = set()
    pending = [item]
    while pending:
        below = pending.pop()
        found.add(below.integer("rtindex"))
        if below.tag == "JOINEXPR":
            pending += (below.node("larg"), below.node("rarg"))
    return found


def _read_by(expression: Node) -> set[int]:
    """Return the range table entries whose columns an expression reads; 0 for those of a query around it, or below."""
    found: set[int] = set()
    pending = [expression]
    while pending:
        node = pending.pop()
        if node.tag == "VAR":
            found.add(0 if node.integer("varlevelsup") else node.integer("varno"))
        elif node.tag == "SUBLINK":
            found.add(0)
        pending += node.below()
    return found


def table_item(index: int, entry: Node, walk: Walk) -> str:
    """Emit a range table entry, and make it a source of columns."""
    kind = entry.integer("rtekind")
    if kind == RELATION:
        return relation_item(index, entry, walk)
    if kind == SUBQUERY:
        return subquery_item(index, entry, walk)
    if kind == CTE:
        return cte_item(index, entry, walk)
    if kind == VALUES:
        return values_item(index, entry, walk)
    if kind == FUNCTION:
        source, text = table_function(entry, walk)
        walk.scope.sources[index] = source
        return text
    if kind == RESULT:
        return ""
    raise NoRule(f"a FROM item of kind {kind}")


def relation_item(index: int, entry: Node, walk: Walk) -> str:
    """Emit a lake table; conditions of row security stand inside, before everything of the user's."""
    source = relation_source(walk.context, entry.integer("relid"), only=not entry.flag("inh"))
    walk.scope.sources[index] = source
    return _secured(sampled(walk.context.hole(source.hole), entry, walk), source.alias, entry, walk)


def subquery_item(index: int, entry: Node, walk: Walk) -> str:
    """Emit a subquery or a view."""
    select = walk.select(entry.node("subquery"), walk)
    alias = f"t{walk.context.number()}"
    walk.scope.sources[index] = Source(alias, exported(alias, select.names()))
    lateral = "LATERAL " if entry.flag("lateral") else ""
    return _secured(f"{lateral}({select.text()}) AS {alias}", alias, entry, walk)


def _secured(text: str, alias: str, entry: Node, walk: Walk) -> str:
    security = entry.nodes("securityQuals")
    if not security:
        return text
    conditions = " AND ".join(f"({value.sql})" for value in walk.expressions(security))
    return f"(SELECT * FROM {text} WHERE {conditions}) AS {alias}"


def cte_item(index: int, entry: Node, walk: Walk) -> str:
    """Emit a reference to a WITH item."""
    cte = find_cte(walk.scope.up(entry.integer("ctelevelsup")), entry.word("ctename"))
    alias = f"t{walk.context.number()}"
    walk.scope.sources[index] = Source(alias, exported(alias, cte.columns))
    return f"{cte.name} AS {alias}"


def find_cte(scope: Scope, name: str) -> Cte:
    """Return the WITH item of that name at a query level."""
    cte = scope.ctes.get(name)
    if cte is None:
        raise NoRule("a WITH item that is not emitted")
    return cte


def values_item(index: int, entry: Node, walk: Walk) -> str:
    """Emit VALUES."""
    rows = [list(walk.expressions(row)) for row in entry.lists("values_lists")]
    typmods = entry.numbers("coltypmods")
    forms = [unified(column, keep_all=True) for column in zip(*rows, strict=True)]
    forms = [replace(form, typmod=typmod) for form, typmod in zip(forms, typmods, strict=True)]
    prefix = f"v{walk.context.number()}"
    alias = f"t{walk.context.number()}"
    texts, names = [], []
    for row in rows:
        items = [
            export(as_held(value, form), f"{prefix}c{place}")
            for place, (value, form) in enumerate(zip(row, forms, strict=True), 1)
        ]
        flat = [text.rpartition(" AS ") for item in items for text in item]
        names = [name for _, _, name in flat]
        texts.append(f"({', '.join(text for text, _, _ in flat)})")
    columns = [replace(form, sql=f"{prefix}c{place}") for place, form in enumerate(forms, 1)]
    walk.scope.sources[index] = Source(alias, exported(alias, columns))
    lateral = "LATERAL " if entry.flag("lateral") else ""
    if lateral:
        raise NoRule("LATERAL VALUES")
    return f"(VALUES {', '.join(texts)}) AS {alias}({', '.join(names)})"
