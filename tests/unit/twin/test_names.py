"""Names that the twin can have, and those that keys get when they clash."""

import pytest

from catalog.columns import UserType
from pgserver.twin.names import fits, is_reserved, key_names, literal, quote, table_refusal, type_refusal
from tests.support.twin_tables import primary_key, table, unique


def test_quoting() -> None:
    assert quote("public", 'we"ird.Name') == '"public"."we""ird.Name"'
    assert literal("it's \\ one") == "'it''s \\ one'"
    assert literal(None) == "NULL"


@pytest.mark.parametrize(
    ("name", "expected"), [("x" * 63, True), ("x" * 64, False), ("ä" * 32, False), ("", False), ("a\0b", False)]
)
def test_names_that_postgres_keeps(name: str, expected: bool) -> None:
    assert fits(name) is expected


def test_reserved_namespaces() -> None:
    assert [n for n in ("pg_foo", "information_schema", "PG_foo", "pgx", "public") if is_reserved(n)] == [
        "pg_foo",
        "information_schema",
    ]


def test_tables_that_the_twin_cannot_have() -> None:
    def refusal(namespace: str, name: str, column: str = "a") -> str | None:
        view = table(namespace, name, {column: "integer"}).view
        assert view is not None
        return table_refusal((namespace, name), view)

    assert refusal("public", "t") is None
    assert refusal("pg_lake", "t") == "reserved namespace"
    assert refusal("public", "x" * 64) == refusal("public", "t", "ä" * 32) == "name empty or longer than 63 bytes"


def test_a_type_gives_way_to_a_table_of_its_name() -> None:
    tables = {("public", "mood"): table("public", "mood", {"a": "integer"}).view}
    assert type_refusal(UserType("public", "mood", "e"), tables) == "a table has its name"  # type: ignore[arg-type]
    assert type_refusal(UserType("sales", "mood", "e"), tables) is None  # type: ignore[arg-type]


def test_keys_keep_their_names_unless_they_clash() -> None:
    rows = [
        table("x", "a", {"i": "integer"}, keys=[primary_key("a_pkey", "i"), unique("shared", "i")]),
        table("x", "a_pkey", {"i": "integer"}, keys=[unique("shared", "i"), unique("y" * 63, "i")]),
        table("x", "b", {"i": "integer"}, keys=[unique("y" * 63, "i")]),
        table("y", "b", {"i": "integer"}, keys=[unique("shared", "i")]),
    ]
    tables = {(row.namespace, row.name): row.view for row in rows if row.view is not None}
    assert key_names(tables, {}) == {
        ("x", "a"): {"a_pkey": "a_pkey1", "shared": "shared"},
        ("x", "a_pkey"): {"shared": "shared1", "y" * 63: "y" * 63},
        ("x", "b"): {"y" * 63: "y" * 62 + "1"},
        ("y", "b"): {"shared": "shared"},
    }
