"""What the emitter gives alone, without a bridge to help: Postgres' rows, or no rule, or an error. Never other rows.

The statements are those of tests/compat/sql, where a server answers them; the bridge hides there what raises here.
"""

from collections import Counter
from functools import cache
from pathlib import Path

import duckdb
import pytest

from pgserver.emit.errors import NoRule
from tests.support import statements
from tests.support.comparing import is_ordered
from tests.support.emit_lab import EmitLab

FOLDER = Path(__file__).parents[2] / "compat" / "sql"
STATEMENTS = [
    statement
    for statement in statements.read_all(FOLDER)
    if len(statement.settings) == 1 and "$1" not in statement.text
]
MUST_RUN = 1000  # of the statements, in the engine alone: coverage does not fall unseen


@pytest.mark.parametrize("topic", sorted({statement.path.parent.name for statement in STATEMENTS}))
def test_never_other_rows(topic: str, emit_lab: EmitLab) -> None:
    wrong = [
        f"{statement.name}: {found}"
        for statement in STATEMENTS
        if statement.path.parent.name == topic and (found := difference(emit_lab, statement)) not in (None, "")
    ]
    assert not wrong, "\n".join(wrong)


def test_most_statements_run_in_the_engine(emit_lab: EmitLab) -> None:
    equal = sum(difference(emit_lab, statement) is None for statement in STATEMENTS)
    assert equal >= MUST_RUN, f"{equal} of {len(STATEMENTS)}"


@cache  # both tests ask
def difference(lab: EmitLab, statement: statements.Statement) -> str | None:
    """Return None for the same rows, "" for no answer, else what is wrong."""
    try:
        emitted, columns = lab.emit(statement.text)
    except (NoRule, ValueError):
        return ""
    if not emitted.relids:
        return ""
    try:
        ours = lab.ours(emitted, columns)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException):
        return ""
    except duckdb.Error as error:
        return f"a rule's fault: {error}"
    try:
        theirs = lab.theirs(statement.text)
    except ValueError as error:
        return f"no error: {error}"
    if ours == theirs or (not is_ordered(statement.text) and Counter(ours) == Counter(theirs)):
        return None
    if statement.differs:
        return None
    return f"{Counter(ours) - Counter(theirs)} instead of {Counter(theirs) - Counter(ours)}"
