"""What a table with children stands for: which members, how its columns are read, what is missing."""

from dataclasses import replace

from catalog.columns import Column, Origin, TableView
from catalog.scan import DataFile, ScanPlan
from pgserver.emit.parts import Condition, RelationHole
from pgserver.emit.reading.families import family_sql, find_families, member_conditions

Name = tuple[str, str]


def column(name: str, attnum: int, storage: str = "int4", scale: int | None = None) -> Column:
    precision = None if scale is None else 38
    kind = "numeric" if storage in ("numeric", "text_backed") else "integer"
    return Column(name, attnum, attnum + 100, kind, 0, -1, storage, precision=precision, scale=scale)


def view(
    *columns: Column, parents: tuple[str, ...] = (), children: tuple[str, ...] = (), kind: str = "r", at: str = "2"
) -> TableView:
    return TableView(
        columns=columns,
        keys=(),
        types=(),
        comment=None,
        schema_id=0,
        row_count=1,
        byte_count=1,
        origin=Origin("1", "shop", "s", "t", "0/1", at),
        kind=kind,
        parents=tuple(("s", name) for name in parents),
        children=tuple(("s", name) for name in children),
    )


def tables(**views: TableView) -> dict[int, tuple[Name, TableView]]:
    return {number: (("s", name), item) for number, (name, item) in enumerate(views.items(), 1)}


A = column("a", 1)


def test_members_are_all_tables_with_rows_each_once() -> None:
    found = find_families(
        tables(
            root=view(A, children=("left", "right")),
            left=view(A, parents=("root",), children=("both",)),
            right=view(A, parents=("root",), children=("both",), kind="p"),
            both=view(A, parents=("left", "right")),
            alone=view(A),
        )
    )
    assert {oid: family.members for oid, family in found.items()} == {1: (1, 2, 4), 2: (2, 4), 3: (4,)}
    assert not any(family.missing for family in found.values())


def test_who_left_later_is_no_member_but_who_is_older_is_missed() -> None:
    root = view(A, kind="p", children=("left", "older", "never"))
    [family] = find_families(tables(root=root, left=view(A, at="3"), older=view(A, at="1"))).values()
    assert family.members == ()
    assert family.missing == (("s", "older"), ("s", "never"))


def test_a_member_without_a_column_of_the_table_is_missed() -> None:
    root = view(A, column("b", 2), kind="p", children=("leaf",))
    [family] = find_families(tables(root=root, leaf=view(A, parents=("root",)))).values()
    assert (family.members, family.missing) == ((), (("s", "leaf"),))


def test_numerics_of_different_scales_are_text_and_empty_members_do_not_count() -> None:
    root = view(column("n", 1, "numeric"), kind="p", children=("x", "y"))
    leaves = [view(column("n", 1, "numeric", scale), parents=("root",)) for scale in (1, 2)]
    [family] = find_families(tables(root=root, x=leaves[0], y=leaves[1])).values()
    assert family.view.columns[0].storage == "text_backed"
    [family] = find_families(tables(root=root, x=leaves[0], y=replace(leaves[1], row_count=0))).values()
    assert (family.view.columns[0].storage, family.view.columns[0].scale) == ("numeric", 1)


def test_other_columns_that_are_held_differently_cannot_be_read() -> None:
    root = view(column("d", 1, "int4"), kind="p", children=("x", "y"))
    y = view(replace(column("d", 1), storage="text_backed"), parents=("root",))
    [family] = find_families(tables(root=root, x=view(column("d", 1), parents=("root",)), y=y)).values()
    assert family.unlike == {1}


def plan(path: str, rows: int) -> ScanPlan:
    return ScanPlan("m", 1, 0, (DataFile(path, rows, 1),), False, (), rows, 1)


def test_members_that_are_alike_are_read_as_one() -> None:
    root = view(A, column("b", 2), kind="p")
    member = view(column("b", 1), column("a", 2))  # in another order
    hole = RelationHole("t1", 1, False, (2,), (), members=(2, 3))
    assert family_sql(hole, root, [(member, plan("x", 2)), (member, plan("y", 3))]) == (
        "read_parquet(['x', 'y'], schema=MAP {101: {name: 'c2', type: 'INTEGER', default_value: NULL}}, "
        "explicit_cardinality=5) AS t1"
    )


def test_conditions_follow_the_name_of_a_column() -> None:
    member = view(column("b", 1), column("a", 2))
    condition = Condition(1, "=", 5)
    assert member_conditions(member, view(A, column("b", 2)), [condition]) == [Condition(2, "=", 5)]
