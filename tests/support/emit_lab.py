"""The emitter between the source PostgreSQL and DuckDB over the synced lake, with no server around: what it does alone.

Trees come from the source itself, so the OIDs are the source's; rows come back as the text that the encoder sends.
"""

import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import psycopg
import pyarrow as pa

import pgserver.emit
from catalog.columns import TableView
from catalog.scan import ScanPlan, plan_scan
from catalog.settings import CatalogSettings, load_settings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog
from pgserver.emit.parts import RelationHole
from pgserver.emit.query import Emitted, OutputColumn, emit
from pgserver.emit.reading.families import Family, family_sql, find_families
from pgserver.emit.reading.names import QUERY_FUNCTIONS, QUERY_OPERATORS, QUERY_TYPES, CatalogNames
from pgserver.emit.reading.tree import parse_tree
from pgserver.emit.relations import relation_sql
from pgserver.encode.encoders import encoders_for
from pgserver.encode.rows import WireColumn, WireSettings, encode_rows

MACROS = Path(pgserver.emit.__file__).with_name("macros")
ANALYSE = "-c debug_print_rewritten=on -c debug_pretty_print=off -c client_min_messages=log -c log_min_messages=fatal"
SETTINGS = """
SET TimeZone = 'UTC'; SET integer_division = true; SET default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC';
SET order_by_non_integer_literal = true; SET ieee_floating_point_ops = true; SET preserve_insertion_order = true;
SET old_implicit_casting = false; SET autoload_known_extensions = false; SET autoinstall_known_extensions = false
"""
NOW_US = int(time.time() * 1e6)  # in Postgres the clock runs on: a statement must not show it
SESSION: Mapping[str, str | int] = {
    "now": NOW_US,
    "statement_timestamp": NOW_US,
    "current_user": "analyst",
    "session_user": "analyst",
    "current_schema": "public",
    "current_database": "bemidb",
}

PLAIN = WireSettings()

Row = tuple[bytes | None, ...]


class EmitLab:
    """One analysing connection, one reading connection, one DuckDB."""

    def __init__(self, url: str, lake: Mapping[str, str]) -> None:
        """Args: the source's URL; the variables that open its lake."""
        self.reader = psycopg.connect(url, autocommit=True)
        self.reader.execute("SET TimeZone = 'UTC'")
        self.analyst = psycopg.connect(url, autocommit=True, options=ANALYSE)
        self._trees: list[str] = []
        self.analyst.add_notice_handler(self._note)
        self.names = CatalogNames.build(
            *(
                self.reader.execute(query.encode()).fetchall()
                for query in (QUERY_FUNCTIONS, QUERY_OPERATORS, QUERY_TYPES)
            )
        )
        self.views, self.plans, self.families = self._read_lake(lake)
        self.duckdb = duckdb.connect(config={"threads": 1})
        self.duckdb.execute(SETTINGS)
        for macros in sorted(MACROS.glob("*.sql")):
            self.duckdb.execute(macros.read_text("utf-8"))

    def close(self) -> None:
        """Disconnect from all three."""
        self.reader.close()
        self.analyst.close()
        self.duckdb.close()

    def _note(self, notice: Any) -> None:
        if notice.message_primary == "rewritten parse tree:":
            self._trees.append(notice.message_detail)

    def _read_lake(
        self, lake: Mapping[str, str]
    ) -> tuple[dict[int, TableView], dict[int, ScanPlan], dict[int, Family]]:
        with mock.patch.dict(os.environ, lake):
            settings = load_settings(CatalogSettings)
        warehouse = Warehouse.open(settings)
        views: dict[int, TableView] = {}
        plans: dict[int, ScanPlan] = {}
        tables = {}
        with closing(LakeCatalog.open(settings, warehouse)) as catalog:
            rows = catalog.read_tables()
        for row in rows:
            found = self.reader.execute(
                "SELECT c.oid::int8 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE nspname = %s AND relname = %s",
                (row.namespace, row.name),
            ).fetchone()
            assert found is not None
            assert row.view is not None
            tables[found[0]] = (row.namespace, row.name), row.view
            views[found[0]] = row.view
            plans[found[0]] = plan_scan(row.metadata_location, warehouse.file_io_properties)
        return views, plans, find_families(tables)

    def tree(self, sql: str) -> tuple[str, list[OutputColumn], list[int]]:
        """Return a statement's query tree, its result columns, and the types of its parameters."""
        self._trees.clear()
        connection = self.analyst.pgconn
        result = connection.prepare(b"", sql.encode())
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise ValueError(result.error_message.decode())
        described = connection.describe_prepared(b"")
        columns = [OutputColumn(described.ftype(i), described.fmod(i)) for i in range(described.nfields)]
        return self._trees[0], columns, [described.param_type(i) for i in range(described.nparams)]

    def emit(self, sql: str) -> tuple[Emitted, list[OutputColumn]]:
        """Emit a statement; return its result columns, too."""
        tree, columns, _ = self.tree(sql)
        emitted = emit(
            parse_tree(tree)[0], names=self.names, relations=self.views, outputs=columns, families=self.families
        )
        return emitted, columns

    def render(self, emitted: Emitted, parameters: Sequence[str | None] = ()) -> str:
        """Fill an emitted statement's holes."""
        relations = {hole: self._fill(hole) for hole in emitted.relations}
        return emitted.render(relations, parameters, SESSION)

    def _fill(self, hole: RelationHole) -> str:
        if hole.members is None:
            return relation_sql(hole, self.views[hole.relid], self.plans[hole.relid])
        root = self.families[hole.relid].view
        return family_sql(hole, root, [(self.views[relid], self.plans[relid]) for relid in hole.members])

    def ours(self, emitted: Emitted, columns: Sequence[OutputColumn]) -> list[Row]:
        """Return the rows of an emitted statement run in DuckDB, in text format."""
        reader = self.duckdb.execute(self.render(emitted)).to_arrow_reader(10_000)
        wire = tuple(WireColumn(column.type_oid, column.typmod, 0) for column in columns)
        return [row for batch in reader for row in decode(batch, wire)]

    def theirs(self, sql: str, parameters: Sequence[str | None] = ()) -> list[Row]:
        """Return the rows of a statement run in PostgreSQL, in text format."""
        encoded = [None if value is None else value.encode() for value in parameters]
        result = self.reader.pgconn.exec_params(sql.encode(), encoded)
        if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
            raise ValueError(result.error_message.decode())
        width = range(result.nfields)
        return [tuple(result.get_value(row, column) for column in width) for row in range(result.ntuples)]


def decode(batch: pa.RecordBatch, columns: Sequence[WireColumn], settings: WireSettings = PLAIN) -> Iterator[Row]:
    """Encode a batch as DataRow messages and read those back."""
    chunk = encode_rows(batch, encoders_for(columns, batch.schema, settings))
    data = bytes(chunk.data)
    for start in chunk.offsets[:-1]:
        position = int(start) + 7
        values: list[bytes | None] = []
        for _ in columns:
            (length,) = struct.unpack_from("!i", data, position)
            position += 4
            values.append(None if length < 0 else data[position : position + length])
            position += max(length, 0)
        yield tuple(values)
