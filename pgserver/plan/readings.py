"""Which rows of a table a statement can need at all: the conditions that each FROM item's rows must meet.

Found in the query tree as Postgres' planner distributes them (`distribute_qual_to_rels` in initsplan.c): a term of
WHERE, or of an inner join's ON, that is about one FROM item alone holds for every row of it that counts. It does not
below the nullable side of an outer join, unless NULL fails it; and it is taken into a subquery that passes rows on as
they are.
What is not found costs time, never rows: the statement itself checks all of its conditions again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pgserver.emit.errors import NoRule
from pgserver.emit.nodes.conditions import conjuncts
from pgserver.emit.nodes.from_items import JOIN, RELATION, SUBQUERY
from pgserver.emit.reading.tree import Field, Node

INNER, LEFT, FULL, RIGHT = range(4)
PARAM_EXTERN = 0
# What changes, or depends on, more than one row: such a term stays where it is.
_ROOTED = frozenset(("QUERY", "SUBLINK", "SUBPLAN", "AGGREF", "GROUPINGFUNC", "WINDOWFUNC", "MERGESUPPORTFUNC"))
# Clauses through which a condition on a result is none on the rows below.
_CLOSED = ("groupClause", "groupingSets", "havingQual", "distinctClause", "limitCount", "limitOffset", "setOperations")
_CLOSED_FLAGS = ("hasAggs", "hasWindowFuncs", "hasTargetSRFs")

Terms = tuple[Node, ...]
Replace = Callable[[Node], Node]


class _Unfit(Exception):
    """A term is not about the columns of one FROM item."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A FROM item: a table, with its children's rows or its own only, and the terms that its rows must all meet."""

    relid: int
    only: bool
    terms: Terms


def find_readings(query: Node) -> tuple[Reading, ...]:
    """Return every FROM item that is a table, of a query and of those inside it; none where we cannot follow it."""
    try:
        return tuple(_readings(query, ()))
    except (NoRule, RecursionError):
        return ()


def _readings(query: Node, terms: Terms) -> Iterator[Reading]:
    """Yield the readings of a query whose rows must meet some terms besides its own, over its own FROM items."""
    tables = query.nodes("rtable")
    given: dict[int, Terms] = {}
    jointree = query.node("jointree")
    merged = {number: entry for number, entry in enumerate(tables, 1) if entry.integer("rtekind") == JOIN}
    _distribute(jointree, terms, merged, given)
    for number, entry in enumerate(tables, 1):
        if entry.integer("rtekind") == RELATION:
            met = () if entry.has("tablesample") else given.get(number, ())
            yield Reading(entry.integer("relid"), not entry.flag("inh"), met)
        elif entry.integer("rtekind") == SUBQUERY:
            subquery = entry.node("subquery")
            yield from _readings(subquery, tuple(_taken_into(subquery, given.get(number, ()))))
        elif query.flag("hasSubLinks"):
            yield from _inside(entry.fields.values())
    elsewhere = query.fields if query.flag("hasSubLinks") else ("cteList",)
    yield from _inside(query.fields.get(field) for field in elsewhere if field != "rtable")


def _inside(values: Iterable[Field]) -> Iterator[Reading]:
    """Yield the readings of the queries that stand in some fields, at any depth."""
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, Node):
            if value.tag == "QUERY":
                yield from _readings(value, ())
            else:
                pending += value.fields.values()


def _distribute(item: Node, terms: Terms, merged: Mapping[int, Node], given: dict[int, Terms]) -> None:
    """Give each FROM item below a part of FROM those terms that are about it alone."""
    if item.tag == "RANGETBLREF":
        number = item.integer("rtindex")
        given[number] = tuple(term for term in terms if _about(term) == {number})
    elif item.tag == "FROMEXPR":
        held = terms + _terms(item, merged)
        for below in item.nodes("fromlist"):
            _distribute(below, held, merged, given)
    elif item.tag == "JOINEXPR":
        kind, on = item.integer("jointype"), _terms(item, merged)
        strict = tuple(term for term in terms if _fails_for_null(term))
        sides = {
            INNER: (terms + on, terms + on),
            LEFT: (terms, strict + on),
            RIGHT: (strict + on, terms),
            FULL: (strict, strict),
        }.get(kind, ((), ()))
        _distribute(item.node("larg"), sides[0], merged, given)
        _distribute(item.node("rarg"), sides[1], merged, given)


def _terms(item: Node, merged: Mapping[int, Node]) -> Terms:
    """Return the usable terms of a WHERE or an ON, with a join's merged columns replaced by what they stand for."""

    def plain(var: Node) -> Node:
        join = merged.get(var.integer("varno"))
        if join is None:
            return var
        columns, number = join.optional_nodes("joinaliasvars"), var.integer("varattno")
        column = columns[number - 1] if 0 < number <= len(columns) else None
        if column is None:
            raise _Unfit
        return _copy(column, plain)

    found = []
    for term in conjuncts(item.node("quals")) if item.has("quals") else ():
        try:
            found.append(_copy(term, plain))
        except _Unfit:
            continue
    return tuple(found)


def _about(term: Node) -> set[int]:
    """Return the FROM items that a term names."""
    found, pending = set[int](), [term]
    while pending:
        node = pending.pop()
        if node.tag == "VAR":
            found.add(node.integer("varno"))
        pending += node.below()
    return found


def _fails_for_null(term: Node) -> bool:
    """Tell whether a term is surely not true where its columns are NULL: a comparison of a bare column.

    All operators of Postgres that give a boolean are strict.
    """
    if term.tag == "NULLTEST":
        return term.integer("nulltesttype") == 1 and term.node("arg").tag == "VAR"
    args = term.nodes("args") if term.tag in ("OPEXPR", "SCALARARRAYOPEXPR") else []
    strict = term.tag == "OPEXPR" or (bool(args) and term.flag("useOr"))
    bare = [arg.node("arg") if arg.tag == "RELABELTYPE" else arg for arg in args]
    return strict and any(arg.tag == "VAR" for arg in bare) and all(arg.tag in ("VAR", "CONST") for arg in bare)


def _taken_into(subquery: Node, terms: Terms) -> Iterator[Node]:
    """Yield terms on a subquery's columns as terms on its FROM items."""
    if any(subquery.has(clause) for clause in _CLOSED) or any(subquery.flag(flag) for flag in _CLOSED_FLAGS):
        return
    targets = subquery.nodes("targetList")

    def target(var: Node) -> Node:
        number = var.integer("varattno")
        if not 0 < number <= len(targets):
            raise _Unfit
        return _copy(targets[number - 1].node("expr"), lambda column: column)

    for term in terms:
        try:
            yield _copy(term, target)
        except _Unfit:
            continue


def on_columns(term: Node, numbers: Mapping[int, int]) -> Node:
    """Return a term about one table as one about another, that is number 1 of its query.

    Args: the term; the other table's column for each of the one's.
    """

    def moved(var: Node) -> Node:
        return Node("VAR", var.fields | {"varno": "1", "varattno": str(numbers[var.integer("varattno")])})

    return _copy(term, moved)


def _copy(node: Node, replace: Replace) -> Node:
    """Return a copy of a term with other columns.

    Raises: _Unfit where it holds more than columns of this query, constants, parameters, and what computes with them.
    """
    if node.tag == "VAR":
        if node.integer("varlevelsup") or node.integer("varattno") < 1:
            raise _Unfit
        return replace(node)
    if node.tag in _ROOTED or (node.tag == "PARAM" and node.integer("paramkind") != PARAM_EXTERN):
        raise _Unfit
    return Node(node.tag, {field: _copied(value, replace) for field, value in node.fields.items()})


def _copied(value: Field, replace: Replace) -> Field:
    if isinstance(value, Node):
        return _copy(value, replace)
    if isinstance(value, list):
        return [_copied(item, replace) for item in value]
    return value


def any_of(alternatives: Sequence[Terms]) -> Node:
    """Return the condition that all terms of one alternative are met."""
    if len(alternatives) == 1:
        return _joined("and", list(alternatives[0]))
    return _joined("or", [_joined("and", list(terms)) for terms in alternatives])


def _joined(operator: str, nodes: list[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return Node("BOOLEXPR", {"boolop": operator, "args": list(nodes)})
