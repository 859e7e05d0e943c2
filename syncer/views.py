"""Views of the source: they are not copied but defined in the lake, too, over the lake's tables.

A view is left out when it depends on what a lake has not: functions of the source's users or of extensions, sequences.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
import structlog
from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream
from pglast.visitors import Visitor
from psycopg.rows import dict_row

from syncer.kinds import FIRST_USER_OID
from syncer.patterns import Name
from syncer.relations import Relation

# With search_path = pg_catalog the definition names all else with its schema. A view's own rule depends on the view.
QUERY_VIEWS: LiteralString = """
SELECT c.oid::int8 AS relation, pg_get_viewdef(c.oid) AS definition, coalesce(c.reloptions, '{}') AS options,
       ARRAY(SELECT DISTINCT r.refobjid::int8 FROM uses r
             WHERE r.relation = c.oid AND r.refclassid = 'pg_class'::regclass AND r.refobjid <> c.oid) AS reads,
       ARRAY(SELECT DISTINCT r.refobjid::int8 FROM uses r
             WHERE r.relation = c.oid AND r.refclassid = 'pg_type'::regclass) AS types,
       ARRAY(SELECT DISTINCT pg_describe_object(r.refclassid, r.refobjid, 0) FROM uses r
             WHERE r.relation = c.oid AND r.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass,
               'pg_collation'::regclass, 'pg_ts_config'::regclass) AND r.refobjid >= %s
             UNION SELECT s.oid::regclass::text FROM uses r JOIN pg_class s ON s.oid = r.refobjid AND s.relkind = 'S'
             WHERE r.relation = c.oid AND r.refclassid = 'pg_class'::regclass) AS foreign_parts
FROM pg_class c WHERE c.oid = ANY(%s::oid[])
"""
USES: LiteralString = """
WITH uses AS MATERIALIZED (
  SELECT w.ev_class AS relation, d.refclassid, d.refobjid
  FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
  WHERE w.ev_class = ANY(%s::oid[])
)
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ViewDefinition:
    """What a view is, and what it reads."""

    definition: str | None
    options: tuple[str, ...]
    reads: tuple[Name, ...]  # names in the lake
    types: tuple[int, ...]  # OIDs of the types that it names


NOT_A_VIEW = ViewDefinition(None, (), (), ())


def read_views(
    connection: psycopg.Connection, relations: Sequence[Relation], place: Callable[[Name], Name]
) -> dict[int, ViewDefinition]:
    """Return the definitions of those views that a lake can have, by OID; say why of the others.

    Args: the source; all its relations; where a source table goes in the lake.
    """
    names = {relation.oid: relation.full_name for relation in relations}
    oids = [relation.oid for relation in relations if relation.kind == "v"]
    found: dict[int, ViewDefinition] = {}
    if not oids:
        return found
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(USES + QUERY_VIEWS, (oids, FIRST_USER_OID, oids)).fetchall()
    for row in rows:
        name = names[row["relation"]]
        foreign = row["foreign_parts"] + [f"relation {oid}" for oid in row["reads"] if oid not in names]
        if foreign:
            log.info("view_left_out", view=".".join(name), depends_on=foreign)
            continue
        reads = [names[oid] for oid in row["reads"]]
        definition = relocated(row["definition"].rstrip().rstrip(";"), {name: place(name) for name in reads})
        if definition is None:
            log.info("view_left_out", view=".".join(name), reason="its definition cannot be written for other schemas")
            continue
        options = tuple(str(option) for option in row["options"])
        found[row["relation"]] = ViewDefinition(
            definition, options, tuple(sorted(map(place, reads))), tuple(row["types"])
        )
    return found


def relocated(definition: str, places: Mapping[Name, Name]) -> str | None:
    """Return a definition that reads the lake's tables; None where it cannot be understood.

    Args: the definition, with every table's schema; where each table is in the lake.
    """
    if all(name == place for name, place in places.items()):
        return definition
    try:
        [statement] = parse_sql(definition)
    except ParseError:
        return None
    _Relocation(places)(statement)
    return str(RawStream()(statement))


class _Relocation(Visitor):
    """Gives tables their names in the lake; columns go on naming them as before."""

    def __init__(self, places: Mapping[Name, Name]) -> None:
        super().__init__()
        self._places = places

    def visit_RangeVar(self, _ancestors: object, node: ast.RangeVar) -> None:  # noqa: N802 - pglast's name
        place = self._places.get((node.schemaname or "", node.relname or ""))
        if place is None:
            return
        if node.alias is None:
            node.alias = ast.Alias(aliasname=node.relname)
        node.schemaname, node.relname = place
