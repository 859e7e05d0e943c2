"""Whole runs: what is copied, under which name, what the view says, what survives a failure."""

import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog.columns import Key, UserType
from catalog.errors import OperatorError
from catalog.postgres import PrivatePostgres
from syncer import stream
from syncer.extract import extract
from syncer.source import Source
from tests.conftest import free_port
from tests.support.sync_lab import Lab

NASTY_NAMES = (
    'quo"te',
    "dot.ted",
    "spa ce",
    "Größe ☃",
    "UPPER",
    "select",
    "a,b",
    "per%cent",
    "sla/sh",
    "q?#[*]",
    "x" * 63,
)


@pytest.mark.parametrize("on_s3", [False, True], ids=["folder", "s3"])
def test_rows_arrive(lab: Lab, s3: Any, on_s3: bool) -> None:
    lab.execute("CREATE TABLE t AS SELECT i, i::text AS s FROM generate_series(1, 1000) i; CREATE TABLE empty (i int)")
    bucket = s3.new_bucket()
    variables = s3.environment(bucket) if on_s3 else {}
    done, printed = lab.sync(**variables)
    assert done
    assert "public.t -> public.t: 1000 rows" in printed
    assert "public.empty -> public.empty: 0 rows" in printed
    views = lab.views()
    assert views["public.t"].row_count == 1000
    assert views["public.empty"].row_count == 0
    if on_s3:
        keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
        assert [key.endswith(".parquet") for key in keys].count(True) == 1
        assert not list(lab.folder.rglob("*.parquet"))
    else:
        assert lab.read("public", "t", "count(*), sum(i), max(s)") == [(1000, 500500, "999")]
        assert lab.read("public", "empty") == []


def test_the_program_with_its_embedded_catalog(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE u AS SELECT 2 AS i")
    done = lab.program("--include", "public.t", "--jobs", "1", CATALOG_DATABASE_URL="")
    assert (done.returncode, done.stdout.splitlines()[0][:28]) == (0, "public.t -> public.t: 1 rows"), done.stderr
    assert "public.u" not in done.stdout
    with PrivatePostgres(lab.folder / "catalog") as cluster, psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT table_name FROM iceberg_tables").fetchall() == [("t",)]


def test_nasty_names(lab: Lab) -> None:
    quoted = [psycopg.sql.Identifier(name).as_string() for name in NASTY_NAMES]
    for name in quoted:
        columns = ", ".join(f"{column} text" for column in quoted)
        values = ", ".join(f"'{i}'" for i in range(len(quoted)))
        lab.execute(
            f"CREATE SCHEMA {name}; CREATE TABLE {name}.{name} ({columns}); INSERT INTO {name}.{name} VALUES ({values})"
        )
    assert lab.sync()[0]
    views = lab.views()
    assert set(views) == {f"{name}.{name}" for name in NASTY_NAMES}
    for name in NASTY_NAMES:
        assert [column.name for column in views[f"{name}.{name}"].columns] == list(NASTY_NAMES)
        assert lab.read(name, name) == [tuple(str(i) for i in range(len(NASTY_NAMES)))]


def test_destination_schema(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE SCHEMA sales; CREATE SCHEMA lake;"
        "CREATE TABLE lake.own (i int); CREATE TABLE sales.orders (u int REFERENCES users)"
    )
    assert lab.sync(DESTINATION_SCHEMA_NAME="lake")[0]
    views = lab.views()
    assert set(views) == {"lake.users", "lake.sales_orders", "lake.own"}
    assert views["lake.sales_orders"].keys[0].references == ("lake", "users")
    assert views["lake.sales_orders"].origin.namespace == "sales"


def test_the_view_of_a_table(lab: Lab) -> None:
    lab.execute(
        """
        CREATE SCHEMA app;
        CREATE TYPE app.mood AS ENUM ('sad', 'ok');
        ALTER TYPE app.mood ADD VALUE 'so so' BEFORE 'ok';
        CREATE DOMAIN app.price AS numeric(10,2);
        CREATE TYPE app.pair AS (a int, m app.mood);
        CREATE TABLE app.parent (a int, b int, PRIMARY KEY (b, a));
        CREATE TABLE app.t (
            gone int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n varchar(20) NOT NULL UNIQUE, m app.mood,
            p app.price, ps app.price[], c app.pair, x int, y int, g int GENERATED ALWAYS AS (x + 1) STORED,
            CONSTRAINT "the parent" FOREIGN KEY (y, x) REFERENCES app.parent (b, a)
        );
        ALTER TABLE app.t DROP COLUMN gone;
        COMMENT ON TABLE app.t IS 'A table';
        COMMENT ON COLUMN app.t.n IS 'Its name';
        COMMENT ON CONSTRAINT "the parent" ON app.t IS 'Where it comes from';
        COMMENT ON TYPE app.mood IS 'How it is';
        INSERT INTO app.parent VALUES (1, 2);
        INSERT INTO app.t (n, m, p, ps, c, x, y) VALUES ('a', 'so so', 1.5, '{2.50,NULL}', '(1,ok)', 1, 2);
        """
    )
    assert lab.sync()[0]
    view = lab.views()["app.t"]
    assert view.comment == "A table"
    assert [(c.attnum, c.name, c.type, c.type_oid, c.storage) for c in view.columns] == [
        (1, "id", "integer", 23, "int4"),
        (2, "n", "character varying(20)", 1043, "varchar"),
        (3, "m", "app.mood", 0, "enum"),
        (4, "p", "app.price", 0, "numeric"),
        (5, "ps", "app.price[]", 0, "numeric"),
        (6, "c", "app.pair", 0, "text_backed"),
        (7, "x", "integer", 23, "int4"),
        (8, "y", "integer", 23, "int4"),
        (9, "g", "integer", 23, "int4"),
    ]
    by_name = {column.name: column for column in view.columns}
    assert [name for name, column in by_name.items() if column.not_null] == ["id", "n"]
    assert (by_name["id"].identity, by_name["g"].generated, by_name["n"].comment) == ("a", "s", "Its name")
    assert (by_name["p"].precision, by_name["p"].scale, by_name["ps"].array) == (10, 2, True)
    assert view.keys == (
        Key("t_pkey", "p", ("id",)),
        Key("t_n_key", "u", ("n",)),
        Key("the parent", "f", ("y", "x"), ("app", "parent"), ("b", "a"), "Where it comes from"),
    )
    assert view.types == (
        UserType("app", "mood", "e", ("sad", "so so", "ok"), comment="How it is"),
        UserType("app", "price", "d", base="numeric(10,2)"),
        UserType("app", "pair", "c", fields=(("a", "integer"), ("m", "app.mood"))),
    )
    assert (view.row_count, view.origin.table) == (1, "t")
    assert view.byte_count == sum(path.stat().st_size for path in lab.files("app", "t"))
    assert lab.read("app", "t", "c, ps::VARCHAR, g, m") == [("(1,ok)", "[2.50, NULL]", 2, "so so")]


def test_what_is_copied_and_what_is_not(lab: Lab) -> None:
    lab.execute(
        """
        CREATE TABLE root (i int) PARTITION BY LIST (i);
        CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);
        CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent);
        CREATE TABLE full_parent (i int); CREATE TABLE other_child () INHERITS (full_parent);
        CREATE VIEW v AS SELECT 1 AS i;
        CREATE MATERIALIZED VIEW m AS SELECT 5 AS i;
        CREATE MATERIALIZED VIEW never AS SELECT 5 AS i WITH NO DATA;
        CREATE UNLOGGED TABLE unlogged AS SELECT 6 AS i;
        CREATE TABLE nothing ();
        INSERT INTO root VALUES (1); INSERT INTO child VALUES (2); INSERT INTO full_parent VALUES (3);
        INSERT INTO other_child VALUES (4);
        """
    )
    assert lab.sync()[0]
    views = lab.views()
    with_rows = {"leaf", "child", "full_parent", "other_child", "m", "unlogged"}
    assert set(views) == {f"public.{name}" for name in (*with_rows, "root", "parent", "v", "nothing")}
    assert {lab.read("public", name)[0][0]: name for name in with_rows} == {
        1: "leaf", 2: "child", 3: "full_parent", 4: "other_child", 5: "m", 6: "unlogged",
    }  # fmt: skip
    assert lab.read("public", "full_parent") == [(3,)]
    assert lab.read("public", "parent") == []


def test_all_tables_are_one_snapshot(lab: Lab) -> None:
    """The second table is read long after the first; money that moves meanwhile is neither lost nor doubled."""
    lab.execute(
        "CREATE TABLE a AS SELECT i, 10 AS money, repeat('x', 100) AS pad FROM generate_series(1, 200000) i;"
        "CREATE TABLE b AS SELECT i, 10 AS money FROM generate_series(1, 1000) i"
    )
    process = lab.start("--jobs", "2")
    with psycopg.connect(lab.source_url, autocommit=True) as connection:
        while process.poll() is None:
            connection.execute("BEGIN; UPDATE a SET money = money - 1 WHERE i <= 50;"
                               "UPDATE b SET money = money + 1 WHERE i <= 50; COMMIT")  # fmt: skip
    assert process.communicate()[1] is not None
    assert process.returncode == 0
    totals = [lab.read("public", name, "sum(money)::BIGINT")[0][0] for name in ("a", "b")]
    assert sum(totals) == 10 * 201_000
    assert totals[0] <= 10 * 200_000


def test_a_table_that_may_not_be_read_fails_alone(lab: Lab, postgres: Any) -> None:
    lab.execute(
        "CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE secret AS SELECT 2 AS i; CREATE TABLE z AS SELECT 3 AS i"
    )
    role = "reader_of_some"
    lab.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT SELECT ON a, z TO {role}")
    database = lab.source_url.rsplit("/", 1)[1]
    done = lab.program(SOURCE_POSTGRES_DATABASE_URL=postgres.url(database, role))
    lab.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert done.returncode == 1
    assert "public.secret -> public.secret: failed: permission denied for table secret (42501)" in done.stdout
    assert set(lab.views()) == {"public.a", "public.z"}


def test_a_second_run_replaces_rows_and_keeps_field_ids(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b, 2 AS c")
    lab.sync()
    before = {column.name: column.field_id for column in lab.views()["public.t"].columns}
    lab.execute("ALTER TABLE t DROP b, ADD d text, ALTER c TYPE bigint; INSERT INTO t VALUES (3, 4, 'y')")
    lab.sync()
    after = {column.name: column.field_id for column in lab.views()["public.t"].columns}
    assert after["a"] == before["a"]
    assert not {after["c"], after["d"]} & set(before.values())
    assert lab.read("public", "t", "*", "ORDER BY a") == [(1, 2, None), (3, 4, "y")]


def test_a_table_gone_from_the_source_stays(lab: Lab) -> None:
    lab.execute("CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 2 AS i")
    lab.sync()
    lab.execute("DROP TABLE a; UPDATE b SET i = 3")
    lab.sync()
    assert (lab.read("public", "a"), lab.read("public", "b")) == ([(1,)], [(3,)])


def test_a_truncation_after_the_snapshot_is_no_empty_table(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    lab.sync()

    def late(connection: Any, table: Any, where: Any) -> Any:
        lab.execute("TRUNCATE t")
        return extract(connection, table, where)

    monkeypatch.setattr(stream, "extract", late)
    done, printed = lab.sync()
    assert not done
    assert "truncated or rewritten" in printed
    assert lab.read("public", "t") == [(1,)]
    assert len(list((lab.folder / "warehouse").rglob("*.parquet"))) == 1


def test_row_security_is_an_error_not_missing_rows(lab: Lab, postgres: Any) -> None:
    role = "reader_with_policy"
    lab.execute(
        f"CREATE TABLE t AS SELECT 1 AS i; ALTER TABLE t ENABLE ROW LEVEL SECURITY; DROP ROLE IF EXISTS {role};"
        f"CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role}"
    )
    database = lab.source_url.rsplit("/", 1)[1]
    done, printed = lab.sync(SOURCE_POSTGRES_DATABASE_URL=postgres.url(database, role))
    lab.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert not done
    assert "row-level security" in printed


def read_until(process: "subprocess.Popen[str]", part: str) -> None:
    """Wait for a line of the log."""
    assert process.stderr is not None
    while part not in (line := process.stderr.readline()):
        assert line, f"ended without {part}"


@pytest.mark.parametrize("when", ["started", "random"])
def test_a_killed_run_leaves_what_was_there(lab: Lab, when: str) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS v, i, md5(i::text) AS s FROM generate_series(1, 300000) i")
    assert lab.sync()[0]
    for version in (2, 3):
        lab.execute(f"UPDATE t SET v = {version}")
        process = lab.start()
        if when == "started":
            read_until(process, "table_started")
        time.sleep(random.uniform(0, 0.4))
        process.kill()
        process.communicate()
        rows = lab.read("public", "t", "DISTINCT v, count(*) OVER ()")
        assert rows in ([(1, 300_000)], [(version, 300_000)], [(version - 1, 300_000)])
    assert lab.sync()[0]
    assert lab.read("public", "t", "min(v), max(v), count(*)") == [(3, 3, 300_000)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_at_once(lab: Lab, number: signal.Signals) -> None:
    lab.execute("CREATE TABLE t AS SELECT i, repeat('x', 200) AS s FROM generate_series(1, 100000) i")
    lab.execute("CREATE MATERIALIZED VIEW slow AS SELECT 1 AS i")
    with psycopg.connect(lab.source_url) as connection:
        connection.execute("LOCK TABLE t")  # the sync waits for it
        process = lab.start()
        with process:
            read_until(process, "public.t")
            time.sleep(0.3)
            process.send_signal(number)
            assert process.wait(timeout=30) == 130
    assert not [path for path in (lab.folder / "warehouse").rglob("*.parquet") if "/t/" in str(path)]


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"SOURCE_POSTGRES_DATABASE_URL": ""}, "SOURCE_POSTGRES_DATABASE_URL: "),
        ({"SOURCE_POSTGRES_INCLUDE_TABLES": "public.nope"}, "SOURCE_POSTGRES_INCLUDE_TABLES: no table of the source"),
        (
            {"SOURCE_POSTGRES_INCLUDE_TABLES": "a.b", "SOURCE_POSTGRES_EXCLUDE_TABLES": "a.c"},
            "SOURCE_POSTGRES_INCLUDE_TABLES: is set together with SOURCE_POSTGRES_EXCLUDE_TABLES",
        ),
        ({"DESTINATION_SCHEMA_NAME": "x"}, "DESTINATION_SCHEMA_NAME: a.b_c and a_b.c would both become x.a_b_c"),
    ],
)
def test_a_run_that_cannot_begin(lab: Lab, variables: dict[str, str], line: str) -> None:
    lab.execute("CREATE SCHEMA a; CREATE SCHEMA a_b; CREATE TABLE a.b_c (i int); CREATE TABLE a_b.c (i int)")
    done: subprocess.CompletedProcess[str] = lab.program(**variables)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(line)
    assert "Traceback" not in done.stderr
    assert lab.views() == {}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://nobody:s3cret@{host}/{database}", "the user does not exist"),
        ("postgresql://postgres:s3cret@{host}/no_such_db", "the database does not exist"),
        ("postgresql://postgres:s3cret@{host}/{database}?sslmode=require", "does not speak TLS"),
    ],
)
def test_a_source_that_refuses(lab: Lab, url: str, problem: str) -> None:
    host, database = lab.source_url.split("@")[1].split("/")
    done = lab.program(SOURCE_POSTGRES_DATABASE_URL=url.format(host=host, database=database))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("SOURCE_POSTGRES_DATABASE_URL: ")
    assert problem in done.stderr
    assert "s3cret" not in done.stderr + done.stdout


def test_a_source_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(OperatorError, match=r"SOURCE_POSTGRES_DATABASE_URL: .*not reachable"):
        Source.open("postgresql://postgres:s3cret@127.0.0.1:1/x", patience_seconds=0.6)


def test_a_source_that_wakes_up_is_waited_for(lab: Lab, postgres: Any, tmp_path: Path) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    database = lab.source_url.rsplit("/", 1)[1]
    socket = tmp_path / ".s.PGSQL.5432"
    timer = threading.Timer(0.6, lambda: socket.symlink_to(postgres.cluster.socket_path))
    timer.start()
    assert lab.sync(SOURCE_POSTGRES_DATABASE_URL=f"postgresql://postgres@/{database}?host={tmp_path}")[0]
    timer.join()
    assert lab.read("public", "t") == [(1,)]


def test_a_wrong_password(tmp_path: Path, lab: Lab) -> None:
    hba = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    with PrivatePostgres(tmp_path / "scram", port=free_port(), hba=hba, settings={"fsync": "off"}) as cluster:
        done = lab.program(SOURCE_POSTGRES_DATABASE_URL=cluster.url().replace("postgres@", "postgres:wr0ng@"))
    assert done.returncode == 2
    assert "SOURCE_POSTGRES_DATABASE_URL: " in done.stderr
    assert "password" in done.stderr
    assert "wr0ng" not in done.stderr
