"""From a compiled statement to what the engine runs: pin the snapshots, render the text."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from catalog.relations import rows_without_files
from catalog.scan import ScanPlan
from pgserver.emit.constants import parameter_literal
from pgserver.emit.errors import NeedsTwin, NoRule
from pgserver.emit.parts import RelationHole
from pgserver.emit.query import Emitted
from pgserver.emit.reading.families import family_sql, member_conditions
from pgserver.emit.relations import relation_sql
from pgserver.encode.binary import has_binary
from pgserver.encode.rows import WireColumn
from pgserver.engine.pool import RunRequest
from pgserver.plan.analysis import RowField
from pgserver.plan.compiler import Compiler, LakeStatement
from pgserver.plan.narrowing import Table, narrow
from pgserver.plan.pin import pin
from pgserver.plan.readings import Reading
from pgserver.plan.session_state import SessionState
from pgserver.twin.schema import LakeTable


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bound value: the format code, and the bytes or NULL."""

    format: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that a statement reads: all files of its snapshot, and those that its conditions leave."""

    table: LakeTable
    whole: ScanPlan
    chosen: ScanPlan


class Planner(Compiler):
    """All steps in their order."""

    def counted(self, relid: int, pins: dict[int, str]) -> int:
        """Return how many rows a table without columns has in the snapshot that is pinned."""
        return rows_without_files(pin(self._lake, [relid], pins)[relid]) or 0

    async def request(
        self,
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        formats: Sequence[int],
        state: SessionState,
        pins: dict[int, str],
    ) -> RunRequest:
        """Pin the tables and write the SQL that the engine runs.

        Args: the statement; its bound values; the format code of each result column; the session; the snapshots that
        the transaction reads already, which this adds to.
        Raises: NoRule naming what a value or a setting of this session makes the bridge's.
        """
        assert statement.emitted is not None
        columns = tuple(self.wire_column(*column) for column in zip(statement.fields, formats, strict=True))
        scans = await self.scans(statement.emitted, pins)
        return RunRequest(
            sql=await self.render(statement.emitted, scans, statement, parameters, state),
            columns=columns,
            settings=state.wire,
            deadline_ms=state.statement_timeout_ms or None,
            user=state.session_user,
            read_bytes=sum(scan.chosen.bytes for scan in scans),
            volatile=statement.emitted.volatile,
        )

    def narrowed(
        self,
        scan: LakeStatement,
        relid: int,
        statement: LakeStatement,
        readings: Sequence[Reading],
        state: SessionState,
        *,
        sure: bool,
    ) -> LakeStatement:
        """Leave out of a scan what a statement that reads it does not need.

        Args: columns of a table's own rows, compiled; the table; the statement, and each table of its FROM; the
        session; whether conditions that may fail are to be left to the statement.
        """
        reading = [
            (reading, self.table(reading.relid).view)
            for reading in readings
            if relid == reading.relid or (not reading.only and relid in self.members(reading.relid))
        ]
        table = Table(relid, self.table(relid).view, scan.fields)
        emitted = narrow(reading, table, self._lake.names, state, sure=sure)
        return scan if emitted is None else replace(scan, emitted=emitted, parameters=statement.parameters)

    def wire_column(self, field: RowField, format_code: int) -> WireColumn:
        """Say how a result column is written; a domain's values are those of its base type.

        Raises: NoRule for a binary form that only Postgres knows.
        """
        names = self._lake.names
        base = names.base_type(field.type_oid)
        element = names.base_type(names.element(base)) if names.element(base) else 0
        typtype = names.types[element or base].typtype if (element or base) in names.types else ""
        column = WireColumn(base, field.typmod, format_code, typtype, element)
        if format_code == 1 and not has_binary(column):
            raise NoRule(f"the binary form of {names.type_name(field.type_oid)}")
        return column

    async def render(
        self,
        emitted: Emitted,
        scans: Sequence[Scan],
        statement: LakeStatement,
        parameters: Sequence[Parameter],
        state: SessionState,
    ) -> str:
        """Fill a text's holes: files of pinned tables as `scans` returns them, parameters, the session's values.

        Raises: NoRule.
        """
        for setting in emitted.assumes:
            if state.differs(setting):
                raise NoRule(f"{setting} other than its default")
        left = iter(scans)
        relations = {hole: self._fill(hole, list(islice(left, len(hole.relids)))) for hole in emitted.relations}
        literals = [
            await self._literal(type_oid, parameter, state)
            for type_oid, parameter in zip(statement.parameters, parameters, strict=True)
        ]
        return emitted.render(relations, literals, state.values)

    def type_name(self, type_oid: int) -> str:
        """Return a type's name in SQL."""
        return self._lake.names.type_name(type_oid)

    def typtype(self, type_oid: int) -> str:
        """Return the kind of a type, as pg_type has it."""
        name = self._lake.names.types.get(type_oid)
        return name.typtype if name is not None else ""

    def pin(self, statement: LakeStatement, pins: dict[int, str]) -> dict[int, str]:
        """Choose the snapshots that a statement reads now, those of `pins` first, which this adds to."""
        return pin(self._lake, statement.relids, pins)

    async def scans(self, emitted: Emitted, pins: dict[int, str]) -> tuple[Scan, ...]:
        """Return what is read of each FROM item, in their order."""
        pin(self._lake, emitted.relids, pins)
        return tuple([scan for hole in emitted.relations for scan in await self._scans_of(hole, pins)])

    async def _scans_of(self, hole: RelationHole, pins: dict[int, str]) -> list[Scan]:
        """Return the scans of a FROM item: of its table, or of all whose rows it has."""
        root = self.table(hole.relid).view

        async def scan(relid: int) -> Scan:
            table = self.table(relid)
            whole = await self._lake.plan(pins[relid])
            conditions = (
                hole.conditions if relid == hole.relid else member_conditions(table.view, root, hole.conditions)
            )
            few_files = 1 if len(hole.relids) == 1 else 0
            return Scan(table, whole, await self._lake.prune(whole, table.view, conditions, few_files))

        if len(hole.relids) == 1:  # as most have: a task of its own takes longer than the scan
            return [await scan(hole.relids[0])]
        return list(await asyncio.gather(*map(scan, hole.relids)))

    def _fill(self, hole: RelationHole, scans: Sequence[Scan]) -> str:
        """Write a FROM item over the files that it may need."""
        if hole.members is None:
            return relation_sql(hole, scans[0].table.view, scans[0].chosen)
        family = self._lake.families[hole.relid]
        return family_sql(hole, family.view, [(scan.table.view, scan.chosen) for scan in scans])

    async def whole_scans(self, relids: Sequence[int], pins: dict[int, str]) -> tuple[Scan, ...]:
        """Return what there is of tables."""
        relids = list(dict.fromkeys(member for relid in relids for member in self.members(relid)))
        locations = pin(self._lake, relids, pins)
        plans = [(relid, await self._lake.plan(locations[relid])) for relid in relids]
        return tuple(Scan(self.table(relid), plan, plan) for relid, plan in plans)

    async def _literal(self, type_oid: int, parameter: Parameter, state: SessionState) -> str:
        try:
            return parameter_literal(type_oid, parameter.format, parameter.value)
        except NeedsTwin:
            assert parameter.value is not None
            name = self._lake.names.types[type_oid].sql_name
            value = await self._analyst.canonical(parameter.value, parameter.format, type_oid, name, state.analysis)
            return parameter_literal(type_oid, 1, value)
