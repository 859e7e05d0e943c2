"""Names in the twin: how they are written in SQL, which ones it cannot have, which ones keys get."""

from collections.abc import Mapping

from catalog.columns import TableView, UserType

MAX_NAME_BYTES = 63
MAX_COLUMNS = 1600

INDEXED = ("p", "u")  # keys that have an index; others are added when all tables stand

Name = tuple[str, str]  # namespace, and a table's or type's name

OURS: tuple[Name, ...] = (("bemidb", "sync_runs"), ("bemidb", "tables"))  # see sql/on_demand/bemidb.sql


def quote(*parts: str) -> str:
    """Write a (qualified) name so that Postgres reads exactly it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str | None) -> str:
    """Write a string constant, NULL for None; for `standard_conforming_strings = on`."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def is_reserved(namespace: str) -> bool:
    """Tell whether Postgres keeps a schema's name to itself."""
    return namespace.startswith("pg_") or namespace == "information_schema"


def fits(name: str) -> bool:
    """Tell whether Postgres would keep a name as it is."""
    return 0 < len(name.encode()) <= MAX_NAME_BYTES and "\0" not in name


def table_refusal(name: Name, view: TableView) -> str | None:
    """Return why the twin cannot have a table, or None."""
    if is_reserved(name[0]):
        return "reserved namespace"
    if name in OURS:
        return "a view of this server has its name"
    if not all(map(fits, (*name, *(column.name for column in view.columns)))):
        return "name empty or longer than 63 bytes"
    if [column.attnum for column in view.columns] != list(range(1, len(view.columns) + 1)):
        return "columns not numbered 1, 2, ..."
    if len(view.columns) > MAX_COLUMNS:
        return "more than 1600 columns"
    return None


def type_refusal(item: UserType, tables: Mapping[Name, TableView]) -> str | None:
    """Return why the twin cannot have a type, or None: its columns are text then."""
    if is_reserved(item.namespace):
        return "reserved namespace"
    if not all(map(fits, (item.namespace, item.name, *(name for name, _ in item.fields)))):
        return "name empty or longer than 63 bytes"
    if (item.namespace, item.name) in tables:
        return "a table has its name"
    return None


def key_names(tables: Mapping[Name, TableView], types: Mapping[Name, UserType]) -> dict[Name, dict[str, str]]:
    """Name primary and unique keys: as at the source, unless tables from several places clash.

    A key's index shares one namespace with tables and types. Returns: per table, from the name in the view to ours.
    """
    taken = {*tables, *types}
    names: dict[Name, dict[str, str]] = {}
    for table in sorted(tables):
        names[table] = {}
        for key in tables[table].keys:
            if key.kind in INDEXED:
                name = _free_name(table[0], key.name, taken)
                taken.add((table[0], name))
                names[table][key.name] = name
    return names


def _free_name(namespace: str, wish: str, taken: set[Name]) -> str:
    base = _cut(wish, MAX_NAME_BYTES) or "key"
    name, number = base, 0
    while (namespace, name) in taken:
        number += 1
        name = _cut(base, MAX_NAME_BYTES - len(str(number))) + str(number)
    return name


def _cut(text: str, limit: int) -> str:
    return text.replace("\0", "").encode()[:limit].decode(errors="ignore")
