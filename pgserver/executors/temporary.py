"""The temporary tables and views of a statement that runs over the bridge, under the names that the lake's have.

A table with children is a parent of the tables whose rows it has, as at the source, so that ONLY means what it says;
a view is a temporary view of its own definition.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Planner
from pgserver.plan.rewrite import use_temporary_tables
from pgserver.plan.utility import quoted
from pgserver.protocol.errors import FeatureNotSupported
from pgserver.twin.schema import LakeTable

MAX_NAME_BYTES = 63


@dataclass(slots=True)
class TemporaryTable:
    """A table to make and to fill with some columns of a table of the lake, its own rows only."""

    table: LakeTable
    name: str
    attnums: set[int]
    key: tuple[int, ...] = ()
    parents: list[str] = field(default_factory=list)

    @property
    def columns(self) -> str:
        """The columns to fill, as a list."""
        return self.names(sorted(self.attnums))

    def names(self, attnums: Iterable[int]) -> str:
        """Write columns as a list."""
        return ", ".join(quoted(self.table.view.columns[attnum - 1].name) for attnum in attnums)

    @property
    def source(self) -> str:
        """The table of the lake."""
        return f"{quoted(self.table.namespace)}.{quoted(self.table.name)}"


def temporary_tables(statement: LakeStatement, planner: Planner) -> list[TemporaryTable]:
    """Return the tables that a statement needs.

    Raises: FeatureNotSupported (0A000) for a table whose children are not all in the lake.
    """
    made: dict[int, TemporaryTable] = {}
    for relid, attnums in statement.reads:
        table = planner.table(relid)
        key = primary_key(table) if statement.needs_keys else ()
        made[relid] = TemporaryTable(table, table.name, {*attnums, *key}, key)
    taken = {item.name for item in made.values()}
    for relid, _ in statement.reads:
        family = planner.family(relid)
        if family is not None and family.missing:
            missing = ", ".join(".".join(name) for name in family.missing)
            raise FeatureNotSupported(
                f"not all children of {made[relid].source} are in the lake",
                detail=f"Missing or not up to date: {missing}.",
                hint="Sync them, or read the table with ONLY.",
            )
        wanted = {made[relid].table.view.columns[attnum - 1].name for attnum in made[relid].attnums}
        for member in family.members if family is not None else ():
            if member == relid:
                continue
            if member not in made:
                table = planner.table(member)
                made[member] = TemporaryTable(table, free_name(table.name, taken), set())
                taken.add(made[member].name)
            columns = made[member].table.view.columns
            made[member].attnums |= {column.attnum for column in columns if column.name in wanted}
            made[member].parents.append(made[relid].name)
    for item in made.values():
        item.attnums = item.attnums or {column.attnum for column in item.table.view.columns[:1]}
    return list(made.values())


def free_name(wish: str, taken: set[str]) -> str:
    """Return a name that no other temporary table of the statement has."""
    name, number = wish, 0
    while name in taken:
        number += 1
        name = wish.encode()[: MAX_NAME_BYTES - 4].decode(errors="ignore") + f"_{number}"
    return name


def definitions(tables: Sequence[TemporaryTable]) -> Iterator[str]:
    """Write what makes the tables, all of their columns among them, and puts them below their parents."""
    for item in tables:
        yield (
            f"CREATE TEMP TABLE {quoted(item.name)} ON COMMIT DROP AS SELECT * FROM {item.source} WITH NO DATA"  # noqa: S608
        )
    for item in tables:
        for parent in item.parents:
            yield f"ALTER TABLE pg_temp.{quoted(item.name)} INHERIT pg_temp.{quoted(parent)}"
    for item in tables:
        if item.key:
            yield f"ALTER TABLE pg_temp.{quoted(item.name)} ADD PRIMARY KEY ({item.names(item.key)})"


def view_definitions(statement: LakeStatement, planner: Planner) -> Iterator[str]:
    """Write what makes the views that a statement names, those first that others read."""
    views = [planner.table(relid) for relid in statement.views]
    names = lake_names(statement, planner)
    waiting = {(view.namespace, view.name): view for view in views}
    while ready := [view for view in waiting.values() if not {*view.view.parents} & waiting.keys()]:
        for view in ready:
            del waiting[view.namespace, view.name]
            body = use_temporary_tables(view.view.definition or "", names)
            barrier = [option for option in view.view.options if option.startswith("security_barrier")]
            options = f" WITH ({', '.join(barrier)})" if barrier else ""
            yield f"CREATE TEMP VIEW {quoted(view.name)}{options} AS {body}"


def lake_names(statement: LakeStatement, planner: Planner) -> set[tuple[str, str]]:
    """Return the names of the lake's relations that a text may use."""
    tables = map(planner.table, (*statement.relids, *statement.views))
    return {(table.namespace, table.name) for table in tables}


def primary_key(table: LakeTable) -> tuple[int, ...]:
    """Return the columns of the primary key: a statement may group by them and name others."""
    numbers = {column.name: column.attnum for column in table.view.columns}
    return next((tuple(numbers[name] for name in key.columns) for key in table.view.keys if key.kind == "p"), ())
