"""From a text to what reads the lake: is it the lake's, and as what DuckDB has it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from pglast import ast

from catalog.columns import TableView
from pgserver import metrics
from pgserver.emit.errors import FAULTS, NoRule
from pgserver.emit.query import Emitted, OutputColumn, emit
from pgserver.emit.reading.families import Family
from pgserver.emit.reading.names import CatalogNames
from pgserver.emit.reading.tree import Node, parse_tree
from pgserver.plan.analysis import RELATION, Analysed, Analyst, RowField
from pgserver.plan.backends import AnalysisContext, BackendPool
from pgserver.plan.bringing import bringing, brings_nothing, may_bring
from pgserver.plan.gate import is_reader_lock, refuse_blind_writes, refuse_changes
from pgserver.plan.inner import find_inner
from pgserver.plan.memory import StatementMemory
from pgserver.plan.own_backend import own_function
from pgserver.plan.permissions import read_columns, refuse_writes
from pgserver.plan.pin import Lake
from pgserver.plan.readings import Reading, find_readings
from pgserver.plan.session_state import SessionState
from pgserver.plan.signatures import signatures
from pgserver.plan.statement import Kind, Statement, classify, mentions, parse, parses, relation_names
from pgserver.plan.utility import (
    Bring,
    CopyOut,
    Mix,
    Probe,
    Wrapping,
    copied_relation,
    copy_out,
    printed_types,
    quoted,
    wrap,
)
from pgserver.protocol.errors import FeatureNotSupported, ReadOnlySqlTransaction, WrongObjectType
from pgserver.twin.schema import LakeTable

log = structlog.get_logger()

RUNS = b"sync_runs"
TABLE = re.compile(r":rtekind\s0\s")
LARGE_TREE = 1 << 17  # characters: 20 ms and more, which other sessions need not wait for
THE_TWINS = frozenset((Kind.OTHER, Kind.EXECUTE, Kind.FETCH, Kind.CLOSE, Kind.DEALLOCATE, Kind.DISCARD, Kind.COMMIT))


@dataclass(frozen=True, slots=True)
class LakeStatement:
    """A statement that reads the lake, compiled. `reason` names what has no rule, where it could not be emitted."""

    text: bytes
    fields: tuple[RowField, ...]
    description: bytes  # RowDescription, all in text format
    parameters: tuple[int, ...]
    relids: tuple[int, ...]  # of the tables that it names, and of those that these are the union of
    views: tuple[int, ...]
    reads: tuple[tuple[int, tuple[int, ...]], ...]  # the columns that it reads of each table, at least one
    needs_keys: bool  # it groups by a primary key, and names other columns
    emitted: Emitted | None
    reason: str
    readings: tuple[Reading, ...]  # each table of its FROM, with what its rows must meet; none: nothing is known
    schema_version: int


class NeedsOwnBackend(FeatureNotSupported):
    """A statement calls what only the session's own backend can answer: nobody else may run it."""


class Compiler:
    """Compiles statements, each text once."""

    def __init__(self, lake: Lake, analyst: Analyst, hidden: frozenset[str] = frozenset()) -> None:
        """Args: the lake's state; the backends that compile; names of tables that a session's own hide."""
        self._hidden = hidden
        self._lake = lake
        self._analyst = analyst
        self._memory = StatementMemory[LakeStatement | Wrapping | None]()

    async def look(
        self, statement: Statement, text: bytes, declared: Sequence[int], context: AnalysisContext
    ) -> LakeStatement | Wrapping | None:
        """Compile a statement if it reads the lake; None says that it is the twin's.

        Args: the statement; its bytes as the client sent them; the parameter types that the client declared.
        Raises: ReadOnlySqlTransaction (25006) or InsufficientPrivilege (42501) for what would change the lake;
        CannotConnectNow (57P03).
        """
        refuse_changes(statement)
        if statement.kind in THE_TWINS:
            return None
        await self._lake.refresh()
        if mentions(text, RUNS):
            await self._lake.refresh_runs()
        if not self._lake.schema.tables:
            return None
        key = (text, tuple(declared), context, self._lake.schema.version)
        if (known := self._memory.find(key)) is not None:
            return known.found
        found: LakeStatement | Wrapping | None
        if statement.kind in (Kind.QUERY, Kind.WRITE):
            found = await self._compile_or_bring(statement, text, declared, context)
        else:
            found = await self._look_inside(statement, declared, context)
        self._memory.keep(key, len(text), found)
        return found

    async def _compile_or_bring(
        self, statement: Statement, text: bytes, declared: Sequence[int], context: AnalysisContext
    ) -> LakeStatement | Bring | Mix | None:
        try:
            return await self._compile(statement, text, declared, context)
        except FeatureNotSupported as error:
            found = await self._bring(statement, declared, context) if may_bring(statement) else None
            if found is not None:
                return found
            if not self._hidden and not isinstance(error, NeedsOwnBackend):
                raise
        mixed = await self._compile(statement, text, declared, context, mixing=True)
        return None if mixed is None else Mix(mixed)

    async def _bring(self, statement: Statement, declared: Sequence[int], context: AnalysisContext) -> Bring | None:
        """Compile the query of a statement that brings its rows into a temporary table; None for others."""
        how = bringing(statement)
        if how is None:
            return None
        query = await self._compile(classify(how.inner), how.inner.encode(), declared, context)
        return None if query is None else Bring(query, how)

    async def _compile(
        self,
        statement: Statement,
        text: bytes,
        declared: Sequence[int],
        context: AnalysisContext,
        *,
        mixing: bool = False,
    ) -> LakeStatement | None:
        """Compile a query. Args: `mixing`: it may read the session's temporary tables as well, or write to them."""
        version = self._lake.schema.version
        analysed = await self._analyst.analyse(text, declared, context)
        tables = self._lake.schema.tables
        if analysed is None:
            refuse_blind_writes(statement, {(table.namespace, table.name) for table in tables.values()})
            return None
        found = sorted({int(relid) for relid in RELATION.findall(analysed.tree)} & tables.keys())
        views = tuple(relid for relid in found if tables[relid].view.kind == "v")
        relids = tuple(relid for relid in found if relid not in views)
        if not relids:
            return None
        if not mixing:
            self._refuse_mixtures(analysed)
        refuse_writes(statement, analysed.tree, relids, elsewhere=not mixing)
        assert analysed.fields is not None or mixing
        emitted, reason, readings = await self._emit(analysed, relids, mixing=mixing)
        return LakeStatement(
            text=text,
            fields=analysed.fields or (),
            description=analysed.description,
            parameters=analysed.parameters,
            relids=tuple(sorted({member for relid in relids for member in (relid, *self.members(relid))})),
            views=views,
            reads=read_columns(analysed.tree, tables),
            needs_keys=":constraintDeps (o" in analysed.tree,
            emitted=emitted,
            reason=reason,
            readings=readings,
            schema_version=version,
        )

    async def _emit(
        self, analysed: Analysed, relids: Sequence[int], *, mixing: bool
    ) -> tuple[Emitted | None, str, tuple[Reading, ...]]:
        """Emit what Postgres made of a text, a large tree in a thread: see `_compiled`."""
        compiling = partial(
            _compiled,
            analysed.tree,
            names=self._lake.names,
            relations={relid: self.table(relid).view for relid in relids},
            outputs=None if mixing else [OutputColumn(field.type_oid, field.typmod) for field in analysed.fields or ()],
            families=self._lake.families,
        )
        found = compiling() if len(analysed.tree) < LARGE_TREE else await asyncio.to_thread(compiling)
        if found[1]:
            log.info("no_rule", construct=found[1])
        return found

    def _refuse_mixtures(self, analysed: Analysed) -> None:
        """Refuse what only a session's own backend can answer. Raises: FeatureNotSupported (0A000)."""
        if analysed.mixed:
            raise FeatureNotSupported(
                "a statement that reads both the lake and temporary tables is not supported within another statement",
                hint="Bring the rows of the lake into a temporary table first: CREATE TEMP TABLE ... AS.",
            )
        own = self.own_function(analysed.tree)
        if own:
            raise NeedsOwnBackend(
                f"{own} beside tables of the lake is not supported within another statement",
                hint="Call it in a statement of its own.",
            )

    async def _look_inside(
        self, statement: Statement, declared: Sequence[int], context: AnalysisContext
    ) -> Wrapping | None:
        """Compile the query inside a utility statement that the session runs; refuse other ones that read the lake.

        Raises: ReadOnlySqlTransaction (25006); FeatureNotSupported (0A000).
        """
        node = parse(statement.text)
        if isinstance(node, ast.CopyStmt) and (node.is_program or node.filename is not None):
            return None  # the twin refuses it, 42501
        inner = find_inner(statement)
        if statement.kind is Kind.DEFINITION and (brought := await self._bring(statement, declared, context)):
            return brought
        if inner is not None:
            query = classify(statement.text[inner.start : inner.end])
            if isinstance(node, ast.PrepareStmt):
                declared = await self._analyst.type_oids(printed_types(node), context)
            found = await self._compile(query, query.text.encode(), declared, context)
            if found is None:
                return None
            wrapped = None if node is None else wrap(statement.text, node, found, inner)
            if wrapped is not None or brings_nothing(node):
                return wrapped
        elif not self._names_lake(node) or is_reader_lock(node):
            return None
        elif isinstance(node, ast.CopyStmt) and not node.is_from:
            return await self._copy_table(statement, node, context)
        if (statement.kind is Kind.DEFINITION and inner is None) or getattr(node, "is_from", False):
            raise ReadOnlySqlTransaction(
                f"cannot execute {statement.word} on a table of the lake",
                hint="Tables of the lake are written by the syncer; change them at the source.",
            )
        raise FeatureNotSupported(f"{statement.word} of a statement that reads the lake is not supported yet")

    def _names_lake(self, node: ast.Node | None) -> bool:
        if node is None:
            return False
        lake_names = {(table.namespace, table.name) for table in self._lake.schema.tables.values()}
        bare = {name for _, name in lake_names} - self._hidden
        return any(
            (schema, name) in lake_names or (schema is None and name in bare) for schema, name in relation_names(node)
        )

    async def _copy_table(self, statement: Statement, node: ast.CopyStmt, context: AnalysisContext) -> CopyOut | None:
        """Compile the query that COPY of a table stands for; None when it is not the lake's, or fails in the twin."""
        place = copied_relation(statement.text)
        assert place is not None
        relation = f"ONLY {statement.text[place.start : place.end]}"
        columns = [name.sval or "" for name in node.attlist or () if isinstance(name, ast.String)]
        probe = Probe(statement.text)
        if not columns:
            whole = await self._compile(classify("TABLE"), f"TABLE {relation}".encode(), (), context)
            if whole is None:
                return None
            table = self.table(whole.fields[0].table_oid) if whole.fields else None
            if table is not None and table.view.kind == "p":
                raise WrongObjectType(
                    f'cannot copy from partitioned table "{table.name}"', hint="Try the COPY (SELECT ...) TO variant."
                )
            view = table.view if table is not None else None
            columns = [column.name for column in view.columns if not column.generated] if view else []
            if view and len(columns) < len(view.columns):
                names = f" ({', '.join(map(quoted, columns))})"
                probe = Probe(
                    statement.text[: place.end] + names + statement.text[place.end :], ((place.end, len(names)),)
                )
        query = f"SELECT {', '.join(map(quoted, columns))} FROM {relation}"  # noqa: S608  # quoted names
        found = await self._compile(classify(query), query.encode(), (), context)
        return None if found is None else copy_out(found, node, probe)

    @property
    def backends(self) -> BackendPool:
        """The backends that compile."""
        return self._analyst.backends

    def own_function(self, tree: str) -> str:
        """Return the name of a function that only the session's own backend can compute; empty when there is none."""
        return own_function(tree, self._lake.names)

    def table(self, relid: int) -> LakeTable:
        """Return a table of the lake by its OID in the twin."""
        return self._lake.schema.tables[relid]

    def family(self, relid: int) -> Family | None:
        """Return what a table with children stands for, None for other tables."""
        return self._lake.families.get(relid)

    def members(self, relid: int) -> tuple[int, ...]:
        """Return the tables whose rows a table has, its own among them."""
        family = self.family(relid)
        return (relid,) if family is None else family.members

    async def compile_scan(self, query: str, state: SessionState) -> LakeStatement:
        """Compile a query of our own over one table.

        Raises: FeatureNotSupported when the engine cannot read a column of it.
        """
        statement = classify(query)
        found = await self.look(statement, query.encode(), (), state.analysis)
        if not isinstance(found, LakeStatement) or found.emitted is None:
            raise FeatureNotSupported("a column of the table cannot be read")
        return found

    async def signatures(self, statement: LakeStatement, state: SessionState) -> tuple[str, ...]:
        """Return what a statement calls: for a log, where one of them is at fault."""
        analysed = await self._analyst.analyse(statement.text, statement.parameters, state.analysis)
        return signatures(analysed.tree, self._lake.names) if analysed is not None else ()

    async def readings(self, statement: LakeStatement, state: SessionState) -> tuple[Reading, ...]:
        """Return each table of a statement's FROM, also where it was emitted."""
        if statement.emitted is None:
            return statement.readings
        analysed = await self._analyst.analyse(statement.text, statement.parameters, state.analysis)
        if analysed is None:
            return ()
        try:
            return _readings(parse_tree(analysed.tree)[0], analysed.tree)
        except NoRule:
            return ()

    async def is_many(self, text: str, context: AnalysisContext) -> bool:
        """Whether a text of several statements parses to its end.

        Raises: CannotConnectNow (57P03).
        """
        return parses(text) or await self._analyst.is_many(text.encode(), context)


def _compiled(
    tree: str,
    *,
    names: CatalogNames,
    relations: Mapping[int, TableView],
    outputs: Sequence[OutputColumn] | None,
    families: Mapping[int, Family],
) -> tuple[Emitted | None, str, tuple[Reading, ...]]:
    """Read a tree and emit it.

    Returns: what the engine runs, or what has no rule, also where the emitter itself fails: the bridge needs none of
    it; and then each table of FROM. Without `outputs` nothing is emitted: temporary tables are read, too.
    """
    query, reason = None, "temporary tables"
    try:
        query = parse_tree(tree)[0]
        if outputs is not None:
            return emit(query, names=names, relations=relations, outputs=outputs, families=families), "", ()
    except NoRule as error:
        reason = error.construct
    except FAULTS:
        metrics.rule_failures.inc()
        log.exception("emitter_failed")
        reason = "a fault of the emitter"
    return None, reason, () if query is None else _readings(query, tree)


def _readings(query: Node, tree: str) -> tuple[Reading, ...]:
    """Return the tables of FROM if all of them were found: a row that one needs must not be left out for another."""
    readings = find_readings(query)
    return readings if len(readings) == len(TABLE.findall(tree)) else ()
