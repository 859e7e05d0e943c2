"""The query inside a utility statement: COPY (...), EXPLAIN, PREPARE, DECLARE, CREATE TABLE AS.

Postgres' raw parse tree does not say where it stands, so its tokens do: the text is cut, never printed again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pglast.parser import ParseError, Token, scan

from pgserver.plan.statement import Kind, Statement

OPEN, CLOSE = "ASCII_40", "ASCII_41"
QUERY_STARTS = frozenset(("SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE_P", "MERGE", OPEN))
COMMENTS = frozenset(("SQL_COMMENT", "C_COMMENT"))


@dataclass(frozen=True, slots=True)
class Inner:
    """Where the inner query begins and ends, in characters of the statement's text."""

    start: int
    end: int


def find_inner(statement: Statement) -> Inner | None:
    """Find the query inside a utility statement; None where there is none."""
    try:
        tokens = [token for token in scan(statement.text) if token.name not in COMMENTS]
    except ParseError:
        return None
    while tokens and tokens[-1].name == "ASCII_59":  # the closing semicolon
        tokens.pop()
    finder = FINDERS.get(statement.kind)
    span = finder(tokens) if finder and tokens else None
    if span is None or span[0] >= span[1]:
        return None
    first, last = tokens[span[0]], tokens[span[1] - 1]
    return Inner(first.start, last.end + 1) if first.name in QUERY_STARTS else None


def _after_explain(tokens: list[Token]) -> tuple[int, int] | None:
    start = 1
    while start < len(tokens) and tokens[start].name in ("ANALYZE", "ANALYSE", "VERBOSE"):
        start += 1
    if start + 1 < len(tokens) and tokens[start].name == OPEN and tokens[start + 1].name not in QUERY_STARTS:
        start = _matching(tokens, start) + 1  # options; a parenthesis may also open the query
    return start, len(tokens)


def _in_copy(tokens: list[Token]) -> tuple[int, int] | None:
    if len(tokens) < 2 or tokens[1].name != OPEN:
        return None
    return 2, _matching(tokens, 1)


def _after_as(tokens: list[Token]) -> tuple[int, int] | None:
    if tokens[0].name not in ("CREATE", "PREPARE"):
        return None
    last = len(tokens)
    if tokens[0].name == "CREATE" and tokens[-1].name == "DATA_P":  # WITH [NO] DATA, or an alias
        ending = [token.name for token in tokens[-3:]]
        last -= 2 if ending[1] == "WITH" else 3 if ending[:2] == ["WITH", "NO"] else 0
    return _after_word(tokens[:last], "AS")


def _after_into(tokens: list[Token]) -> tuple[int, int] | None:
    """Find what INSERT inserts: behind the table's name, its alias and columns, up to what follows a query."""
    at = _after_word(tokens, "INTO")
    if at is None or tokens[0].name != "INSERT":
        return None
    start = at[0]
    while start < len(tokens) and tokens[start].name not in QUERY_STARTS - {OPEN}:
        if tokens[start].name == OPEN:
            if start + 1 < len(tokens) and tokens[start + 1].name in QUERY_STARTS:
                break  # a query in parentheses
            start = _matching(tokens, start)
        start += 1
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position].name == OPEN) - (tokens[position].name == CLOSE)
        conflict = tokens[position].name == "ON" and tokens[position + 1].name == "CONFLICT"
        if depth == 0 and (conflict or tokens[position].name == "RETURNING"):
            return start, position
    return start, len(tokens)


def _after_for(tokens: list[Token]) -> tuple[int, int] | None:
    return _after_word(tokens, "FOR")


def _after_word(tokens: list[Token], word: str) -> tuple[int, int] | None:
    depth = 0
    for position, token in enumerate(tokens):
        depth += (token.name == OPEN) - (token.name == CLOSE)
        if depth == 0 and token.name == word:
            return position + 1, len(tokens)
    return None


def _matching(tokens: list[Token], start: int) -> int:
    """Return the position of the parenthesis that closes the one at `start`, the end when there is none."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += (tokens[position].name == OPEN) - (tokens[position].name == CLOSE)
        if depth == 0:
            return position
    return len(tokens)


FINDERS: dict[Kind, Callable[[list[Token]], tuple[int, int] | None]] = {
    Kind.EXPLAIN: _after_explain,
    Kind.COPY: _in_copy,
    Kind.PREPARE: _after_as,
    Kind.DECLARE: _after_for,
    Kind.DEFINITION: _after_as,
    Kind.WRITE: _after_into,
}
