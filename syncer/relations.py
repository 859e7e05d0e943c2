"""The relations of the source, and how they are made of each other: partitions of partitioned tables, inheritance."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row

from syncer.patterns import Name

# A partition that is being detached is none of its table's any more for those who begin now.
QUERY_RELATIONS: LiteralString = """
SELECT c.oid::int8 AS oid, n.nspname AS namespace, c.relname AS name, c.relkind::text AS kind,
       c.relfilenode::int8 AS filenode, c.relispopulated AS populated,
       greatest(c.reltuples, 0)::int8 AS rows, c.relpages::int8 * 8192 AS bytes,
       ARRAY(SELECT i.inhparent::int8 FROM pg_inherits i
             WHERE i.inhrelid = c.oid AND NOT coalesce((to_jsonb(i) ->> 'inhdetachpending')::bool, false)
             ORDER BY i.inhseqno) AS parents,
       pg_get_expr(c.relpartbound, c.oid) AS bound, pg_get_partkeydef(c.oid) AS partition_key
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY n.nspname, c.relname
"""

WITHOUT_ROWS = ("p", "v")  # kinds of what is no table of rows


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, materialised view, foreign table, partitioned table or view of the source, before it is described."""

    oid: int
    namespace: str
    name: str
    kind: str  # pg_class.relkind: r, p, m, f, v
    filenode: int
    populated: bool
    rows: int  # estimates of the source's statistics
    bytes: int
    parents: tuple[int, ...]  # OIDs, in the order of inheritance
    bound: str | None
    partition_key: str | None

    @property
    def full_name(self) -> Name:
        """Schema and name."""
        return (self.namespace, self.name)


def list_relations(connection: psycopg.Connection) -> list[Relation]:
    """Return all that could be copied, by schema and name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(QUERY_RELATIONS).fetchall()
    return [Relation(**row | {"parents": tuple(row["parents"])}) for row in rows]


class Hierarchy:
    """Which relations are children of which; those that are left out of the run are nobody's children."""

    def __init__(self, relations: Iterable[Relation], left_out: Collection[Name] = ()) -> None:
        """Args: all relations of the source; the names that are left out."""
        self._relations = {relation.oid: relation for relation in relations}
        self._children: defaultdict[int, list[Relation]] = defaultdict(list)
        for relation in self._relations.values():
            if relation.full_name not in left_out:
                for parent in relation.parents:
                    self._children[parent].append(relation)

    def parents(self, relation: Relation) -> list[Name]:
        """Return the names of a relation's parents, in the order of inheritance."""
        return [self._relations[oid].full_name for oid in relation.parents if oid in self._relations]

    def children(self, relation: Relation) -> list[Name]:
        """Return the names of a relation's children."""
        return [child.full_name for child in self._children[relation.oid]]

    def descendants(self, relation: Relation) -> Iterator[Relation]:
        """Yield all below a relation; what is below it in two ways comes twice."""
        for child in self._children[relation.oid]:
            yield child
            yield from self.descendants(child)

    def heads(self) -> dict[int, Relation]:
        """Return for each relation, by OID, the head of its family: of all that read each other's rows.

        The head is the first by name of those without a parent: it is the same whatever a run is about.
        """
        head = dict(self._relations)

        def find(relation: Relation) -> Relation:
            while head[relation.oid] is not relation:
                relation = head[relation.oid]
            return relation

        for relation in self._relations.values():
            for parent in relation.parents:
                if parent in head:
                    ends = (find(relation), find(self._relations[parent]))
                    first = min(ends, key=lambda item: (bool(item.parents), item.full_name))
                    head[ends[0].oid] = head[ends[1].oid] = first
        return {oid: find(relation) for oid, relation in self._relations.items()}
