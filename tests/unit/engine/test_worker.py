"""What the worker makes of an interrupt that nobody asked for."""

from collections.abc import Iterator
from typing import Any, Self, cast

import duckdb
import pytest

from pgserver.engine.channel import Kind
from pgserver.engine.worker import Runner, Statement, Worker

INTERRUPT = "INTERRUPT Error: Interrupted!"


class FailingCursor:
    """Each execution fails with the next of some texts while it is read; after the last one it has no rows."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)

    def cursor(self) -> Self:
        return self

    def execute(self, sql: str) -> Self:
        assert sql == "SELECT 1"
        return self

    def to_arrow_reader(self, rows: int) -> Iterator[Any]:
        assert rows
        if self.errors:
            raise OSError(self.errors.pop(0))
        return iter(())


def run(cursor: FailingCursor, *, canceled: bool = False) -> tuple[str, bool]:
    body = {
        "sql": "SELECT 1",
        "columns": [],
        "settings": {},
        "chunk_bytes": 1,
        "layout": None,
    }
    statement = Statement(1, Kind.RUN, body, canceled=canceled)
    failure = Runner(cast(duckdb.DuckDBPyConnection, cursor), cast(Worker, None)).run(statement)
    assert failure is not None
    return failure.sqlstate, failure.retryable_on_bridge


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_an_error_that_an_interrupt_hides_is_heard(lost: int) -> None:
    assert run(FailingCursor(*[INTERRUPT] * lost, "Invalid Input Error: 22012")) == ("22012", True)


def test_an_interrupt_after_a_cancel_is_one() -> None:
    assert run(FailingCursor(INTERRUPT, "Invalid Input Error: 22012"), canceled=True)[0] == "57014"


@pytest.mark.parametrize("lost", [1, 100])
def test_an_error_that_is_not_heard_again_is_one_still(lost: int) -> None:
    assert run(FailingCursor(*[INTERRUPT] * lost)) == ("XX000", True)
