"""Partitions, inheritance and views in the twin: made as at the source, and followed when they change."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from catalog.columns import Key
from tests.support.twin_tables import Row, primary_key, table

Names = tuple[str, ...]


@pytest.fixture(autouse=True)
def _empty(twin: Any) -> None:
    twin.apply()


def row(name: str, *, columns: Names = ("a", "b"), parents: Names = (), children: Names = (), **changes: Any) -> Row:
    keys = changes.pop("keys", ())
    plain = table("public", name, dict.fromkeys(columns, "integer"), not_null=["a"], keys=keys)
    assert plain.view is not None
    named = [tuple(("public", item) for item in names) for names in (parents, children)]
    return Row("public", name, replace(plain.view, parents=named[0], children=named[1], **changes))


def family(*leaves: str, **changes: Any) -> list[Row]:
    root = row("root", children=leaves, kind="p", partition_key="LIST (a)", keys=[primary_key("root_pkey", "a")])
    assert root.view is not None
    rows = [Row("public", "root", replace(root.view, **changes))]
    for number, name in enumerate(leaves):
        bound = f"FOR VALUES IN ({number})"
        key = primary_key(f"{name}_key", "a")
        rows.append(row(name, columns=("b", "a"), parents=("root",), bound=bound, keys=[replace(key, inherited=True)]))
    return rows


def shown(twin: Any) -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = twin.query(
        "SELECT relname, relkind::text, pg_get_expr(relpartbound, oid) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY relname"
    )
    return found


def test_partitions_come_and_go_without_the_others(twin: Any) -> None:
    before = twin.apply(*family("x", "y"))
    assert shown(twin) == [("root", "p", None), ("x", "r", "FOR VALUES IN (0)"), ("y", "r", "FOR VALUES IN (1)")]
    assert twin.query("SELECT attname FROM pg_attribute WHERE attrelid = 'x'::regclass AND attnum = 1") == [("b",)]
    assert twin.query("SELECT conname FROM pg_constraint WHERE conrelid = 'x'::regclass AND contype = 'p'") == [
        ("x_key",)
    ]
    after = twin.apply(*family("x", "y", "z"))
    assert [name for name, _, bound in shown(twin) if bound] == ["x", "y", "z"]
    assert before.tables.keys() < after.tables.keys()
    last = twin.apply(*family("x"))
    assert [name for name, _, bound in shown(twin) if bound] == ["x"]
    assert len(last.tables) == 2


def test_a_change_of_the_root_takes_its_partitions_along(twin: Any) -> None:
    twin.apply(*family("x", "y"))
    schema = twin.apply(*family("x", "y", partition_key="LIST (b)", keys=()))
    assert not schema.pending
    assert twin.query("SELECT pg_get_partkeydef('root'::regclass)") == [("LIST (b)",)]
    assert len(twin.query("SELECT FROM pg_inherits WHERE inhparent = 'root'::regclass")) == 2


def test_what_postgres_refuses_is_made_without_a_hierarchy(twin: Any) -> None:
    with structlog.testing.capture_logs():
        schema = twin.apply(*family("x", partition_key="LIST (no_such_function(a))"))
    assert shown(twin) == [("root", "r", None), ("x", "r", None)]
    assert len(schema.tables) == 2


def test_inheritance_with_checks(twin: Any) -> None:
    check = Key("positive", "c", ("a",), definition="CHECK ((a > 0))")
    parent = row("parent", children=("child",), keys=[check])
    child = row("child", columns=("c", "a", "b"), parents=("parent",), keys=[replace(check, inherited=True)])
    twin.apply(parent, child)
    assert twin.query("SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits") == [
        ("child", "parent")
    ]
    checks = "SELECT conrelid::regclass::text, coninhcount FROM pg_constraint WHERE conname = 'positive' ORDER BY 1"
    assert twin.query(checks) == [("child", 1), ("parent", 0)]
    second = row("second", columns=("b", "a"), parents=("parent",), keys=[replace(check, inherited=True)])
    twin.apply(row("parent", children=("child", "second"), keys=[check]), child, second)
    assert len(twin.query(checks)) == 3


def view(name: str, definition: str, *reads: str, columns: Names = ("a",)) -> Row:
    return row(name, columns=columns, parents=reads, kind="v", definition=definition)


def test_views_follow_their_tables(twin: Any) -> None:
    v, w = view("v", "SELECT a FROM public.t", "t"), view("w", "SELECT a FROM public.v", "v")
    twin.apply(w, v, row("t"))
    assert [kind for _, kind, _ in shown(twin)] == ["r", "v", "v"]
    changed = twin.apply(w, v, row("t", columns=("b", "a", "c")))
    assert [kind for _, kind, _ in shown(twin)] == ["r", "v", "v"]
    assert len(changed.tables) == 3
    twin.apply(row("t", columns=("b", "a", "c")), row("v"))  # now a table
    assert shown(twin) == [("t", "r", None), ("v", "r", None)]


def test_a_view_that_postgres_refuses_takes_nothing_along(twin: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        schema = twin.apply(view("v", "SELECT no_such_function(a) AS a FROM public.t", "t"), row("t"))
    assert shown(twin) == [("t", "r", None)]
    assert len(schema.tables) == 1
    assert any(entry["event"] == "twin_refused" for entry in logs)


def test_a_session_in_the_way_makes_the_family_wait(twin: Any) -> None:
    twin.apply(*family("x"), view("v", "SELECT a FROM public.root", "root"))
    with twin.connect() as reader:
        reader.execute("BEGIN; SELECT FROM x")
        schema = twin.apply(
            *family("x", partition_key="LIST (b)", keys=()), view("v", "SELECT a FROM public.root", "root")
        )
        assert schema.pending == (("public", "root"), ("public", "v"), ("public", "x"))
        assert len(schema.tables) == 3
    assert not twin.apply(
        *family("x", partition_key="LIST (b)", keys=()), view("v", "SELECT a FROM public.root", "root")
    ).pending
    assert twin.query("SELECT pg_get_partkeydef('root'::regclass)") == [("LIST (b)",)]
