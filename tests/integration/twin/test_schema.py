"""The lake's tables in the twin: as at the source, brought up to date by diff, whatever is in the way."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from catalog.columns import UserType
from tests.support.twin_tables import Row, foreign_key, primary_key, table, unique

MOOD = UserType("public", "mood", "e", labels=("sad", "ok", "Ünhappy's"), comment="how one is")
TYPES = [
    "boolean", "bytea", '"char"', "name", "bigint", "smallint", "integer", "text", "oid", "json", "jsonb", "real",
    "double precision", "character(10)", "bpchar", "character varying", "character varying(10)", "date",
    "time without time zone", "time(3) without time zone", "time with time zone", "timestamp without time zone",
    "timestamp(3) without time zone", "timestamp with time zone", "timestamp(0) with time zone", "numeric",
    "numeric(15,2)", "numeric(5,-2)", "uuid", "interval", "interval day to second(3)", "interval year", "bit(3)",
    "bit varying(5)", "bit varying", "inet", "cidr", "macaddr", "macaddr8", "money", "point", "polygon", "tsvector",
    "tsquery", "xml", "int4range", "tstzmultirange", "regclass", "pg_lsn", "integer[]", "numeric(10,2)[]",
    "character varying(3)[]", "timestamp(3) with time zone[]", '"char"[]', "int4range[]", "oidvector", "jsonpath",
    "txid_snapshot", "hstore",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _empty(twin: Any) -> None:
    twin.apply()


def columns(twin: Any, name: str) -> list[tuple[str, str, bool]]:
    rows: list[tuple[str, str, bool]] = twin.query(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        [name],
    )
    return rows


def oid(twin: Any, name: str) -> int | None:
    found: int | None = twin.query("SELECT to_regclass(%s)::oid::int8", [name])[0][0]
    return found


def test_types_are_those_of_the_source(twin: Any) -> None:
    names = {f"c{number}": type_name for number, type_name in enumerate(TYPES)}
    twin.apply(table("public", "types", names, not_null=["c3"]))
    expected = [(name, "text" if t == "hstore" else t, name == "c3") for name, t in names.items()]
    assert columns(twin, "types") == expected


@pytest.mark.parametrize(
    "type_name",
    [
        "public.hstore", "public.geometry(Point,4326)", "int; DROP TABLE x", "'", '"', "", "trigger", "record", "%",
        "pg_toast.x", "public.t", "SETOF text", "text, b text", "cstring",
    ],
)  # fmt: skip
def test_what_the_twin_does_not_know_is_text(twin: Any, type_name: str) -> None:
    twin.apply(table("public", "t", {"a": type_name, "b": "integer"}))
    assert columns(twin, "t") == [("a", "text", False), ("b", "integer", False)]


def test_an_unknown_type_is_reported_once(twin: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        twin.apply(table("public", "t", {"a": "public.only_here"}))
        twin.apply(table("public", "t", {"a": "public.only_here", "b": "public.only_here"}))
    assert [entry["type"] for entry in logs if entry["event"] == "type_unknown_to_twin"] == ["public.only_here"]


SPELLINGS = [
    'qu"ote', "do.t", "UPPER", "select", "ünïcödé ☃", "sp ace", "x" * 63, "ä" * 31, "a'b", "%s", "semi;colon", "$1",
    "new\nline", "back\\slash",
]  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_names_of_every_spelling(twin: Any, name: str) -> None:
    row = table(
        name,
        name,
        {name: "integer", "plain": f'"{name.replace(chr(34), chr(34) * 2)}"."{"m" + name[:40].replace(chr(34), "")}"'},
        keys=[primary_key(name[:50] + "_pk", name, comment=name), foreign_key("self", name, (name, name), name)],
        types=[UserType(name, "m" + name[:40].replace('"', ""), "e", labels=(name,), comment=name)],
        comment=name,
        comments={name: name},
    )
    schema = twin.apply(row)
    [lake_table] = schema.tables.values()
    assert (lake_table.namespace, lake_table.name, lake_table.view) == (name, name, row.view)
    assert twin.query(
        "SELECT n.nspname, c.relname, a.attname, obj_description(c.oid), col_description(c.oid, 1), "
        "(SELECT count(*) FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('p', 'f')) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.oid = %s AND attnum = 1",
        [lake_table.oid],
    ) == [(name, name, name, name, name, 2)]
    assert twin.query("SELECT enumlabel FROM pg_enum") == [(name,)]
    assert twin.apply().tables == {}
    assert twin.query("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [name]) == [(0,)]


def test_keys_comments_and_counts(twin: Any) -> None:
    customers = table(
        "public",
        "customers",
        {"id": "bigint", "email": "text"},
        not_null=["id", "email"],
        keys=[primary_key("customers_pkey", "id", comment="the key"), unique("customers_email_key", "email")],
        comment="who buys",
        row_count=1_500_000,
        byte_count=100_000_000,
    )
    orders = table(
        "sales",
        "orders",
        {"id": "bigint", "customer_id": "bigint"},
        keys=[foreign_key("orders_fk", "customer_id", ("public", "customers"), "id", comment="whose")],
        comments={"customer_id": "who"},
    )
    twin.apply(orders, customers)
    assert twin.query(
        "SELECT conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') FROM pg_constraint "
        "WHERE conrelid IN ('customers'::regclass, 'sales.orders'::regclass) ORDER BY conname"
    ) == [
        ("customers_email_key", "UNIQUE (email)", None),
        ("customers_email_not_null", "NOT NULL email", None),
        ("customers_id_not_null", "NOT NULL id", None),
        ("customers_pkey", "PRIMARY KEY (id)", "the key"),
        ("orders_fk", "FOREIGN KEY (customer_id) REFERENCES customers(id)", "whose"),
    ]
    assert twin.query("SELECT reltuples, relpages, obj_description(oid) FROM pg_class WHERE relname = 'customers'") == [
        (1_500_000, 999, "who buys")
    ]
    assert twin.query("SELECT reltuples, relpages FROM pg_class WHERE relname = 'orders'") == [(0, 0)]
    assert twin.query(
        "SELECT table_name, constraint_type FROM information_schema.table_constraints "
        "WHERE constraint_type <> 'CHECK' ORDER BY 1, 2"
    ) == [("customers", "PRIMARY KEY"), ("customers", "UNIQUE"), ("orders", "FOREIGN KEY")]


def test_sizes_are_those_of_the_lake(twin: Any) -> None:
    keys = [primary_key("a_pkey", "i")]
    twin.apply(
        table("public", "a", {"i": "integer", "t": "text"}, keys=keys, byte_count=12345, row_count=3),
        table("public", "b", {"i": "integer"}, byte_count=5),
    )
    sizes = "pg_relation_size('a'), pg_relation_size('a', 'main'), pg_relation_size('a', 'fsm'), pg_table_size('a'), "
    sizes += "pg_indexes_size('a'), pg_total_relation_size('a'), pg_relation_size('a_pkey'), pg_table_size('a_pkey')"
    assert twin.query(f"SELECT {sizes}") == [(12345, 12345, 0, 12345, 0, 12345, 0, 0)]
    assert twin.query(
        "SELECT pg_database_size(current_database()), pg_database_size(oid), "
        "pg_database_size('postgres'), pg_table_size('pg_class'), pg_size_pretty(pg_table_size(0)) "
        "FROM pg_database WHERE datname = current_database()"
    )[0][:2] == (12350, 12350)
    assert twin.query("SELECT pg_table_size('pg_class') > 50000, pg_total_relation_size(1) IS NULL") == [(True, True)]
    with twin.connect() as connection:
        connection.execute("CREATE TEMP TABLE own AS SELECT generate_series(1, 1000)")
        assert connection.execute("SELECT pg_table_size('own') >= 32768").fetchone() == (True,)


def test_psql_shows_a_lake_table(twin: Any) -> None:
    row = table(
        "public",
        "orders",
        {"id": "bigint", "price": "numeric(15,2)"},
        keys=[primary_key("orders_pkey", "id")],
        comments={"price": "in euro"},
        comment="all orders",
        byte_count=5 << 20,
    )
    twin.apply(row)
    described = twin.psql(r"\d+ orders")
    for line in ("numeric(15,2)", "in euro", '"orders_pkey" PRIMARY KEY, btree (id)'):
        assert line in described
    assert "5120 kB" in twin.psql(r"\dt+")
    assert "bemidb_" not in twin.psql(r"\dt", r"\dn", r"\dv", r"\df", r"\di")
    assert "bemidb " in twin.psql(r"\l+")


def test_nothing_of_ours_shows(twin: Any) -> None:
    assert twin.query("SELECT table_name FROM information_schema.tables WHERE table_name ~ 'bemidb'") == []
    assert twin.query("SELECT relname FROM pg_class WHERE relname ~ 'bemidb' AND pg_table_is_visible(oid)") == []
    assert twin.query("SELECT proname FROM pg_proc WHERE proname ~ 'bemidb' AND pg_function_is_visible(oid)") == []


def test_user_types(twin: Any) -> None:
    types = [
        UserType("shop", "pair", "c", fields=(("m", "public.mood"), ("n", "shop.cents"), ("x", "public.hstore"))),
        MOOD,
        UserType("shop", "cents", "d", base="numeric(12,2)"),
        UserType("shop", "moods", "d", base="public.mood[]"),
        UserType("shop", "nothing", "e"),
    ]
    names = {"a": "public.mood", "b": "public.mood[]", "c": "shop.pair", "d": "shop.cents", "e": "shop.moods"}
    twin.apply(table("public", "t", names | {"f": "shop.nothing", "g": "shop.pair[]"}, types=types))
    printed = [type_name.removeprefix("public.") for type_name in names.values()]
    assert [t for _, t, _ in columns(twin, "t")] == [*printed, "shop.nothing", "shop.pair[]"]
    assert twin.query("SELECT enum_range(null::mood)::text[]") == [(["sad", "ok", "Ünhappy's"],)]
    assert twin.query("SELECT obj_description('mood'::regtype)") == [("how one is",)]
    assert twin.query("SELECT '(ok,1.5,y)'::shop.pair::text") == [("(ok,1.50,y)",)]
    twin.apply()
    assert twin.query("SELECT count(*) FROM pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd')") == [(0,)]


def test_a_changed_enum_takes_its_tables_along(twin: Any) -> None:
    pair = UserType("public", "pair", "c", fields=(("m", "public.mood"), ("n", "integer")))
    other = table("public", "other", {"a": "integer"})

    def rows(mood: UserType) -> list[Row]:
        return [
            table("public", "direct", {"m": "public.mood"}, types=[mood]),
            table("public", "through", {"p": "public.pair[]"}, types=[mood, pair]),
            other,
        ]

    first = twin.apply(*rows(MOOD))
    second = twin.apply(*rows(replace(MOOD, labels=("ok", "new"))))
    assert second.version == first.version + 1
    assert twin.query("SELECT enum_range(null::mood)::text[]") == [(["ok", "new"],)]
    assert [t for _, t, _ in columns(twin, "direct")] == ["mood"]
    assert [t for _, t, _ in columns(twin, "through")] == ["pair[]"]
    assert twin.query("SELECT '(new,1)'::pair::text") == [("(new,1)",)]
    kept = [t.oid for t in first.tables.values() if t.name == "other"]
    assert [t.oid for t in second.tables.values() if t.name == "other"] == kept


def test_only_what_changed_is_made_again(twin: Any) -> None:
    a, b = table("public", "a", {"i": "integer"}, keys=[primary_key("a_pkey", "i")]), table("x", "b", {"i": "integer"})
    b = replace(b, view=replace(b.view, keys=(foreign_key("fk", "i", ("public", "a"), "i"),)))  # type: ignore[type-var]
    first = twin.apply(a, b)
    assert twin.apply(a, b).version == first.version

    counted = replace(a, view=replace(a.view, row_count=7, byte_count=8192))  # type: ignore[type-var]
    second = twin.apply(counted, b)
    assert (second.version, second.tables.keys()) == (first.version, first.tables.keys())
    assert twin.query("SELECT reltuples, relpages FROM pg_class WHERE relname = 'a'") == [(7, 1)]
    assert {t.view for t in second.tables.values()} == {counted.view, b.view}

    wider = table("public", "a", {"i": "integer", "j": "text"}, keys=[primary_key("a_pkey", "i")])
    third = twin.apply(wider, b)
    assert third.version == second.version + 1
    assert len(third.tables.keys() & second.tables.keys()) == 1
    assert twin.query("SELECT confrelid::regclass::text FROM pg_constraint WHERE conname = 'fk'") == [("a",)]

    moved = replace(b, view=replace(b.view, schema_id=9))  # type: ignore[type-var]
    fourth = twin.apply(wider, moved)
    assert (fourth.version, fourth.tables.keys()) == (third.version + 1, third.tables.keys())


def test_comments_come_and_go(twin: Any) -> None:
    key = primary_key("a_pkey", "i", comment="key")
    row = table("public", "a", {"i": "integer"}, keys=[key], comment="table", comments={"i": "column"})
    first = twin.apply(row)
    comments = (
        "SELECT obj_description('a'::regclass), col_description('a'::regclass, 1), "
        "(SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'a_pkey')"
    )
    assert twin.query(comments) == [("table", "column", "key")]
    second = twin.apply(table("public", "a", {"i": "integer"}, keys=[primary_key("a_pkey", "i")], comment="new"))
    assert twin.query(comments) == [("new", None, None)]
    assert first.tables.keys() == second.tables.keys()


def test_a_table_that_is_read_waits_its_turn(twin: Any) -> None:
    old, gone = table("public", "a", {"i": "integer"}), table("public", "gone", {"i": "integer"})
    new, other = table("public", "a", {"i": "bigint"}), table("public", "other", {"i": "integer"})
    first = twin.apply(old, gone)
    with twin.connect() as reader, reader.transaction():
        reader.execute("SELECT * FROM a, gone")
        second = twin.apply(new, other)
        assert second.pending == (("public", "a"), ("public", "gone"))
        assert {(t.name, t.view) for t in second.tables.values()} == {
            ("a", old.view),
            ("gone", gone.view),
            ("other", other.view),
        }
        assert first.tables.items() <= second.tables.items()
        assert reader.execute("SELECT pg_typeof(i)::text FROM a").fetchall() == []
    third = twin.apply(new, other)
    assert third.pending == ()
    assert {(t.name, t.view) for t in third.tables.values()} == {("a", new.view), ("other", other.view)}
    assert third.version > second.version > first.version


def test_a_type_in_use_keeps_its_tables_waiting(twin: Any) -> None:
    changed = replace(MOOD, labels=("ok",))
    twin.apply(table("public", "a", {"m": "public.mood"}, types=[MOOD]))
    rows = [table("public", name, {"m": "public.mood"}, types=[changed]) for name in ("a", "b")]
    with twin.connect() as reader, reader.transaction():
        reader.execute("SELECT * FROM a")
        waiting = twin.apply(*rows, table("public", "c", {"i": "integer"}))
        assert waiting.pending == (("public", "a"), ("public", "b"))
        assert {t.name for t in waiting.tables.values()} == {"a", "c"}
    done = twin.apply(*rows)
    assert done.pending == ()
    assert [t for name in "ab" for _, t, _ in columns(twin, name)] == ["mood", "mood"]


def test_a_users_view_does_not_keep_a_table(twin: Any) -> None:
    twin.apply(table("public", "a", {"i": "integer"}))
    with twin.connect() as user:
        user.execute("CREATE TEMP VIEW v AS SELECT * FROM a")
        assert twin.apply(table("public", "a", {"i": "bigint"})).pending == ()
        assert user.execute("SELECT to_regclass('v')").fetchone() == (None,)


def test_what_the_twin_cannot_have_is_left_out(twin: Any) -> None:
    good = table("public", "good", {"i": "integer"})
    rows = [
        table("pg_foo", "t", {"i": "integer"}),
        table("information_schema", "t", {"i": "integer"}),
        table("public", "x" * 64, {"i": "integer"}),
        table("public", "t", {"i" * 64: "integer"}),
        Row("public", "spark", None),
        good,
    ]
    with structlog.testing.capture_logs() as logs:
        schema = twin.apply(*rows)
        twin.apply(*rows)
    assert [t.name for t in schema.tables.values()] == ["good"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["left_out_of_twin"] * 5


def test_a_key_that_postgres_refuses_costs_only_the_key(twin: Any) -> None:
    broken = table("public", "a", {"i": "json"}, keys=[primary_key("a_pkey", "i")], comments={"i": "c"})
    good = table("public", "b", {"i": "integer"}, keys=[primary_key("b_pkey", "i")])
    twin.apply(broken, good)
    assert twin.query("SELECT conname FROM pg_constraint WHERE contype = 'p' AND conname ~ '^[ab]_'") == [("b_pkey",)]
    changed = replace(broken, view=replace(broken.view, comment="later"))  # type: ignore[type-var]
    assert len(twin.apply(changed, good).tables) == 2
    assert twin.query("SELECT obj_description('a'::regclass)") == [("later",)]


def test_keys_of_one_name_in_one_schema(twin: Any) -> None:
    """As when tables of several schemas are synced into one."""
    rows = [table("public", name, {"i": "integer"}, keys=[unique("shared", "i")]) for name in ("a", "b", "shared")]
    twin.apply(*rows)
    assert twin.query("SELECT conname FROM pg_constraint WHERE conname ~ '^shared' ORDER BY 1") == [
        ("shared1",),
        ("shared2",),
        ("shared3",),
    ]


def test_a_table_of_a_types_name(twin: Any) -> None:
    """A composite type that is a table's row type at the source."""
    item = UserType("public", "orders", "c", fields=(("i", "integer"),))
    twin.apply(table("public", "orders", {"i": "integer"}), table("public", "t", {"o": "public.orders"}, types=[item]))
    assert columns(twin, "t") == [("o", "text", False)]


def test_no_columns_and_many_columns(twin: Any) -> None:
    many = {f"c{number}": "integer" for number in range(1600)}
    schema = twin.apply(table("public", "none", {}), table("public", "many", many))
    assert sorted(len(t.view.columns) for t in schema.tables.values()) == [0, 1600]


def test_a_thousand_tables_come_in_few_round_trips(twin: Any) -> None:
    names = {"id": "bigint", "name": "text", "price": "numeric(15,2)", "at": "timestamp with time zone"}
    rows = [table(f"s{n % 3}", f"t{n}", names, keys=[primary_key(f"t{n}_pkey", "id")]) for n in range(1000)]
    schema = twin.apply(*rows)
    assert (len(schema.tables), schema.pending) == (1000, ())
    assert twin.query("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+_pkey'") == [(1000,)]
    assert twin.apply(*rows).version == schema.version
    assert twin.apply().tables == {}
    assert oid(twin, "s1.t1") is None
