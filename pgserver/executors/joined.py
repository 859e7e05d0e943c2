"""The rows of a statement's FROM and WHERE, where only what stands above them needs Postgres: see `plan/above.py`."""

from dataclasses import dataclass

from pglast.parser import scan

from pgserver.plan.above import ROWS, Above, split_above
from pgserver.plan.above_groups import split_groups
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Planner
from pgserver.plan.session_state import SessionState
from pgserver.plan.statement import Kind, classify
from pgserver.plan.utility import quoted
from pgserver.protocol.errors import PostgresError

# Fewer are brought as fast table by table.
MANY_ROWS = 10_000
LONG_TEXT = 1 << 16  # takes too long to cut
# A composite type is that of a lake's table, which is another one than its temporary table's.
COMPOSITE = "c"


@dataclass(frozen=True, slots=True)
class Joined:
    """What the engine runs, the table for its rows and its columns, and what Postgres runs over it."""

    rows: LakeStatement
    definition: str
    columns: str
    text: str


async def joined_rows(
    planner: Planner, statement: LakeStatement, state: SessionState, pins: dict[int, str]
) -> Joined | None:
    """Compile both parts of a statement; None where it has no such parts, or few rows to bring.

    Args: the planner; the statement; the session; the snapshots that are pinned, which this adds to.
    """
    text = statement.text.decode()
    if len(text) >= LONG_TEXT or state.converts or statement.needs_keys or classify(text).kind is not Kind.QUERY:
        return None
    outputs = [field.name.decode() for field in statement.fields]
    try:
        splits = (split_groups(text, outputs, column_names(statement, planner)), split_above(text, outputs))
    except RecursionError:
        return None
    if not any(splits):
        return None
    tables = await planner.whole_scans([relid for relid, _ in statement.reads], pins)
    if sum(scan.whole.rows for scan in tables) < MANY_ROWS:
        return None
    for above in filter(None, splits):
        rows = await _compiled(planner, statement, above, state)
        if rows is not None:
            empty = without_parameters(above.rows, [planner.type_name(oid) for oid in statement.parameters])
            definition = f"CREATE TEMP TABLE {ROWS} ON COMMIT DROP AS {empty}\nWITH NO DATA"
            columns = ", ".join(quoted(field.name.decode()) for field in rows.fields)
            return Joined(rows, definition, columns, above.text)
    return None


async def _compiled(
    planner: Planner, statement: LakeStatement, above: Above, state: SessionState
) -> LakeStatement | None:
    """Compile the engine's part; None where it has no rule for that either."""
    try:
        rows = await planner.look(classify(above.rows), above.rows.encode(), statement.parameters, state.analysis)
    except PostgresError:
        return None
    if not isinstance(rows, LakeStatement) or rows.emitted is None:
        return None
    if any(planner.typtype(field.type_oid) == COMPOSITE for field in rows.fields):
        return None
    return rows


def column_names(statement: LakeStatement, planner: Planner) -> frozenset[str]:
    """Return the names of all columns of the statement's tables and views."""
    relations = map(planner.table, (*statement.relids, *statement.views))
    return frozenset(column.name for relation in relations for column in relation.view.columns)


def without_parameters(text: str, types: list[str]) -> str:
    """Put NULL of its type in place of each parameter: what is to be known are the types of columns."""
    for token in reversed([token for token in scan(text) if token.name == "PARAM"]):
        number = int(text[token.start + 1 : token.end + 1])
        text = f"{text[: token.start]}NULL::{types[number - 1]}{text[token.end + 1 :]}"
    return text
