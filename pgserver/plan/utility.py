"""Utility statements around a query over the lake, and those that act on cursors and prepared statements by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pglast import ast
from pglast.enums import DiscardMode, FetchDirection, TransactionStmtKind
from pglast.parser import ParseError, Token, scan
from pglast.stream import RawStream

from pgserver.encode.copy import FILE_FORMATS
from pgserver.plan.inner import COMMENTS, Inner
from pgserver.plan.statement import Kind, Statement, parse

if TYPE_CHECKING:
    from pgserver.plan.compiler import LakeStatement

BINARY, SCROLL, NO_SCROLL, HOLD = 0x01, 0x02, 0x04, 0x20  # DeclareCursorStmt.options. Source: parsenodes.h
EMPTIED_PREFIX, EMPTIED_SUFFIX = "SELECT * FROM (", ") _ LIMIT 0"
FETCH_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Probe:
    """A text that the twin runs on its empty tables, to check the options that only running it checks.

    Its query is wrapped so that the twin plans it and never runs it: `1 / count(*)` over no rows would fail. `moved`:
    the places in characters where the text is longer than the client's, and by how much.
    """

    text: str
    moved: tuple[tuple[int, int], ...] = ()

    def original_position(self, position: int) -> int:
        """Return where a 1-based position of an error is in the client's text."""
        back = 0
        for start, size in self.moved:
            if position - back > start:
                back += min(size, position - 1 - back - start)
        return position - back


def emptied(text: str, inner: Inner) -> Probe:
    """Return the statement with a query in place of its own that has the same columns, and no rows."""
    query = text[inner.start : inner.end]
    probe = text[: inner.start] + EMPTIED_PREFIX + query + EMPTIED_SUFFIX + text[inner.end :]
    return Probe(probe, ((inner.start, len(EMPTIED_PREFIX)), (inner.end, len(EMPTIED_SUFFIX))))


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a list in parentheses; None where it has no value, a tuple for a list of names, `*` for a star."""

    name: str
    value: "str | bool | int | float | tuple[str, ...] | None"


@dataclass(frozen=True, slots=True)
class CopyOut:
    """COPY ... TO STDOUT."""

    query: "LakeStatement"
    options: tuple[Option, ...]
    probe: Probe


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN of a query over the lake."""

    query: "LakeStatement"
    options: tuple[Option, ...]
    probe: Probe

    @property
    def generic(self) -> bool:
        """Whether its parameters have no values."""
        return any(option.name == "generic_plan" and is_on(option.value) for option in self.options)


@dataclass(frozen=True, slots=True)
class ExplainPrepared:
    """EXPLAIN EXECUTE: whether it is the lake's is known when it runs."""

    options: tuple[Option, ...]
    execute: "ExecutePrepared"
    probe: Probe  # EXPLAIN of something else: what the twin has to check are the options


@dataclass(frozen=True, slots=True)
class Declare:
    """DECLARE CURSOR."""

    query: "LakeStatement"
    name: str
    options: int
    probe: Probe  # what the twin declares: the client's text, but for WITH HOLD, which it runs at COMMIT


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE: the twin's to run; what it prepares is the lake's."""

    query: "LakeStatement"
    name: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH or MOVE."""

    name: str
    direction: FetchDirection
    count: int
    move: bool


@dataclass(frozen=True, slots=True)
class ExecutePrepared:
    """EXECUTE. `arguments` is the text from EXECUTE on, in which `name_span` is where the name stands."""

    name: str
    count: int
    text: str
    name_span: tuple[int, int]
    start: int = 0  # of `text` within the statement's


@dataclass(frozen=True, slots=True)
class Forget:
    """CLOSE, DEALLOCATE, DISCARD: names that are gone when the twin has run it. None stands for all."""

    cursors: frozenset[str] | None = field(default_factory=frozenset)
    statements: frozenset[str] | None = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Rename:
    """DECLARE or PREPARE that does not read the lake: it may take a name that was the lake's before."""

    cursor: str | None = None
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """COMMIT: cursors WITH HOLD are filled before it."""


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """SET TRANSACTION SNAPSHOT: the lake is read as by the transaction that exported the snapshot."""

    exporter: str  # its virtual transaction id, as pg_locks shows it


@dataclass(frozen=True, slots=True)
class Bringing:
    """A statement that brings rows into a temporary table: what the twin is asked to do around the copy of the rows.

    `inner` is the query. `make` makes `table`, which takes the rows; `then`, of INSERT, reads it.
    """

    inner: str
    make: Probe
    table: str
    then: Probe | None = None
    unless_exists: bool = False  # IF NOT EXISTS


@dataclass(frozen=True, slots=True)
class Bring:
    """CREATE TEMP TABLE AS, SELECT INTO or INSERT ... SELECT from the lake."""

    query: "LakeStatement"
    how: Bringing


@dataclass(frozen=True, slots=True)
class Mix:
    """A statement that reads the lake and reads or writes the session's temporary tables."""

    query: "LakeStatement"


Wrapping = CopyOut | Explain | Declare | Prepare | Bring | Mix
Utility = Wrapping | ExplainPrepared | Fetch | ExecutePrepared | Forget | Rename | Commit | TakeSnapshot


def wrap(text: str, node: ast.Node, query: "LakeStatement", inner: Inner) -> Wrapping | None:
    """Return a utility statement whose query reads the lake; None for one that the session cannot run."""
    if isinstance(node, ast.CopyStmt):
        return copy_out(query, node, emptied(text, inner))
    if isinstance(node, ast.ExplainStmt):
        return Explain(query, read_options(node.options), emptied(text, inner))
    if isinstance(node, ast.PrepareStmt):
        return Prepare(query, node.name or "")
    if isinstance(node, ast.DeclareCursorStmt):
        options = node.options or 0
        locking = getattr(node.query, "lockingClause", None)  # refused WITH HOLD, as Postgres says where it sees it
        probe = emptied(text, inner) if options & HOLD and not locking else Probe(text)
        return Declare(query, node.portalname or "", options, probe)
    return None


def copy_out(query: "LakeStatement", node: ast.CopyStmt, probe: Probe) -> CopyOut:
    """Return a COPY whose check is `probe`; of a format that only we have, the twin checks the binary one instead."""
    options = read_options(node.options)
    if len(options) == 1 and options[0].name == "format" and options[0].value in FILE_FORMATS:
        end = next(token.end for token in reversed(scan(probe.text)) if token.name == "STDOUT")
        probe = replace(probe, text=f"{probe.text[: end + 1]} (FORMAT binary)")
    return CopyOut(query, options, probe)


def printed_types(node: ast.PrepareStmt) -> tuple[str, ...]:
    """Return the types that PREPARE declares, as SQL."""
    return tuple(RawStream()(argument) for argument in node.argtypes or ())


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def read_options(options: Sequence[ast.DefElem] | None) -> tuple[Option, ...]:
    """Read the options of COPY and EXPLAIN."""
    return tuple(Option(option.defname or "", _value(option.arg)) for option in options or ())


def _value(value: object) -> "str | bool | int | float | tuple[str, ...] | None":
    if isinstance(value, ast.A_Star):
        return "*"
    if isinstance(value, tuple):
        return tuple(item.sval or "" for item in value if isinstance(item, ast.String))
    if isinstance(value, ast.String):
        return value.sval or ""
    if isinstance(value, ast.Boolean):
        return bool(value.boolval)
    if isinstance(value, ast.Integer):
        return int(value.ival or 0)
    if isinstance(value, ast.Float):
        return float(value.fval or 0)
    return None


def is_on(value: object) -> bool:
    """Read a Boolean option that Postgres has accepted. Source: defGetBoolean."""
    if isinstance(value, str):
        return value.lower() in ("true", "on")
    return value is None or bool(value)


def read_named(statement: Statement) -> Utility | None:
    """Read a statement that acts on names of the session; None for others, and for what does not parse."""
    if statement.word == "SET" and SNAPSHOT.search(statement.text):
        return _take_snapshot(parse(statement.text))
    if statement.kind not in NAMED:
        return None
    node = parse(statement.text)
    if isinstance(node, ast.FetchStmt):
        assert node.portalname is not None
        assert node.direction is not None
        return Fetch(node.portalname, node.direction, node.howMany or 0, bool(node.ismove))
    if isinstance(node, ast.ClosePortalStmt):
        return Forget(cursors=None if node.portalname is None else frozenset((node.portalname,)))
    if isinstance(node, ast.DeallocateStmt):
        return Forget(statements=None if node.name is None else frozenset((node.name,)))
    if isinstance(node, ast.DiscardStmt):
        return Forget(cursors=None, statements=None) if node.target == DiscardMode.DISCARD_ALL else None
    if isinstance(node, ast.TransactionStmt):
        return Commit() if node.kind == TransactionStmtKind.TRANS_STMT_COMMIT else None
    if isinstance(node, ast.ExecuteStmt):
        return _execute(node, statement.text, 0)
    if isinstance(node, ast.ExplainStmt) and isinstance(node.query, ast.ExecuteStmt):
        start = next(token.start for token in scan(statement.text) if token.name == "EXECUTE")
        execute = _execute(node.query, statement.text[start:], start)
        return ExplainPrepared(read_options(node.options), execute, Probe(statement.text[:start] + "SELECT 1"))
    return None


def read_rename(statement: Statement) -> Rename | None:
    """Read which name a DECLARE or PREPARE takes; the planner has found that it does not read the lake."""
    if statement.kind not in (Kind.DECLARE, Kind.PREPARE):
        return None
    node = parse(statement.text)
    if isinstance(node, ast.DeclareCursorStmt):
        return Rename(cursor=node.portalname)
    return Rename(statement=node.name) if isinstance(node, ast.PrepareStmt) else None


def executes_prepared(statement: Statement) -> str | None:
    """Return the name in CREATE TABLE ... AS EXECUTE, also behind EXPLAIN."""
    if statement.kind not in (Kind.DEFINITION, Kind.EXPLAIN) or "execute" not in statement.text.lower():
        return None
    node = parse(statement.text)
    if isinstance(node, ast.ExplainStmt):
        node = node.query
    if isinstance(node, ast.CreateTableAsStmt) and isinstance(node.query, ast.ExecuteStmt):
        return str(node.query.name)
    return None


SNAPSHOT = re.compile("snapshot", re.IGNORECASE)
EXPORTED = re.compile("([0-9A-F]{8})-([0-9A-F]{8})-[0-9]+")
NAMED = frozenset((Kind.FETCH, Kind.CLOSE, Kind.EXECUTE, Kind.EXPLAIN, Kind.DEALLOCATE, Kind.DISCARD, Kind.COMMIT))


def _take_snapshot(node: ast.Node | None) -> TakeSnapshot | None:
    """Read whose snapshot it is. Source: ExportSnapshot in Postgres' snapmgr.c names it by the exporter, in hex."""
    if not isinstance(node, ast.VariableSetStmt) or node.name != "TRANSACTION SNAPSHOT":
        return None
    assert node.args is not None
    found = EXPORTED.fullmatch(node.args[0].val.sval)
    return None if found is None else TakeSnapshot("/".join(str(int(part, 16)) for part in found.groups()))


def _execute(node: ast.ExecuteStmt, text: str, start: int) -> ExecutePrepared:
    name = next(token for token in tokens_of(text)[1:])
    return ExecutePrepared(node.name or "", len(node.params or ()), text, (name.start, name.end + 1), start)


def tokens_of(text: str) -> list[Token]:
    """Return a statement's tokens without comments, none where Postgres' lexer refuses it."""
    try:
        return [token for token in scan(text) if token.name not in COMMENTS]
    except ParseError:
        return []


def copied_relation(text: str) -> Inner | None:
    """Find the table's name in COPY table."""
    tokens = tokens_of(text)
    at = 2 if len(tokens) > 1 and tokens[1].name == "BINARY" else 1
    if at >= len(tokens):
        return None
    last = at
    while last + 2 < len(tokens) and tokens[last + 1].name == "ASCII_46":  # a dot
        last += 2
    return Inner(tokens[at].start, tokens[last].end + 1)
