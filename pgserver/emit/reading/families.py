"""Tables with children: a partitioned table, or one that others inherit from, is the union of its members' rows.

Members are the tables with rows of their own, whatever their depth. Columns are matched by name, as Postgres does:
their numbers may differ, and so may the way they are stored where that depends on the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.columns import Column, TableView
from catalog.scan import ScanPlan
from catalog.types import TEXT_BACKED, duckdb_type
from pgserver.emit.parts import Condition, RelationHole
from pgserver.emit.relations import parquet_sql, relation_sql

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """What a table stands for unless a statement says ONLY."""

    view: TableView  # its columns are stored as those of all members can be read
    members: tuple[int, ...]  # OIDs, the table's own first where it has rows
    missing: tuple[Name, ...]  # members that are not in the lake as they should be
    unlike: frozenset[int]  # columns that members store in ways that do not go together


def find_families(tables: Mapping[int, tuple[Name, TableView]]) -> dict[int, Family]:
    """Return the families of all tables that have children, or are partitioned, by OID."""
    oids = {name: oid for oid, (name, _) in tables.items()}
    return {
        oid: _family(oid, name, tables, oids)
        for oid, (name, view) in tables.items()
        if view.kind != "v" and (view.children or view.kind == "p")
    }


def _family(oid: int, name: Name, tables: Mapping[int, tuple[Name, TableView]], oids: Mapping[Name, int]) -> Family:
    view = tables[oid][1]
    reached: dict[Name, int | None] = {}
    _descend(name, tables, oids, reached)
    found = [relid for relid in reached.values() if relid is not None and tables[relid][1].kind == "r"]
    members = [relid for relid in found if _has_columns(tables[relid][1], view)]
    missing = [child for child, relid in reached.items() if relid is None]
    missing += [tables[relid][0] for relid in found if relid not in members]
    filled = [tables[relid][1] for relid in members if tables[relid][1].row_count] or [tables[m][1] for m in members]
    columns, unlike = [], set()
    for column in view.columns:
        held = {_storage(_named(member, column.name)) for member in filled}
        if len(held) == 1:
            storage, array, precision, scale = next(iter(held))
            column = replace(column, storage=storage, array=array, precision=precision, scale=scale)
        elif not held:  # no member at all: stored in any way
            column = replace(column, storage=TEXT_BACKED, array=False)
        else:
            if any(array or storage not in ("numeric", TEXT_BACKED) for storage, array, _, _ in held):
                unlike.add(column.attnum)
            column = replace(column, storage=TEXT_BACKED, array=False, precision=None, scale=None)
        columns.append(column)
    return Family(replace(view, columns=tuple(columns)), tuple(members), tuple(missing), frozenset(unlike))


def _descend(
    name: Name, tables: Mapping[int, tuple[Name, TableView]], oids: Mapping[Name, int], reached: dict[Name, int | None]
) -> None:
    """Collect a table and all below it.

    A child that does not say so itself has left the family, if it was copied later, or else is not what it should be.
    """
    oid = oids[name]
    reached[name] = oid
    view = tables[oid][1]
    for child in view.children:
        if child in reached:
            continue
        below = oids.get(child)
        if below is None:
            reached[child] = None
        elif name in tables[below][1].parents:
            _descend(child, tables, oids, reached)
        elif tables[below][1].origin.synced_at <= view.origin.synced_at:
            reached[child] = None


def _has_columns(member: TableView, root: TableView) -> bool:
    types = {column.name: column.type for column in member.columns}
    return all(types.get(column.name) == column.type for column in root.columns)


def _named(view: TableView, name: str) -> Column:
    return next(column for column in view.columns if column.name == name)


def _storage(column: Column) -> tuple[str, bool, int | None, int | None]:
    return column.storage, column.array, column.precision, column.scale


def same_columns(member: TableView, root: TableView, attnums: Sequence[int]) -> dict[int, Column]:
    """Return the member's column for each of these columns of the table that it is a part of."""
    names = {column.name: column for column in member.columns}
    wanted = set(attnums)
    return {column.attnum: names[column.name] for column in root.columns if column.attnum in wanted}


def member_conditions(member: TableView, root: TableView, conditions: Sequence[Condition]) -> list[Condition]:
    """Translate conditions on a table to those on a member."""
    columns = same_columns(member, root, [condition.attnum for condition in conditions])
    return [replace(condition, attnum=columns[condition.attnum].attnum) for condition in conditions]


def family_sql(hole: RelationHole, root: TableView, members: Sequence[tuple[TableView, ScanPlan]]) -> str:
    """Return the FROM item that fills the hole of a table with children.

    Members whose files name the columns alike, as those of one partitioned table mostly do, are read as one.
    Args: the hole; the family's view; the members, with their files.
    """
    alike: dict[tuple[tuple[int, str], ...], list[tuple[TableView, ScanPlan]]] = {}
    texts = []
    for view, plan in members:
        columns = same_columns(view, root, hole.columns)
        if plan.has_deletes:
            texts.append(_one(hole, root, view, plan))
        elif plan.files:
            layout = tuple((columns[attnum].field_id, duckdb_type(columns[attnum])) for attnum in hole.columns)
            alike.setdefault(layout, []).append((view, plan))
    if not texts and len(alike) == 1 and _layout_of(root, hole) == tuple(kind for _, kind in next(iter(alike))):
        [(layout, parts)] = alike.items()
        return parquet_sql(hole, layout, [plan for _, plan in parts])
    texts += [_select(hole, root, layout, [plan for _, plan in parts]) for layout, parts in alike.items()]
    if not texts:
        return relation_sql(hole, root, NOTHING)
    return f"({' UNION ALL '.join(texts)}) AS {hole.alias}"


NOTHING = ScanPlan("", None, -1, (), has_deletes=False, fields=(), rows=0, bytes=0)


def _layout_of(root: TableView, hole: RelationHole) -> tuple[str, ...]:
    return tuple(duckdb_type(root.columns[attnum - 1]) for attnum in hole.columns)


def _select(hole: RelationHole, root: TableView, layout: tuple[tuple[int, str], ...], plans: Sequence[ScanPlan]) -> str:
    wanted = _layout_of(root, hole)
    items = ", ".join(
        f"c{attnum}" if kind == held else f"CAST(c{attnum} AS {kind}) AS c{attnum}"
        for attnum, kind, (_, held) in zip(hole.columns, wanted, layout, strict=True)
    )
    return f"SELECT {items} FROM {parquet_sql(hole, layout, plans)}"


def _one(hole: RelationHole, root: TableView, view: TableView, plan: ScanPlan) -> str:
    """Read a member by its Iceberg metadata, which knows what was deleted."""
    columns = same_columns(view, root, hole.columns)
    inner = replace(hole, columns=tuple(sorted(column.attnum for column in columns.values())), members=None)
    items = ", ".join(
        f"CAST({hole.alias}.c{columns[attnum].attnum} AS {kind}) AS c{attnum}"
        for attnum, kind in zip(hole.columns, _layout_of(root, hole), strict=True)
    )
    return f"SELECT {items} FROM {relation_sql(inner, view, plan)}"
