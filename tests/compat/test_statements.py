"""Every statement of `sql/` answers on our server as on PostgreSQL: names, types, rows, order, tag, SQLSTATE."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.compat.conftest import Side
from tests.support import statements
from tests.support.asking import MODES, Mode, TooLate
from tests.support.comparing import difference, is_ordered
from tests.support.statements import Statement

STATEMENTS = statements.read_all(Path(__file__).parent / "sql")


@pytest.mark.parametrize("statement", [pytest.param(s, id=s.name) for s in STATEMENTS])
def test_answers_as_postgres(statement: Statement, reference: Side, candidate: Side) -> None:
    found = dict(differences(statement, reference, candidate))
    if statement.differs is not None:
        assert found, f"does not differ any more from PostgreSQL: {statement.differs} can go"
        pytest.xfail(statement.differs)
    if found:
        pytest.fail(f"{statement.path}:{statement.line}\n{statement.text}\n" + lines(found), pytrace=False)


def differences(statement: Statement, reference: Side, candidate: Side) -> Iterator[tuple[Mode, str]]:
    """Give what differs in each mode."""
    ordered = is_ordered(statement.text)
    for mode in MODES:
        theirs, expected = reference.ask(statement.text, mode, statement.settings)
        try:
            ours, actual = candidate.ask(statement.text, mode, statement.settings)
        except (TooLate, psycopg.OperationalError) as error:
            yield mode, f"no answer: {type(error).__name__} {error}"
            continue
        if found := difference(expected, actual, (theirs.type_names, ours.type_names), ordered=ordered):
            yield mode, found


def lines(found: dict[Mode, str]) -> str:
    """One line per mode, or one for all when they agree."""
    if len(set(found.values())) == 1 and len(found) == len(MODES):
        return f"  all: {next(iter(found.values()))}"
    return "\n".join(f"  {mode}: {text}" for mode, text in found.items())
