"""Bring the twin's tables up to what the catalog says: a diff by fingerprints, DDL in few round trips.

The order: new types; tables that are new or change their structure, with changed types where there are any; views;
comments and counts; foreign keys and checks; schemas left empty. A table whose parent changes is made anew with it, and
so is a view whose table does. Sessions may hold locks on tables that have to go: a table (or the tables and types that
can only change together) waits `lock_timeout` at most, stays as it is, and is `pending` in the result.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import psycopg
import structlog

from catalog.columns import NOWHERE, Key, TableView
from pgserver.twin import ddl, names, state
from pgserver.twin.ddl import Wanted, WantedType
from pgserver.twin.hierarchy import kin, read_together
from pgserver.twin.names import Name
from pgserver.twin.state import Present, PresentType
from pgserver.twin.types import Connection, TypeNames

BATCH_UNITS = 200

log = structlog.get_logger()


class CatalogRow(Protocol):
    """What is read of `catalog.tables.TableRow`."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def view(self) -> TableView | None: ...


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A lake table in the twin; `view` describes the table that stands there now."""

    oid: int
    namespace: str
    name: str
    view: TableView


@dataclass(frozen=True, slots=True)
class LakeSchema:
    """What the twin holds. `version` rises whenever what was analysed or emitted before may be wrong.

    Counts and comments do not raise it. `pending` names the tables that could not be changed yet: apply again.
    """

    version: int
    tables: Mapping[int, LakeTable]  # by OID in the twin
    pending: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """What has to change in one transaction."""

    drop: tuple[Present, ...] = ()
    create: tuple[Wanted, ...] = ()
    drop_types: tuple[PresentType, ...] = ()
    create_types: tuple[WantedType, ...] = ()

    def tables(self) -> set[Name]:
        return {item.name for item in self.drop} | {item.name for item in self.create}

    def needs_types(self) -> bool:
        return any(item.view.types for item in self.create)

    def needs(self) -> set[Name]:
        return {parent for item in self.create for parent in item.parents} - self.tables()


class SchemaKeeper:
    """Keeps the twin's tables equal to the catalog's; one per twin."""

    def __init__(self, owner: str) -> None:
        """Nothing is known yet: the first `apply` looks. Args: the role that owns what is made."""
        self._owner = owner
        self._lock = asyncio.Lock()
        self._types = TypeNames()
        self._schema = LakeSchema(0, {})
        self._refused: set[tuple[Name, str]] = set()
        self._failed: dict[Name, str] = {}  # structures that the twin would not take
        self._failed_types: dict[Name, str] = {}
        self._failed_keys: set[tuple[Name, Key, str]] = set()

    async def apply(self, connection: Connection, rows: Sequence[CatalogRow]) -> LakeSchema:
        """Create, replace and drop until the twin has the tables of `rows`, and no others.

        Args: a superuser's autocommit connection to the twin's database, used by nobody else meanwhile.
        """
        async with self._lock:
            tables = self._accepted(rows)
            types = {
                name: wanted
                for name, wanted in ddl.wanted_types(tables).items()
                if not self._refuses(name, names.type_refusal(wanted.item, tables))
            }
            return await self._apply(connection, ddl.wanted_tables(tables, types), types)

    def _accepted(self, rows: Sequence[CatalogRow]) -> dict[Name, TableView]:
        tables: dict[Name, TableView] = {}
        for row in rows:
            name = (row.namespace, row.name)
            if row.view is None:
                self._refuses(name, "no Postgres view of it in the catalog: made by another tool")
            elif not self._refuses(name, names.table_refusal(name, row.view)):
                tables[name] = row.view
        return tables

    def _refuses(self, name: Name, reason: str | None) -> bool:
        if reason is not None and (name, reason) not in self._refused:
            self._refused.add((name, reason))
            log.warning("left_out_of_twin", namespace=name[0], name=name[1], reason=reason)
        return reason is not None

    async def _apply(
        self, connection: Connection, wanted: Mapping[Name, Wanted], types: Mapping[Name, WantedType]
    ) -> LakeSchema:
        present = await state.read_tables(connection)
        units = await self._units(connection, present, wanted, types)
        pending = await self._run(connection, units)
        known = await state.read_tables(connection) if units else present
        await state.update(connection, known, wanted)
        if units or not self._schema.version:
            stands = {name: item for name, item in wanted.items() if name in known and known[name].is_of(item)}
            await self._add_late_keys(connection, stands)
            await connection.execute(state.INHERIT_KEYS)
            await state.inherit_columns(connection, stands.values())
            await state.drop_empty_namespaces(connection, {name[0] for name in (*wanted, *types)})
        await state.comment_namespaces(connection, ddl.namespace_comments(wanted))
        self._schema = self._described(known, wanted, pending)
        if units:
            log.info(
                "twin_changed", tables=len(self._schema.tables), pending=len(pending), version=self._schema.version
            )
        return self._schema

    async def _units(
        self,
        connection: Connection,
        present: Mapping[Name, Present],
        wanted: Mapping[Name, Wanted],
        types: Mapping[Name, WantedType],
    ) -> list[_Unit]:
        """Cut the difference into the least that has to change together: types, then tables, then views."""
        changed = {n for n, item in present.items() if n not in wanted or not item.is_of(wanted[n])}
        changed |= wanted.keys() - present.keys()
        changed = {name for name in changed if name not in wanted or self._is_worth_trying(wanted[name])}
        type_unit = await self._type_unit(connection, present, types)
        affected = type_unit.tables() if type_unit is not None else set()
        touched = sorted(changed | affected, key=lambda name: (wanted[name].depth if name in wanted else -1, name))
        tables = [name for name in touched if name not in wanted or wanted[name].view.kind != "v"]
        units, together = [], list[Name]()
        for family in self._families(tables, wanted):
            if affected.isdisjoint(family):
                units.append(_change(family, present, wanted))
            else:
                together += family
        if type_unit is not None:
            whole = _change(together, present, wanted)
            units.insert(0, replace(type_unit, drop=whole.drop, create=whole.create))
        return units + [_change([name], present, wanted) for name in touched if name not in tables]

    def _families(self, touched: Sequence[Name], wanted: Mapping[Name, Wanted]) -> list[list[Name]]:
        """Part tables that change into groups of those that are read together, now or before: all change, or none."""
        if not touched:
            return []
        groups = read_together({name: item.view for name, item in wanted.items()}, self._views())
        number = {name: position for position, group in enumerate(groups) for name in group}
        found: dict[object, list[Name]] = {}
        for name in touched:
            found.setdefault(number.get(name, name), []).append(name)
        return list(found.values())

    def _views(self) -> dict[Name, TableView]:
        return {(table.namespace, table.name): table.view for table in self._schema.tables.values()}

    async def _type_unit(
        self, connection: Connection, present: Mapping[Name, Present], types: Mapping[Name, WantedType]
    ) -> _Unit | None:
        """Return what types have to come and go, with the tables that are made of those that go."""
        known = await state.read_types(connection)
        old = {n: t for n, t in known.items() if n not in types or types[n].fingerprint != t.fingerprint}
        tables: tuple[Present, ...] = ()
        if old:
            dependents = await state.read_dependents(connection, [item.oid for item in old.values()])
            old = {name: item for name, item in known.items() if item.oid in dependents}
            tables = tuple(item for item in present.values() if item.oid in dependents)
        create = tuple(
            item
            for name, item in sorted(types.items())
            if (name in old or name not in known) and self._failed_types.get(name) != item.fingerprint
        )
        if not old and not create:
            return None
        return _Unit(drop=tables, drop_types=tuple(old.values()), create_types=create)

    def _is_worth_trying(self, wanted: Wanted) -> bool:
        return self._failed.get(wanted.name) != wanted.structure

    async def _run(self, connection: Connection, units: Sequence[_Unit]) -> set[Name]:
        """Run units in batches, one by one where a batch fails. Returns the tables that have to wait."""
        pending: set[Name] = set()
        if units and (units[0].drop_types or units[0].create_types):
            # Tables made before their types are there would have columns of type text.
            if not await self._run_alone(connection, units[0]):
                waiting = [unit for unit in units if unit is units[0] or unit.needs_types()]
                pending = {name for unit in waiting for name in unit.tables()}
                units = [unit for unit in units if unit not in waiting]
            else:
                units = units[1:]
        for start in range(0, len(units), BATCH_UNITS):
            batch = units[start : start + BATCH_UNITS]
            try:
                await self._run_together(connection, batch)
            except psycopg.Error as error:
                state.raise_if_lost(connection, error)
                for unit in batch:
                    if unit.needs() & pending or not await self._run_alone(connection, unit):
                        pending |= unit.tables()
        return pending

    async def _run_alone(self, connection: Connection, unit: _Unit) -> bool:
        """Run one unit, without its keys or its hierarchy if it must be. Returns False when a lock stood in the way."""
        for with_keys, with_parents in ((True, True), (False, True), (False, False)):
            try:
                await self._run_together(connection, [unit], with_keys=with_keys, with_parents=with_parents)
            except state.NOT_NOW:
                return False
            except psycopg.Error as error:
                state.raise_if_lost(connection, error)
                tables = [".".join(name) for name in sorted(unit.tables())]
                log.warning(
                    "twin_refused",
                    tables=tables,
                    keys=with_keys,
                    hierarchy=with_parents,
                    sqlstate=error.sqlstate,
                    problem=str(error),
                )
            else:
                return True
        self._failed |= {item.name: item.structure for item in unit.create}
        return True

    async def _run_together(
        self, connection: Connection, units: Sequence[_Unit], *, with_keys: bool = True, with_parents: bool = True
    ) -> None:
        drop = [item for unit in units for item in unit.drop]
        create = [item for unit in units for item in unit.create]
        drop_types = [item for unit in units for item in unit.drop_types]
        async with connection.transaction():
            statements = [
                *ddl.drop_relations(
                    [item.name for item in drop if item.kind != "v"], [item.name for item in drop if item.kind == "v"]
                ),
                *(ddl.drop_type(item.name, item.kind) for item in drop_types),
            ]
            await state.execute(connection, statements)
            if drop or drop_types:
                await state.forget(connection, [*(item.oid for item in drop), *(item.oid for item in drop_types)])
            await self._create_types(connection, [item for unit in units for item in unit.create_types])
            asked = {column.type for item in create for column in item.view.columns}
            resolved = await self._types.resolve(connection, asked)
            self._types.report_unknown(asked, resolved)
            parts = [
                part
                for item in create
                for part in ddl.create_table(item, resolved, with_keys=with_keys, with_parents=with_parents)
            ]
            namespaces = ddl.create_namespaces(item.name[0] for item in create)
            await state.execute_as(connection, self._owner, [*namespaces, *parts])
            await state.note_tables(connection, create)

    async def _create_types(self, connection: Connection, types: Sequence[WantedType]) -> None:
        """Create types in the order in which they are made of each other; what cannot be made is left out."""
        namespaces = ddl.create_namespaces(item.item.namespace for item in types)
        await state.execute_as(connection, self._owner, namespaces)
        left = list(types)
        while left:
            parts = {part for item in left for part in ddl.part_types(item.item)}
            resolved = await self._types.resolve(connection, parts)
            ready = [item for item in left if resolved.keys() >= {*ddl.part_types(item.item)}] or left
            left = [item for item in left if item not in ready]
            for item in ready:
                self._types.report_unknown(ddl.part_types(item.item), resolved)
                await self._create_type(connection, item, resolved)

    async def _create_type(self, connection: Connection, wanted: WantedType, resolved: Mapping[str, str]) -> None:
        """Create a type; a domain whose default or checks need what is not here is made without them."""
        for bare in (False, True):
            try:
                async with connection.transaction():
                    statement = ddl.create_type(wanted.item, resolved, bare=bare)
                    await state.execute_as(connection, self._owner, [statement])
                    await connection.execute(state.NOTE_TYPE, [wanted.fingerprint, *wanted.name])
            except (psycopg.ProgrammingError, psycopg.DataError) as error:
                name = ".".join(wanted.name)
                log.warning("twin_refused_type", type=name, bare=bare, sqlstate=error.sqlstate, problem=str(error))
            else:
                return
        self._failed_types[wanted.name] = wanted.fingerprint

    async def _add_late_keys(self, connection: Connection, tables: Mapping[Name, Wanted]) -> None:
        """Add what is not there yet; this waits for no lock that a reader holds."""
        present = await state.read_late_keys(connection)
        missing = [
            (table, key, target.structure)
            for table, key in ddl.late_keys(tables)
            if (table, key.name) not in present
            and (table, key, (target := tables[key.references or table]).structure) not in self._failed_keys
        ]
        try:
            async with connection.transaction():
                await state.execute(connection, [ddl.add_key(table, key) for table, key, _ in missing])
        except psycopg.Error as error:
            state.raise_if_lost(connection, error)
            for table, key, structure in missing:
                await self._add_late_key(connection, table, key, structure)

    async def _add_late_key(self, connection: Connection, table: Name, key: Key, structure: str) -> None:
        try:
            async with connection.transaction():
                await state.execute(connection, [ddl.add_key(table, key)])
        except state.NOT_NOW:
            return
        except psycopg.Error as error:
            state.raise_if_lost(connection, error)
            self._failed_keys.add((table, key, structure))
            log.warning("twin_refused_key", table=".".join(table), key=key.name, sqlstate=error.sqlstate)

    def _described(
        self, known: Mapping[Name, Present], wanted: Mapping[Name, Wanted], pending: Iterable[Name]
    ) -> LakeSchema:
        """Say what the twin holds now. A table that had to wait, and those read with it, keep the views they had."""
        before = self._schema
        waiting = kin(pending, {name: item.view for name, item in wanted.items()}, self._views()) if pending else set()
        tables: dict[int, LakeTable] = {}
        for name, item in known.items():
            if name in waiting and item.oid in before.tables:
                tables[item.oid] = before.tables[item.oid]
            elif name in wanted and item.is_of(wanted[name]):
                tables[item.oid] = LakeTable(item.oid, *name, wanted[name].view)
            elif item.oid in before.tables:
                tables[item.oid] = before.tables[item.oid]
        same = before.version and tables.keys() == before.tables.keys()
        same = same and all(_means_the_same(table.view, before.tables[oid].view) for oid, table in tables.items())
        return LakeSchema(before.version if same else before.version + 1, tables, tuple(sorted(pending)))


def _change(names: Sequence[Name], present: Mapping[Name, Present], wanted: Mapping[Name, Wanted]) -> _Unit:
    """Return what replaces these relations."""
    return _Unit(
        drop=tuple(present[name] for name in names if name in present),
        create=tuple(sorted((wanted[name] for name in names if name in wanted), key=lambda item: item.depth)),
    )


def _means_the_same(view: TableView, before: TableView) -> bool:
    """Tell whether nothing but counts, origin and the table's comment has changed.

    How the columns of a table with children are stored depends on which of these have rows.
    """
    if view is before:
        return True
    if view.parents and (view.row_count == 0) is not (before.row_count == 0):
        return False
    view, before = (
        replace(v, row_count=0, byte_count=0, file_count=0, snapshot_id=None, origin=NOWHERE, comment=None)
        for v in (view, before)
    )
    return view == before
