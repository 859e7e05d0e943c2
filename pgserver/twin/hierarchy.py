"""How the lake's relations are made of each other: partitions, inheritance, views over tables. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog.columns import TableView
from pgserver.twin.names import Name


def parents_of(name: Name, tables: Mapping[Name, TableView]) -> list[Name]:
    """Return what a table is a child of, as both sides say, in its order; or what a view reads."""
    view = tables[name]
    if view.kind == "v":
        return list(view.parents)
    return [parent for parent in view.parents if parent in tables and name in tables[parent].children]


def in_order(tables: Mapping[Name, TableView]) -> Iterator[tuple[Name, list[Name]]]:
    """Yield each relation with its parents, these first; what lacks a parent, or is its own ancestor, is left out."""
    done: set[Name] = set()
    waiting = {name: parents_of(name, tables) for name in sorted(tables)}
    while ready := [name for name, parents in waiting.items() if done.issuperset(parents)]:
        for name in ready:
            yield name, waiting.pop(name)
            done.add(name)


def families(parents: Mapping[Name, Sequence[Name]]) -> list[list[Name]]:
    """Part names into the least groups that no edge to a parent leaves; edges to other names do not count."""
    family = {name: [name] for name in parents}
    for name, edges in parents.items():
        for parent in edges:
            if parent in family and family[parent] is not family[name]:
                joined = family[parent] + family[name]
                family |= dict.fromkeys(joined, joined)
    return list({id(group): group for group in family.values()}.values())


def kin(names: Iterable[Name], *moments: Mapping[Name, TableView]) -> set[Name]:
    """Return all tables that are read together with one of these, at any of some moments."""
    parents: dict[Name, list[Name]] = {}
    for tables in moments:
        for name, view in tables.items():
            parents.setdefault(name, []).extend(view.parents if view.kind != "v" else ())
    wanted = set(names)
    return {name for family in families(parents) if not wanted.isdisjoint(family) for name in family}
