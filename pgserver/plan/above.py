"""Statements of which only what stands above FROM and WHERE needs Postgres: the engine joins, filters and groups below.

    SELECT soundex(c.name), sum(o.total) FROM orders o JOIN customers c ON ... WHERE c.country = 'PT' GROUP BY 1

becomes what the engine runs, and what Postgres makes of its rows:

    SELECT c.name AS "_bemidb_1", o.total AS "_bemidb_2" FROM orders o JOIN customers c ON ... WHERE c.country = 'PT'
    SELECT soundex("_bemidb_1"), sum("_bemidb_2") FROM pg_temp."_bemidb_rows" GROUP BY 1

The text is cut and its names of columns are replaced; it is never printed from its parse tree.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pglast import ast
from pglast.enums import SetOperation
from pglast.parser import ParseError, scan

from pgserver.plan.inner import CLOSE, COMMENTS, OPEN
from pgserver.plan.statement import parse
from pgserver.plan.utility import quoted

ROWS = 'pg_temp."_bemidb_rows"'
DOT, SEMICOLON = "ASCII_46", "ASCII_59"
TAIL = frozenset(("GROUP_P", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH"))
BEFORE_OTHER_FROM = frozenset(("IS", "NOT"))  # DISTINCT FROM


@dataclass(frozen=True, slots=True)
class Above:
    """The two texts, and how many columns lie between them."""

    rows: str
    text: str


class Cannot(Exception):
    """The statement is left as it is."""


def split_above(text: str, outputs: Sequence[str]) -> Above | None:
    """Split one query above its WHERE; None where it has one table alone, or where the upper part is not of columns.

    Args: the query; the names of its result columns.
    """
    node = plain_query(text)
    if node is None or not _has_many(node):
        return None
    with contextlib.suppress(Cannot):
        above = _Rows(text, node, outputs).split()
        lower, upper = parse(above.rows), parse(above.text)
        if is_cut_from(lower, node) and isinstance(upper, ast.SelectStmt) and not upper.whereClause:
            return above
    return None


def plain_query(text: str) -> ast.SelectStmt | None:
    """Parse a query; None for what is no SELECT ... FROM alone."""
    node = parse(text)
    if not isinstance(node, ast.SelectStmt) or node.op != SetOperation.SETOP_NONE or not node.fromClause:
        return None
    return None if node.intoClause or node.lockingClause else node


def is_cut_from(lower: ast.Node | None, node: ast.SelectStmt) -> bool:
    """Make sure that nothing got lost: a query has FROM and WHERE of another."""
    found = (lower.fromClause, lower.whereClause) if isinstance(lower, ast.SelectStmt) else None
    return found == (node.fromClause, node.whereClause)


def _has_many(node: ast.SelectStmt) -> bool:
    """Tell whether FROM has more than a table: a lone table's conditions decide anyway what is brought of it."""
    items = node.fromClause or ()
    return len(items) > 1 or any(not isinstance(item, ast.RangeVar) for item in items)


class Cutter:
    """Cuts one text, and replaces parts of it."""

    def __init__(self, text: str, node: ast.SelectStmt, outputs: Sequence[str]) -> None:
        """Args: the text; its parse tree; the names of the result columns. Raises: Cannot."""
        self.text = text
        self.node = node
        self.outputs = outputs
        try:
            self.tokens = [token for token in scan(text) if token.name not in COMMENTS]
        except ParseError:
            raise Cannot from None
        self.at = {token.start: position for position, token in enumerate(self.tokens)}
        self.columns: dict[str, str] = {}  # what the engine returns, by its text there
        self.changes: list[tuple[int, int, str]] = []

    def column(self, text: str) -> str:
        """Return the name under which the engine returns something."""
        return self.columns.setdefault(text, f'"_bemidb_{len(self.columns) + 1}"')

    def selected(self) -> str:
        """Return the engine's SELECT list."""
        if not self.columns:
            raise Cannot
        return "SELECT " + ", ".join(f"{text} AS {ours}" for text, ours in self.columns.items())

    def replace(self, reference: ast.ColumnRef, new: str) -> None:
        """Note that a column's name becomes another."""
        position = self.at.get(reference.location or 0)
        last = None if position is None else position + 2 * (len(names_of(reference)) - 1)
        if position is None or last is None or any(t.name != DOT for t in self.tokens[position + 1 : last : 2]):
            raise Cannot
        self.changes.append((self.tokens[position].start, self.tokens[last].end + 1, new))

    def by_position(self, target: object) -> bool:
        """Name a result column by its position, where ORDER BY or DISTINCT ON names it by its name."""
        if not isinstance(target, ast.ColumnRef) or len(names := names_of(target)) > 1:
            return False
        positions = [position for position, output in enumerate(self.outputs, start=1) if output == names[0]]
        if len(positions) > 1:
            raise Cannot
        for position in positions:
            self.replace(target, str(position))
        return bool(positions)

    def clauses(self) -> dict[str, int]:
        """Return where the clauses of the query begin, and where it ends: positions of tokens."""
        tokens, depth = self.tokens, 0
        found = {"end": len(tokens) - (tokens[-1].name == SEMICOLON)}
        for position, token in enumerate(tokens):
            depth += (token.name == OPEN) - (token.name == CLOSE)
            before = [other.name for other in tokens[max(0, position - 2) : position]]
            if depth or before[-1:] == [DOT] or before[-1:] == ["AS"]:
                continue
            is_first = token.name == "SELECT" or (token.name == "FROM" and not _is_comparison(before))
            if is_first or (token.name in TAIL and "FROM" in found):
                found.setdefault(token.name, position)
        if "SELECT" not in found or "FROM" not in found:
            raise Cannot
        return found

    def start(self, position: int) -> int:
        """Return where a token begins; the text's end behind the last."""
        return self.tokens[position].start if position < len(self.tokens) else len(self.text)

    def changed(self, start: int, end: int) -> str:
        """Return a part of the text with its changes."""
        text = self.text[start:end]
        for low, high, new in sorted(self.changes, reverse=True):
            if start <= low < end:
                text = text[: low - start] + new + text[high - start :]
        return text


class _Rows(Cutter):
    """Cuts above WHERE: what the engine returns are columns of FROM."""

    def split(self) -> Above:
        """Return both texts. Raises: Cannot."""
        node = self.node
        for item in (*(node.sortClause or ()), *(node.distinctClause or ())):
            if not self.by_position(item.node if isinstance(item, ast.SortBy) else item):
                self._replace(item)
        for item in node.groupClause or ():
            self._check_group(item)
        upper = (node.targetList, node.groupClause, node.havingClause, node.windowClause)
        for part in (*upper, node.limitOffset, node.limitCount):
            self._replace(part)
        clauses = self.clauses()
        start, below = self.start(clauses["SELECT"]), self.start(clauses["FROM"])
        behind = self.start(min(clauses[name] for name in TAIL | {"end"} if name in clauses))
        text = self.text
        head, tail = self.changed(start, below), self.changed(behind, len(text))
        return Above(f"{text[:start]}{self.selected()} {text[below:behind]}", f"{head}FROM {ROWS} {tail}")

    def _replace(self, part: object) -> None:
        """Replace the columns in a part of the tree."""
        for reference in columns_in(part):
            self.replace(reference, self.column(".".join(map(quoted, names_of(reference)))))

    def _check_group(self, item: object) -> None:
        """GROUP BY means a column of FROM by a name, if there is one, else one of the result: who knows."""
        if isinstance(item, ast.ColumnRef) and len(names := names_of(item)) == 1:
            for output, target in zip(self.outputs, self.node.targetList or (), strict=False):
                if output == names[0] and not isinstance(target.val, ast.ColumnRef):
                    raise Cannot


def _is_comparison(before: list[str]) -> bool:
    return len(before) == 2 and before[1] == "DISTINCT" and before[0] in BEFORE_OTHER_FROM


def columns_in(part: object) -> Iterator[ast.ColumnRef]:
    """Yield the columns that a part of a raw parse tree names. Raises: Cannot where it has a query within."""
    if isinstance(part, ast.SubLink):
        raise Cannot
    if isinstance(part, ast.ColumnRef):
        yield part
    elif isinstance(part, ast.Node):
        for slot in part:
            yield from columns_in(getattr(part, slot))
    elif isinstance(part, tuple):
        for member in part:
            yield from columns_in(member)


def names_of(reference: ast.ColumnRef) -> tuple[str, ...]:
    """Return the parts of a column's name. Raises: Cannot for a star."""
    fields = reference.fields or ()
    names = tuple(field.sval or "" for field in fields if isinstance(field, ast.String))
    if len(names) != len(fields):
        raise Cannot
    return names
