"""The part of a table that the engine brings to PostgreSQL: the rows that meet those conditions which have rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from catalog.columns import TableView
from pgserver import metrics
from pgserver.emit import kinds
from pgserver.emit.errors import FAULTS, NoRule
from pgserver.emit.operators.comparisons import symbol_of
from pgserver.emit.query import Emitted, OutputColumn, emit
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.reading.tree import Node
from pgserver.plan.analysis import RowField
from pgserver.plan.readings import Reading, any_of, on_columns
from pgserver.plan.session_state import SessionState

# Conditions of these are comparisons of columns and constants: DuckDB has no error for any.
_SURE = frozenset(("VAR", "CONST", "PARAM", "ARRAYEXPR", "RELABELTYPE", "NULLTEST", "BOOLEXPR"))
_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_TRUE = OutputColumn(kinds.BOOL, -1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake, and the columns that are brought."""

    relid: int
    view: TableView
    fields: tuple[RowField, ...]


def narrow(
    readings: Sequence[tuple[Reading, TableView]],
    whole: Table,
    names: CatalogNames,
    state: SessionState,
    *,
    sure: bool,
) -> Emitted | None:
    """Emit a scan of a table's own rows that leaves out those which no FROM item needs.

    Args: the FROM items that read it, with the table that each names; what is brought of it; the twin's names; the
    session; whether only conditions that cannot fail are wanted.
    Returns: None where all rows are needed, as far as we can say.
    """
    alternatives = []
    for reading, named in readings:
        numbers = _numbers(named, whole.view)
        terms = (on_columns(term, numbers) for term in reading.terms if not sure or _is_sure(term, names))
        usable = tuple(term for term in terms if _has_rule(term, whole, names, state))
        if not usable:
            return None
        alternatives.append(usable)
    if not alternatives:
        return None
    outputs = [OutputColumn(field.type_oid, field.typmod) for field in whole.fields]
    return _emitted(
        _query(whole.relid, [_column(field) for field in whole.fields], any_of(alternatives)), whole, names, outputs
    )


def _numbers(named: TableView, view: TableView) -> Mapping[int, int]:
    """Return a table's column for each of the one whose rows it has: they are the same by name."""
    own = {column.name: column.attnum for column in view.columns}
    return {column.attnum: own[column.name] for column in named.columns if column.name in own}


def _has_rule(term: Node, whole: Table, names: CatalogNames, state: SessionState) -> bool:
    """Tell whether the engine decides a term as Postgres does in this session, and again would decide so."""
    found = _emitted(_query(whole.relid, [term]), whole, names, [_TRUE])
    if found is None or found.volatile:
        return False
    return not any(state.differs(setting) for setting in found.assumes)


def _emitted(query: Node, whole: Table, names: CatalogNames, outputs: Sequence[OutputColumn]) -> Emitted | None:
    """Emit a query of ours; None where it has no rule, or where a rule is at fault."""
    try:
        return emit(query, names=names, relations={whole.relid: whole.view}, outputs=outputs)
    except NoRule:
        return None
    except FAULTS:
        metrics.rule_failures.inc()
        log.exception("emitter_failed")
        return None


def _is_sure(term: Node, names: CatalogNames) -> bool:
    pending = [term]
    while pending:
        node = pending.pop()
        if node.tag in ("OPEXPR", "SCALARARRAYOPEXPR"):
            if symbol_of(names.operators.get(node.integer("opno"), "")) not in _COMPARISONS:
                return False
        elif node.tag not in _SURE:
            return False
        pending += node.below()
    return True


def _query(relid: int, targets: Iterable[Node], condition: Node | None = None) -> Node:
    """Write a query tree: SELECT targets FROM ONLY table WHERE condition."""
    table = Node("RANGETBLENTRY", {"rtekind": "0", "relid": str(relid), "inh": "false"})
    item = Node("RANGETBLREF", {"rtindex": "1"})
    return Node(
        "QUERY",
        {
            "commandType": "1",
            "rtable": [table],
            "jointree": Node("FROMEXPR", {"fromlist": [item], "quals": condition}),
            "targetList": [Node("TARGETENTRY", {"expr": target, "resjunk": "false"}) for target in targets],
        },
    )


def _column(field: RowField) -> Node:
    return Node(
        "VAR",
        {
            "varno": "1",
            "varattno": str(field.attnum),
            "vartype": str(field.type_oid),
            "vartypmod": str(field.typmod),
            "varlevelsup": "0",
        },
    )
