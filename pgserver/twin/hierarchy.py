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
    head = {name: name for name in parents}

    def find(name: Name) -> Name:
        while head[name] != name:
            head[name] = name = head[head[name]]
        return name

    for name, edges in parents.items():
        for parent in edges:
            if parent in head:
                head[find(name)] = find(parent)
    groups: dict[Name, list[Name]] = {}
    for name in parents:
        groups.setdefault(find(name), []).append(name)
    return list(groups.values())


def read_together(*moments: Mapping[Name, TableView]) -> list[list[Name]]:
    """Part tables into groups of those that are read together at any of some moments; a view is a group of its own."""
    parents: dict[Name, list[Name]] = {}
    for tables in moments:
        for name, view in tables.items():
            parents.setdefault(name, []).extend(view.parents if view.kind != "v" else ())
    return families(parents)


def kin(names: Iterable[Name], *moments: Mapping[Name, TableView]) -> set[Name]:
    """Return all tables that are read together with one of these, at any of some moments."""
    wanted = set(names)
    return {name for group in read_together(*moments) if not wanted.isdisjoint(group) for name in group}
