"""Partitioned tables, inheritance and views: what is copied, what is recorded of them, what follows a change."""

from typing import Any

import pytest

from catalog.columns import TableView
from tests.support.sync_lab import Lab

SOURCE = """
CREATE SCHEMA parts;
CREATE TABLE m (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts.one PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE parts.two PARTITION OF m DEFAULT PARTITION BY LIST (id);
CREATE TABLE parts.deep PARTITION OF parts.two DEFAULT;
CREATE TABLE other (id int);
CREATE VIEW v AS SELECT id FROM m WHERE at > '2024-01-01';
CREATE VIEW vv AS SELECT count(*) FROM v;
INSERT INTO m VALUES (1, '2024-01-01'), (2, '2024-02-01');
"""


def known(lab: Lab) -> dict[str, TableView]:
    return {name.removeprefix("public."): view for name, view in lab.views().items()}


def children(lab: Lab, name: str = "m") -> list[str]:
    return [child for _, child in known(lab)[name].children]


def test_what_is_recorded_of_a_partitioned_table(lab: Lab) -> None:
    lab.execute(SOURCE)
    assert lab.sync()[0]
    views = known(lab)
    assert (views["m"].kind, views["m"].partition_key, views["m"].parents) == ("p", "RANGE (at)", ())
    assert views["m"].children == (("parts", "one"), ("parts", "two"))
    assert (views["parts.two"].kind, views["parts.two"].bound) == ("p", "DEFAULT")
    assert views["parts.one"].parents == (("public", "m"),)
    assert views["parts.one"].bound == "FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')"
    assert lab.read("parts", "deep") == [(2, lab.ask("SELECT date '2024-02-01'")[0][0])]


def test_others_see_only_tables_that_have_files(lab: Lab) -> None:
    from catalog.storage import Warehouse
    from catalog.tables import LakeCatalog

    lab.execute(SOURCE)
    lab.sync()
    settings = lab.settings()
    lake = LakeCatalog.open(settings, Warehouse.open(settings))
    try:
        assert sorted(lake.iceberg.list_tables("parts")) == [("parts", "deep"), ("parts", "one")]
        assert lake.iceberg.list_tables("public") == [("public", "other")]
    finally:
        lake.close()


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "public.m"}, {"m", "parts.one", "parts.two", "parts.deep", "v", "vv"}),
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "parts.two"}, {"parts.two", "parts.deep"}),
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "public.v,public.vv"}, set()),
        ({"SOURCE_POSTGRES_EXCLUDE_TABLES": "public.m"}, {"other"}),
        ({"SOURCE_POSTGRES_EXCLUDE_TABLES": "parts.one"}, {"m", "parts.two", "parts.deep", "other", "v", "vv"}),
    ],
)
def test_a_name_stands_for_all_below_it(lab: Lab, variables: dict[str, str], names: set[str]) -> None:
    lab.execute(SOURCE)
    assert lab.sync(**variables)[0]
    assert set(known(lab)) == names
    if "m" in names:
        assert children(lab) == (["one", "two"] if "parts.one" in names else ["two"])


def test_partitions_come_and_go(lab: Lab) -> None:
    lab.execute(SOURCE)
    lab.sync()
    lab.execute(
        "DROP TABLE parts.one; CREATE TABLE parts.new PARTITION OF m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
        "ALTER TABLE m DETACH PARTITION parts.two; CREATE TABLE parts.next PARTITION OF m DEFAULT"
    )
    assert lab.sync()[0]
    assert children(lab) == ["new", "next"]
    views = known(lab)
    assert views["parts.one"].origin.gone_since is not None
    assert views["parts.two"].parents == ()


def test_a_table_that_lacks_a_partition_is_not_shown(lab: Lab, postgres: Any) -> None:
    role = "reader_of_partitions"
    lab.execute(SOURCE)
    lab.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA parts TO {role}")
    lab.execute(f"GRANT SELECT ON m, v, other, parts.one TO {role}")
    database = lab.source_url.rsplit("/", 1)[1]
    done = lab.program(SOURCE_POSTGRES_DATABASE_URL=postgres.url(database, role))
    lab.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert done.returncode == 1
    assert set(known(lab)) == {"parts.one", "other"}
    assert "relation_left_out" in done.stderr


def test_a_kind_that_changes(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS id")
    lab.sync()
    lab.execute("DROP TABLE t; CREATE TABLE t (id int) PARTITION BY LIST (id); CREATE TABLE t1 PARTITION OF t DEFAULT")
    assert lab.sync()[0]
    assert known(lab)["t"].kind == "p"
    lab.execute("DROP TABLE t; CREATE TABLE t AS SELECT 2 AS id")
    assert lab.sync()[0]
    assert (known(lab)["t"].kind, lab.read("public", "t")) == ("r", [(2,)])
    lab.execute("DROP TABLE t; CREATE VIEW t AS SELECT 3 AS id")
    assert lab.sync()[0]
    assert known(lab)["t"].kind == "v"
    lab.execute("DROP VIEW t; CREATE TABLE t (); INSERT INTO t DEFAULT VALUES")
    assert lab.sync()[0]
    assert (known(lab)["t"].kind, known(lab)["t"].row_count) == ("r", 1)


def test_a_view_in_another_schema(lab: Lab) -> None:
    lab.execute(SOURCE)
    lab.execute("CREATE VIEW parts.w AS SELECT one.id, v.id AS other FROM parts.one JOIN v ON v.id = one.id")
    assert lab.sync(DESTINATION_SCHEMA_NAME="lake")[0]
    view = lab.views()["lake.parts_w"]
    assert (
        view.definition
        == "SELECT one.id, v.id AS other FROM lake.parts_one AS one INNER JOIN lake.v AS v ON v.id = one.id"
    )
    assert view.parents == (("lake", "parts_one"), ("lake", "v"))


def test_a_view_that_a_lake_cannot_have(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE t (i int); CREATE SEQUENCE s; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';"
        "CREATE VIEW a AS SELECT f(i) FROM t; CREATE VIEW b AS SELECT last_value FROM s;"
        "CREATE TYPE mood AS ENUM ('ok'); CREATE VIEW c AS SELECT count(*) FROM t WHERE 'ok'::mood = 'ok'"
    )
    done = lab.program()
    assert done.returncode == 0, done.stderr
    assert set(known(lab)) == {"t", "c"}
    assert "function public.f(integer)" in done.stderr
    assert [item.name for item in known(lab)["c"].types] == ["mood"]


def test_a_cursor_of_a_partitioned_table_is_that_of_its_partitions(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE m (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now()) PARTITION BY RANGE (id);"
        "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10); CREATE TABLE m2 PARTITION OF m DEFAULT;"
        "INSERT INTO m SELECT generate_series(1, 20)"
    )
    variables = {"SOURCE_POSTGRES_CURSOR_COLUMNS": "public.m:at"}
    lab.sync(**variables)
    lab.execute("INSERT INTO m VALUES (0), (30)")
    done, printed = lab.sync(**variables)
    assert done
    assert printed.count("incremental") == 2
    assert [lab.read("public", name, "count(*)") for name in ("m1", "m2")] == [[(10,)], [(12,)]]


def test_what_has_no_files_is_verified_and_planned(lab: Lab) -> None:
    lab.execute(SOURCE)
    lab.execute("CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES")
    done = lab.program("--dry-run")
    assert "public.m -> public.m: partitioned table, once all its parts are in the lake" in done.stdout
    assert "public.vv -> public.vv: view, once" in done.stdout
    assert "public.nothing -> public.nothing: full, new in the lake" in done.stdout
    lab.sync()
    done = lab.program("verify")
    assert done.returncode == 0, done.stdout
    assert "public.nothing: equal, 1 rows" in done.stdout
    lab.execute("INSERT INTO nothing DEFAULT VALUES")
    done = lab.program("verify")
    assert done.returncode == 1
    assert "public.nothing: differs: 2 rows at the source, 1 in the lake" in done.stdout


def test_views_follow_the_tables_that_an_include_list_names(lab: Lab) -> None:
    lab.execute(SOURCE)
    lab.execute("CREATE VIEW w AS SELECT o.id FROM other o JOIN v ON v.id = o.id; CREATE VIEW one AS SELECT 1 AS x")
    assert lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="public.m")[0]
    assert {name for name, view in known(lab).items() if view.kind == "v"} == {"v", "vv"}
    assert lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="public.m,public.other,public.one")[0]
    assert {name for name, view in known(lab).items() if view.kind == "v"} == {"v", "vv", "w", "one"}
    lab.execute("DROP VIEW vv")
    assert lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="public.m", BEMIDB_SYNC_DROP_MISSING="true")[0]
    assert {name for name, view in known(lab).items() if view.kind == "v"} == {"v", "w", "one"}
