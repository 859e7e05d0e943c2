"""The verdict on a statement: the emitter alone, between Postgres and DuckDB over the same rows.

The engine's rows, no rule, or an error: the bridge answers the latter two. Never other rows.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import duckdb
import psycopg

from pgserver.emit.errors import NoRule
from pgserver.emit.query import emit
from pgserver.emit.tree import parse_tree
from pgserver.encode.rows import WireColumn
from pgserver.engine.errors import failure_of
from tests.support.comparing import is_ordered
from tests.support.emit_lab import EmitLab, Row, decode

RESCUED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)
# Subqueries where DuckDB has none. What else it does not bind is a rule's fault.
UNBOUND = re.compile(r"subqueries in lambda|Referenced table .* not found|non-inner join on subquery|correlated")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a statement.

    `refused`: Postgres does not analyse it; `bridge`: no rule, or an error that the bridge answers.
    """

    kind: Literal["refused", "bridge", "engine", "wrong"]
    detail: str = ""


def judge(lab: EmitLab, text: str, *, certain: bool) -> Verdict:
    """Run a statement on both sides.

    Args: `certain`: an error of Postgres must not become rows.
    """
    try:
        tree, columns, _ = lab.tree(text)
    except ValueError as error:
        return Verdict("refused", str(error).strip())
    try:
        emitted = emit(parse_tree(tree)[0], names=lab.names, relations=lab.views, outputs=columns)
    except NoRule as error:
        return Verdict("bridge", error.construct)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the emitter's fault
        return Verdict("wrong", f"the emitter raises {type(error).__name__}: {error}")
    if not emitted.relids:
        return Verdict("bridge", "no table")
    try:
        reader = lab.duckdb.execute(lab.render(emitted)).to_arrow_reader(10_000)
        wire = tuple(WireColumn(column.type_oid, column.typmod, 0) for column in columns)
        ours = [row for batch in reader for row in decode(batch, wire)]
    except RESCUED as error:
        rescued = failure_of(error).retryable_on_bridge
        return Verdict("bridge" if rescued else "wrong", f"error: {str(error)[:150]}")
    except duckdb.Error as error:
        if UNBOUND.search(str(error)):
            return Verdict("bridge", f"error: {str(error)[:150]}")
        return Verdict("wrong", f"a rule's fault: {str(error)[:300]}")
    try:
        theirs = lab.theirs(text)
    except (ValueError, psycopg.Error) as error:
        if certain and "statement timeout" not in str(error) and _is_planned(lab, text):
            return Verdict("wrong", f"no error: {str(error).strip()}")
        return Verdict("bridge", "Postgres raises")
    if ours == theirs or (not is_ordered(text) and Counter(ours) == Counter(theirs)):
        return Verdict("engine")
    return Verdict("wrong", _difference(ours, theirs))


def _is_planned(lab: EmitLab, text: str) -> bool:
    """Tell whether Postgres makes a plan: what it raises while it does, the twin raises for us, at Bind."""
    try:
        lab.theirs(f"EXPLAIN {text}")
    except (ValueError, psycopg.Error):
        return False
    return True


def _difference(ours: list[Row], theirs: list[Row]) -> str:
    extra, missing = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    if not extra and not missing:
        return "another order"
    some, others = list(extra.elements())[:2], list(missing.elements())[:2]
    return f"{some} instead of {others} ({extra.total()} of {len(theirs)} rows)"
