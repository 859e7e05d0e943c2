"""Fingerprints tell the changes that matter apart; DDL says what the view says."""

from dataclasses import replace

from catalog.columns import Key, TableView, UserType
from pgserver.twin.ddl import (
    Wanted,
    add_key,
    blocks,
    create_table,
    create_type,
    late_keys,
    wanted_tables,
    wanted_types,
)
from tests.support.twin_tables import Row, foreign_key, primary_key, table, unique

MOOD = UserType("public", "mood", "e", labels=("ok", "it's"))


def view(row: Row) -> TableView:
    assert row.view is not None
    return row.view


def wanted(row: Row) -> Wanted:
    tables = {(row.namespace, row.name): view(row)}
    return wanted_tables(tables, wanted_types(tables))[row.namespace, row.name]


ORDERS = table(
    "public", "orders", {"id": "bigint", "mood": "public.mood"}, keys=[primary_key("pk", "id")], types=[MOOD]
)


def test_counts_and_origin_are_no_change() -> None:
    later = replace(view(ORDERS), row_count=5, byte_count=9, origin=replace(view(ORDERS).origin, lsn="0/2"))
    assert wanted(ORDERS) == replace(wanted(replace(ORDERS, view=later)), view=view(ORDERS))


def test_a_comment_is_not_a_change_of_structure() -> None:
    commented = wanted(replace(ORDERS, view=replace(view(ORDERS), comment="all of them")))
    assert commented.structure == wanted(ORDERS).structure
    assert commented.comments != wanted(ORDERS).comments


def test_a_type_is_part_of_the_structure() -> None:
    changed = replace(view(ORDERS), types=(replace(MOOD, labels=("ok", "it's", "new")),))
    assert wanted(replace(ORDERS, view=changed)).structure != wanted(ORDERS).structure


def test_the_type_synced_last_counts_for_all() -> None:
    newer = replace(MOOD, labels=("ok", "new"))
    older_row = table("a", "t", {"m": "public.mood"}, types=[MOOD], synced_at="2026-01-01T00:00:00Z")
    newer_row = table("b", "t", {"m": "public.mood"}, types=[newer], synced_at="2026-01-02T00:00:00Z")
    for rows in ((older_row, newer_row), (newer_row, older_row)):
        types = wanted_types({(row.namespace, row.name): view(row) for row in rows})
        assert types["public", "mood"].item == newer


def test_create_table() -> None:
    row = table(
        "public",
        "t",
        {"a": "integer", "b": "public.unknown"},
        not_null=["b"],
        keys=[primary_key("t_pkey", "a", comment="key"), unique("t_b_key", "b", "a")],
        comments={"b": "what's b"},
    )
    assert list(create_table(wanted(row), {"integer": "integer"}, with_keys=True)) == [
        'CREATE TABLE "public"."t" ("a" integer, "b" text NOT NULL, '
        'CONSTRAINT "t_pkey" PRIMARY KEY ("a"), CONSTRAINT "t_b_key" UNIQUE ("b", "a"))',
        'COMMENT ON COLUMN "public"."t"."b" IS \'what\'\'s b\'',
        'COMMENT ON CONSTRAINT "t_pkey" ON "public"."t" IS \'key\'',
    ]


def test_create_types() -> None:
    assert create_type(MOOD, {}) == """CREATE TYPE "public"."mood" AS ENUM ('ok', 'it''s')"""
    domain = UserType("public", "cents", "d", base="public.money2", comment="in cents")
    assert create_type(domain, {}) == (
        """CREATE DOMAIN "public"."cents" AS text; COMMENT ON DOMAIN "public"."cents" IS 'in cents'"""
    )
    composite = UserType("public", "pair", "c", fields=(("a", "integer"), ("B", "public.mood[]")))
    assert create_type(composite, {"integer": "integer", "public.mood[]": "public.mood[]"}) == (
        'CREATE TYPE "public"."pair" AS ("a" integer, "B" public.mood[])'
    )


def test_foreign_keys_need_a_key_on_the_other_side() -> None:
    target = table("public", "t", {"a": "integer", "b": "integer"}, keys=[primary_key("t_pkey", "a"), unique("u", "b")])
    source = table(
        "public",
        "s",
        {"x": "integer"},
        keys=[
            foreign_key("to_a", "x", ("public", "t"), "a", comment="why"),
            foreign_key("to_b", "x", ("public", "t"), "b"),
            foreign_key("to_c", "x", ("public", "t"), "c"),
            foreign_key("gone", "x", ("public", "gone"), "a"),
            Key("bare", "f", ("x",), ("public", "t")),
        ],
    )
    tables = {(row.namespace, row.name): view(row) for row in (source, target)}
    found = list(late_keys(wanted_tables(tables, {})))
    assert [key.name for _, key in found] == ["to_a", "to_b", "bare"]
    assert add_key(*found[0]) == (
        'ALTER TABLE "public"."s" ADD CONSTRAINT "to_a" FOREIGN KEY ("x") REFERENCES "public"."t" ("a"); '
        'COMMENT ON CONSTRAINT "to_a" ON "public"."s" IS \'why\''
    )


def test_keys_as_they_are_at_the_source() -> None:
    key = Key(
        "k", "f", ("x", "y"), ("s", "t"), ("a", "b"), on_update="c", on_delete="n", delete_columns=("y",), match="f",
        deferrable="deferred", valid=False,
    )  # fmt: skip
    assert add_key(("s", "o"), key) == (
        'ALTER TABLE "s"."o" ADD CONSTRAINT "k" FOREIGN KEY ("x", "y") REFERENCES "s"."t" ("a", "b") MATCH FULL '
        'ON UPDATE CASCADE ON DELETE SET NULL ("y") DEFERRABLE INITIALLY DEFERRED NOT VALID'
    )
    assert add_key(("s", "o"), Key("c", "c", (), definition="CHECK ((x > 0)) NO INHERIT")) == (
        'ALTER TABLE "s"."o" ADD CONSTRAINT "c" CHECK ((x > 0)) NO INHERIT'
    )
    row = table(
        "s",
        "t",
        {"a": "integer"},
        keys=[Key("u", "u", ("a",), include=("b",), nulls_not_distinct=True, deferrable="deferrable")],
    )
    assert list(create_table(wanted(row), {"integer": "integer"}, with_keys=True)) == [
        'CREATE TABLE "s"."t" ("a" integer, CONSTRAINT "u" UNIQUE NULLS NOT DISTINCT ("a") INCLUDE ("b") DEFERRABLE)'
    ]


def test_a_domain_with_its_constraints() -> None:
    domain = UserType("s", "d", "d", base="integer", not_null=True, default="1", checks=(("c", "CHECK ((VALUE > 0))"),))
    assert create_type(domain, {"integer": "integer"}) == (
        'CREATE DOMAIN "s"."d" AS integer NOT NULL DEFAULT 1 CONSTRAINT "c" CHECK ((VALUE > 0))'
    )
    assert create_type(domain, {"integer": "integer"}, bare=True) == 'CREATE DOMAIN "s"."d" AS integer NOT NULL'


def test_blocks() -> None:
    assert [blocks(n) for n in (0, 1, 8192, 8193, 1 << 60)] == [0, 1, 1, 2, 999]
