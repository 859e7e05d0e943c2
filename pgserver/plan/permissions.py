"""What a compiled statement reads and writes: Postgres lists that in the query tree, to check permissions.

Source: RTEPermissionInfo in parsenodes.h.
"""

import re
from collections.abc import Mapping, Sequence

from pgserver.plan.statement import Statement
from pgserver.protocol.errors import FeatureNotSupported, ReadOnlySqlTransaction
from pgserver.twin.schema import LakeTable

COMMAND = re.compile(r":commandType\s(\d)")
PERMISSION = re.compile(r"\{RTEPERMISSIONINFO\s:relid\s(\d+)\s:inh\s\w+\s:requiredPerms\s(\d+)")
SELECTED = re.compile(
    r"\{RTEPERMISSIONINFO\s:relid\s(\d+)\s:inh\s\w+\s:requiredPerms\s\d+\s:checkAsUser\s\d+\s:selectedCols\s\(b([\s\d]*)\)"
)
SYSTEM_ATTRIBUTES = 7
INSERT, UPDATE, DELETE = 1, 4, 8  # bits of requiredPerms: ACL_INSERT, ACL_UPDATE, ACL_DELETE


def read_columns(tree: str, tables: Mapping[int, LakeTable]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return which columns of which lake tables a query reads: Postgres lists them to check permissions.

    Source: RTEPermissionInfo.selectedCols in parsenodes.h; its numbers are the attributes', less
    FirstLowInvalidHeapAttributeNumber (-7). 0 is the whole row.
    """
    reads: dict[int, set[int]] = {}
    for relid, columns in SELECTED.findall(tree):
        if int(relid) in tables and tables[int(relid)].view.kind != "v":
            reads.setdefault(int(relid), set()).update(int(column) - SYSTEM_ATTRIBUTES for column in columns.split())
    found = []
    for relid, attnums in sorted(reads.items()):
        known = range(1, len(tables[relid].view.columns) + 1)
        found.append((relid, tuple(known) if 0 in attnums else tuple(sorted(attnums & set(known))) or tuple(known[:1])))
    return tuple(found)


def refuse_writes(statement: Statement, tree: str, relids: Sequence[int], *, elsewhere: bool = True) -> None:
    """Refuse what would change rows of the lake, and writes elsewhere that read it.

    Raises: ReadOnlySqlTransaction (25006); FeatureNotSupported (0A000) for writes elsewhere that read the lake.
    """
    commands = set(COMMAND.findall(tree)) - {"1"}
    if not commands:
        return
    for relid, permissions in PERMISSION.findall(tree):
        changing = int(permissions) & (INSERT | DELETE) or (int(permissions) & UPDATE and commands & {"2", "5"})
        if int(relid) in relids and changing:
            raise ReadOnlySqlTransaction(
                f"cannot execute {statement.word} on a table of the lake",
                hint="Tables of the lake are written by the syncer; change them at the source.",
            )
    if elsewhere:
        raise FeatureNotSupported(f"{statement.word} that reads the lake is not supported yet")
