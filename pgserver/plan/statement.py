"""Splitting a text into statements, and telling by their first word which of them must be looked at."""

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

import pglast
from pglast import ast
from pglast.enums import ObjectType
from pglast.parser import ParseError, parse_sql_protobuf

FIRST_WORD = re.compile(r"(?:\s+|--[^\r\n]*(?:[\r\n]|\Z)|/\*(?:[^*]|\*(?!/))*\*/|\()*([A-Za-z]*)")
NO_WORDS = frozenset(("SQL_COMMENT", "C_COMMENT", "ASCII_40", "ASCII_59"))  # comments, parentheses, semicolons
ENDING = re.compile(r"(?:\s|;)*\Z")

DEFINITIONS = (
    *("CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT", "GRANT", "REVOKE", "VACUUM", "ANALYZE", "ANALYSE"),
    *("REINDEX", "CLUSTER", "LOCK", "REFRESH", "SECURITY", "IMPORT"),
)
TEMPORARY = "t"  # RELPERSISTENCE_TEMP


class Kind(Enum):
    """What a statement is to this server."""

    QUERY = auto()  # may read the lake
    WRITE = auto()  # may write to it, which is refused
    DEFINITION = auto()  # may change its tables, which is refused
    COPY = auto()
    EXPLAIN = auto()
    PREPARE = auto()
    EXECUTE = auto()
    DECLARE = auto()
    FETCH = auto()
    CLOSE = auto()
    DEALLOCATE = auto()
    DISCARD = auto()
    COMMIT = auto()
    OTHER = auto()  # SET, SHOW, BEGIN, LISTEN, ...: the twin's alone


KINDS = {
    **dict.fromkeys(("SELECT", "WITH", "VALUES", "TABLE"), Kind.QUERY),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE"), Kind.WRITE),
    **dict.fromkeys(DEFINITIONS, Kind.DEFINITION),
    **dict.fromkeys(("FETCH", "MOVE"), Kind.FETCH),
    **dict.fromkeys(("COMMIT", "END"), Kind.COMMIT),
    **{kind.name: kind for kind in (Kind.COPY, Kind.EXPLAIN, Kind.PREPARE, Kind.EXECUTE, Kind.DECLARE, Kind.CLOSE)},
    **{kind.name: kind for kind in (Kind.DEALLOCATE, Kind.DISCARD)},
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text. An empty one (comments only) has kind OTHER and no word."""

    text: str
    kind: Kind
    word: str
    offset: int = 0  # where it begins in the text that it is a part of, in characters


def split(text: str) -> tuple[Statement, ...]:
    """Split a text as Postgres' own lexer does; what does not parse stays one statement, for the twin to refuse."""
    if ";" not in text or ";" not in ENDING.sub("", text):
        return (classify(text),)
    try:
        places = pglast.split(text, with_parser=False, only_slices=True)
    except ParseError:
        return (classify(text),)
    return tuple(replace(classify(text[place]), offset=place.start) for place in places) or (classify(text),)


def mentions(text: bytes, *words: bytes) -> bool:
    """Whether one of some words, in lower case, stands in a text in any case: faster than a pattern that ignores it."""
    lower = text.lower()
    return any(word in lower for word in words)


def parses(text: str) -> bool:
    """Whether Postgres' grammar, as this server knows it, accepts a text of any number of statements."""
    try:
        parse_sql_protobuf(text)
    except ParseError:
        return False
    return True


def classify(text: str) -> Statement:
    """Tell a statement's kind by its first word."""
    match = FIRST_WORD.match(text)
    word = match.group(1).upper() if match else ""
    if not word and match and match.end() < len(text):
        word = _first_word(text)
    return Statement(text, KINDS.get(word, Kind.OTHER), word)


def _first_word(text: str) -> str:
    """Find the first word as Postgres' own lexer does: a comment may stand within a comment."""
    try:
        tokens = pglast.parser.scan(text)
    except ParseError:
        return ""
    words = (text[token.start : token.end + 1] for token in tokens if token.name not in NO_WORDS)
    return next(words, "").upper()


def parse(text: str) -> ast.Node | None:
    """Return the raw parse tree of one statement, None where Postgres' grammar refuses it."""
    try:
        statements = pglast.parse_sql(text)
    except ParseError:
        return None
    return statements[0].stmt if len(statements) == 1 else None


def relation_names(node: ast.Node) -> list[tuple[str | None, str]]:
    """Return schema and name of each relation that a utility statement acts on, but a new temporary table."""
    found: list[tuple[str | None, str]] = []
    new = node.relation if isinstance(node, ast.CreateStmt) and _is_temporary(node.relation) else None

    def visit(item: object) -> None:
        if item is new or isinstance(item, ast.TableLikeClause):  # which only reads a definition
            return
        if isinstance(item, ast.RangeVar) and item.relname is not None:
            found.append((item.schemaname, item.relname))
        elif isinstance(item, ast.Node):
            for slot in item:
                visit(getattr(item, slot))
        elif isinstance(item, tuple):
            for member in item:
                visit(member)

    visit(node)
    if isinstance(node, ast.DropStmt):
        found += [_named(names) for names in node.objects or () if isinstance(names, tuple)]
    elif isinstance(node, ast.CommentStmt) and isinstance(node.object, tuple):
        names = node.object if node.objtype is ObjectType.OBJECT_TABLE else node.object[:-1]  # else of a part of it
        found += [_named(names)] if names else []
    return found


def _is_temporary(relation: ast.RangeVar | None) -> bool:
    return relation is not None and (relation.relpersistence == TEMPORARY or relation.schemaname == "pg_temp")


def _named(names: tuple[object, ...]) -> tuple[str | None, str]:
    parts = [part.sval or "" for part in names if isinstance(part, ast.String)]
    return parts[-2] if len(parts) > 1 else None, parts[-1]
