"""What nobody may do, though the twin would let the owner of its tables: those who log in own them, as at the source.

The twin's event triggers stop what makes or changes an object (`twin/sql/040_gate.sql`); here stands what fires none,
and writes whose texts the analysis could not read. Both stand behind `permissions.refuse_writes`.
"""

import re
from collections.abc import Collection

from pglast import ast
from pglast.enums import ObjectType, ReindexObjectType

from pgserver.plan.statement import Kind, Statement, parse
from pgserver.protocol.errors import InsufficientPrivilege, ReadOnlySqlTransaction

# Statements that change nothing which outlives the session, and are not looked at otherwise.
HARMLESS = frozenset(
    (
        *("", "SET", "SHOW", "RESET", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"),
        *("LISTEN", "NOTIFY", "UNLISTEN", "DEALLOCATE", "DISCARD", "CHECKPOINT", "LOAD", "CALL"),
    )
)
HARMLESS_KINDS = frozenset((Kind.QUERY, Kind.EXPLAIN, Kind.EXECUTE, Kind.DECLARE, Kind.FETCH, Kind.CLOSE, Kind.PREPARE))

WORDS = {
    ast.DoStmt: "execute code",
    ast.CreateFunctionStmt: "create functions",
    ast.AlterDatabaseStmt: "alter database",
    ast.AlterDatabaseSetStmt: "alter database",
    ast.AlterDatabaseRefreshCollStmt: "alter database",
    ast.ReassignOwnedStmt: "reassign objects",
    ast.DropOwnedStmt: "drop objects",
    ast.GrantStmt: "grant or revoke privileges",
    ast.AlterDefaultPrivilegesStmt: "alter default privileges",
}
OF_DATABASES = {ast.CommentStmt: "objtype", ast.RenameStmt: "renameType", ast.AlterOwnerStmt: "objectType"}
WHOLE_DATABASE = (
    ReindexObjectType.REINDEX_OBJECT_SCHEMA,
    ReindexObjectType.REINDEX_OBJECT_SYSTEM,
    ReindexObjectType.REINDEX_OBJECT_DATABASE,
)

WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
WRITE_WORD = re.compile("insert|update|delete|merge", re.IGNORECASE)

ACCESS_SHARE = 1  # lockdefs.h

Name = tuple[str, str]  # schema and table


def refuse_changes(statement: Statement) -> None:
    """Refuse what changes the database, or all of its tables.

    Raises: InsufficientPrivilege (42501).
    """
    if statement.kind in HARMLESS_KINDS or statement.word in HARMLESS:
        return
    node = parse(statement.text)
    if node is None:
        return
    what = WORDS.get(type(node))
    place = OF_DATABASES.get(type(node))
    if place is not None and getattr(node, place) == ObjectType.OBJECT_DATABASE:
        what = "alter database"
    if _takes_all_tables(node):
        what = f"{statement.word.lower()} all tables"
    if what is not None:
        raise InsufficientPrivilege(f"permission denied to {what}", hint="This server only reads the lake.")


def _takes_all_tables(node: ast.Node) -> bool:
    if isinstance(node, ast.VacuumStmt):
        return not node.rels
    if isinstance(node, ast.ClusterStmt):
        return node.relation is None
    return isinstance(node, ast.ReindexStmt) and node.kind in WHOLE_DATABASE


def is_reader_lock(node: ast.Node | None) -> bool:
    """Tell whether a statement locks tables as reading them does; `pg_dump` begins so."""
    return isinstance(node, ast.LockStmt) and node.mode == ACCESS_SHARE


def refuse_blind_writes(statement: Statement, lake: Collection[Name]) -> None:
    """Refuse writes to tables of the lake by their names, where the analysis could not read a text.

    It cannot where the session has objects of its own in it.

    Raises: ReadOnlySqlTransaction (25006).
    """
    node = parse(statement.text) if WRITE_WORD.search(statement.text) else None
    if node is None:
        return
    bare = {name for _, name in lake}
    for schema, name in written_names(node):
        if (schema, name) in lake or (schema is None and name in bare):
            raise ReadOnlySqlTransaction(
                f"cannot execute {statement.word} on a table of the lake",
                hint="Tables of the lake are written by the syncer; change them at the source.",
            )


def written_names(node: ast.Node) -> list[tuple[str | None, str]]:
    """Return schema and name of each relation that a statement, or a part of it in WITH, writes to."""
    found: list[tuple[str | None, str]] = []
    left: list[object] = [node]
    while left:
        item = left.pop()
        if isinstance(item, tuple):
            left += item
        elif isinstance(item, ast.Node):
            left += [getattr(item, slot) for slot in item]
            if isinstance(item, WRITES) and item.relation is not None:
                found.append((item.relation.schemaname, item.relation.relname or ""))
    return found
