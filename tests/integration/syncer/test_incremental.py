"""Incremental copies against what a full copy would hold, and when a full one is made after all."""

import json
import random
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog.errors import OperatorError
from syncer import full, incremental, unchanged
from tests.support.sync_lab import Lab, Rows

AT = "TIMESTAMPTZ '2026-01-01 00:00:00+00' + n * INTERVAL '1 minute'"


def sync(lab: Lab, tmp_path: Path, cursor: str = "public.t:at", overlap: float = 300, **variables: str) -> list[str]:
    """Sync; return how the tables were copied."""
    summary = tmp_path / "summary.json"
    done, printed = lab.sync(
        SOURCE_POSTGRES_CURSOR_COLUMNS=cursor,
        BEMIDB_INCREMENTAL_OVERLAP=str(overlap),
        BEMIDB_SYNC_SUMMARY_JSON=str(summary),
        **variables,
    )
    assert done, printed
    return [table["mode"] for table in json.loads(summary.read_text())["tables"]]


def lake_rows(lab: Lab, columns: str = "*") -> Rows:
    return sorted(lab.read("public", "t", columns), key=str)


def source_rows(lab: Lab, columns: str = "*") -> Rows:
    return sorted(lab.ask(f"SELECT {columns} FROM t"), key=str)


TEXTS = 'i::VARCHAR, k::VARCHAR, v::VARCHAR, epoch_us("at")::VARCHAR'
SOURCE_TEXTS = "i::text, k::text, v::text, (extract(epoch FROM at) * 1000000)::bigint::text"


@pytest.mark.parametrize("key", ["i", "k", "k, i", "u"])
def test_random_histories_equal_the_source(lab: Lab, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "MANY_SMALL", 3)
    generator = random.Random(key)
    lab.execute(
        f"CREATE TABLE t (i int NOT NULL, k text NOT NULL, v numeric(10,2), at timestamptz NOT NULL, u uuid NOT NULL,"
        f"PRIMARY KEY ({key}))"
    )
    insert = (
        "INSERT INTO t SELECT i, 'k' || i % 7 || repeat('x', i), i / 4.0, {at}, md5(i::text)::uuid"
        " FROM generate_series({low}, {high}) i"
    )
    clock, highest = 0, 0
    modes = []
    for _ in range(6):
        for _ in range(generator.randrange(4)):
            clock += 1
            at = AT.replace("+ n *", f"+ {clock} *")
            if highest and generator.random() < 0.5:
                low = generator.randrange(1, highest + 1)
                lab.execute(f"UPDATE t SET v = v + 1, at = {at} WHERE i BETWEEN {low} AND {low + 20}")
            else:
                size = generator.randrange(1, 60)
                lab.execute(insert.format(at=at, low=highest + 1, high=highest + size))
                highest += size
        modes += sync(lab, tmp_path)
        assert lake_rows(lab, TEXTS) == source_rows(lab, SOURCE_TEXTS)
        assert lab.views()["public.t"].row_count == len(source_rows(lab))
        assert lab.views()["public.t"].file_count == len(lab.files("public", "t"))
    assert modes[0] == "full"
    assert set(modes[2:]) == {"incremental"}


def test_late_commits_and_ties_are_not_lost(lab: Lab, tmp_path: Path) -> None:
    lab.execute(f"CREATE TABLE t (i int PRIMARY KEY, at timestamptz NOT NULL);"
                f"INSERT INTO t SELECT n, {AT} FROM generate_series(1, 100) n")  # fmt: skip
    sync(lab, tmp_path)
    with psycopg.connect(lab.source_url) as late:
        late.execute(f"INSERT INTO t SELECT 1000 + n, {AT} FROM generate_series(98, 101) n".encode())
        lab.execute(f"INSERT INTO t SELECT n, {AT} FROM generate_series(101, 102) n")
        assert sync(lab, tmp_path) == ["incremental"]
        assert lab.read("public", "t", "count(*)") == [(102,)]
        late.commit()
    assert sync(lab, tmp_path) == ["incremental"]
    assert lab.read("public", "t", "count(*), count(DISTINCT i)") == [(106, 106)]


def test_without_a_key_nothing_is_lost_or_doubled(lab: Lab, tmp_path: Path) -> None:
    lab.execute(f"CREATE TABLE t (i int, at timestamp NOT NULL);"
                f"INSERT INTO t SELECT n, ({AT})::timestamp FROM generate_series(1, 100) n")  # fmt: skip
    sync(lab, tmp_path)
    for step in range(1, 4):
        lab.execute(f"INSERT INTO t SELECT n, ({AT})::timestamp FROM generate_series({100 * step - 2}, {100 * step}) n")
        lab.execute(f"INSERT INTO t SELECT n, ({AT})::timestamp"
                    f" FROM generate_series({100 * step + 1}, {100 * step + 100}) n")  # fmt: skip
        assert sync(lab, tmp_path) == ["incremental"]
        assert lake_rows(lab) == source_rows(lab)


def test_a_number_as_cursor(lab: Lab, tmp_path: Path) -> None:
    lab.execute("CREATE TABLE t (i bigint PRIMARY KEY, s text); INSERT INTO t SELECT i, i FROM generate_series(1, 9) i")
    modes = sync(lab, tmp_path, "public.t:i", overlap=0)
    lab.execute("INSERT INTO t SELECT i, 'new' FROM generate_series(10, 19) i; UPDATE t SET s = 'tie' WHERE i = 9")
    modes += sync(lab, tmp_path, "public.t:i", overlap=0)
    assert modes == ["full", "incremental"]
    assert lake_rows(lab) == source_rows(lab)
    # With a reach there must be a copy that is at least as much older than the last one.
    assert sync(lab, tmp_path, "public.t:i", overlap=300) == ["full"]


def test_nothing_new_makes_no_snapshot_but_is_noted(lab: Lab, tmp_path: Path) -> None:
    lab.execute(f"CREATE TABLE t (i int PRIMARY KEY, at date NOT NULL); INSERT INTO t SELECT n, ({AT})::date"
                " FROM generate_series(1, 10) n; CREATE TABLE u AS SELECT 1 AS i")  # fmt: skip
    sync(lab, tmp_path, overlap=0)
    lab.execute("DELETE FROM t")
    before = lab.views()["public.t"]
    assert sync(lab, tmp_path, overlap=0) == ["incremental", "full"]
    after = lab.views()["public.t"]
    assert after.snapshot_id == before.snapshot_id
    assert after.origin.lsn != before.origin.lsn
    assert after.row_count == 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE t ADD c int DEFAULT 7", "its columns have changed"),
        ("ALTER TABLE t RENAME v TO w", "its columns have changed"),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey", "its key or a type has changed"),
        ("TRUNCATE t; INSERT INTO t VALUES (5, 1.5, now())", "it was truncated or rewritten"),
        ("INSERT INTO t VALUES (5, 1.25, now())", "v: values of different scales"),
        ("INSERT INTO t VALUES (5, 'NaN', now())", "v: values that are not finite"),
        ("DELETE FROM t; VACUUM FULL t", "it was truncated or rewritten"),
    ],
)
def test_when_a_full_copy_is_needed(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, reason: str
) -> None:
    lab.execute("CREATE TABLE t (i int PRIMARY KEY, v numeric, at timestamptz NOT NULL);"
                "INSERT INTO t VALUES (1, 1.5, now()), (2, 2.5, now())")  # fmt: skip
    sync(lab, tmp_path)
    assert sync(lab, tmp_path) == ["incremental"]
    for statement in change.split(";"):
        lab.execute(statement)
    assert sync(lab, tmp_path) == ["full"]
    assert reason in capsys.readouterr().out
    assert lab.views()["public.t"].row_count == len(source_rows(lab))


@pytest.mark.parametrize(
    ("cursor", "problem"),
    [
        ("public.t:nope", "the column nope of public.t does not exist"),
        ("public.t:at", "may be NULL"),
        ("public.t:s", "is of type text, which does not grow"),
        ("public.nope:at", "the source has no table public.nope"),
        ("t:at", "t:at is not schema.table:column"),
        ("public.t:at,public.t:s", "public.t has two cursor columns"),
    ],
)
def test_a_column_that_is_no_cursor_is_refused(lab: Lab, tmp_path: Path, cursor: str, problem: str) -> None:
    lab.execute("CREATE TABLE t (i int PRIMARY KEY, s text NOT NULL, at timestamptz)")
    with pytest.raises(OperatorError) as refused:
        sync(lab, tmp_path, cursor)
    assert refused.value.variable == "SOURCE_POSTGRES_CURSOR_COLUMNS"
    assert problem in refused.value.problem
    assert lab.views() == {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "BIG_BYTES", 1)
    monkeypatch.setattr(unchanged, "SETTLED_SECONDS", 1.5)


def flush(lab: Lab) -> None:
    """Make a table whose statistics have pages, so that it counts as big."""
    lab.execute("VACUUM ANALYZE")


@pytest.mark.usefixtures("quick")
def test_unchanged_tables_are_skipped_until_they_change(lab: Lab, tmp_path: Path) -> None:
    lab.execute("CREATE TABLE t AS SELECT i, now() AS at FROM generate_series(1, 100) i; CREATE TABLE u AS TABLE t")
    flush(lab)
    assert sync(lab, tmp_path, "") == ["full", "full"]
    first = lab.views()["public.t"]
    assert sync(lab, tmp_path, "") == ["unchanged", "unchanged"]
    second = lab.views()["public.t"]
    assert (second.snapshot_id, second.row_count) == (first.snapshot_id, 100)
    assert second.origin.synced_at >= first.origin.synced_at
    lab.execute("DELETE FROM u WHERE i = 1")
    assert sync(lab, tmp_path, "") == ["full", "unchanged"]
    assert lab.read("public", "u", "count(*)") == [(99,)]
    assert sync(lab, tmp_path, "", BEMIDB_SYNC_SKIP_UNCHANGED="false") == ["full", "full"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE t",
        "ALTER TABLE t ADD c int",
        "COMMENT ON TABLE t IS 'new'",
        "ALTER TABLE t ADD PRIMARY KEY (i)",
        "SELECT pg_stat_reset(); SELECT pg_stat_reset_shared('bgwriter')",
        "UPDATE t SET i = i WHERE i = 1",
    ],
)
def test_what_may_have_changed_is_copied(lab: Lab, tmp_path: Path, change: str) -> None:
    lab.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i")
    flush(lab)
    sync(lab, tmp_path, "")
    assert sync(lab, tmp_path, "") == ["unchanged"]
    lab.execute(change)
    lab.execute("ANALYZE t")
    assert sync(lab, tmp_path, "") == ["full"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_change_that_is_counted_late_is_seen(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that has just reported its counts reports the next ones when it was idle for ten seconds."""
    monkeypatch.setattr(unchanged, "SETTLED_SECONDS", 13)
    lab.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i")
    flush(lab)
    sync(lab, tmp_path, "")
    with psycopg.connect(lab.source_url, autocommit=True) as writer:
        writer.execute("SELECT 1 FROM t")
        for number in range(50):
            writer.execute("INSERT INTO t VALUES (%s)", (number,))
        assert sync(lab, tmp_path, "") == ["full"]
    assert lab.read("public", "t", "count(*)") == [(150,)]


def test_only_numbers_of_another_scale_in_the_window_need_a_full_copy(lab: Lab, tmp_path: Path) -> None:
    lab.execute("CREATE TABLE t (i int PRIMARY KEY, v numeric); INSERT INTO t VALUES (1, 1.5)")
    assert sync(lab, tmp_path, "public.t:i", overlap=0) == ["full"]
    lab.execute("UPDATE t SET v = 1.25; INSERT INTO t VALUES (2, 2.25)")
    assert sync(lab, tmp_path, "public.t:i", overlap=0) == ["full"]
    assert lake_rows(lab, "i, v::VARCHAR") == source_rows(lab, "i, v::text")


def test_a_big_table_is_read_in_parts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full, "MIN_PART_BYTES", 1 << 20)
    monkeypatch.setattr(full, "MAX_PART_BYTES", 2 << 20)
    lab.execute("CREATE TABLE t AS SELECT i, md5(i::text) AS s FROM generate_series(1, 200000) i;"
                "DELETE FROM t WHERE i % 3 = 0; UPDATE t SET s = 'new' WHERE i % 5 = 0")  # fmt: skip
    statements: list[str] = []
    copied = full.write_rows

    def note(*arguments: Any) -> None:
        statements.append(arguments[-1].as_string())
        copied(*arguments)

    monkeypatch.setattr(full, "write_rows", note)
    assert lab.sync(BEMIDB_SYNC_JOBS="2")[0]
    assert len(statements) > 4
    assert len(lab.files("public", "t")) == len(statements)
    query = "count(*), sum(i)::BIGINT, count(DISTINCT i), min(s)"
    assert lab.read("public", "t", query) == lab.ask(f"SELECT {query} FROM t")
    plan = lab.ask(f"EXPLAIN SELECT * FROM t WHERE {sorted(statements)[0]}")
    assert "Tid Range Scan" in plan[0][0]


def test_a_part_that_fails_takes_the_table_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full, "MIN_PART_BYTES", 1 << 20)
    monkeypatch.setattr(full, "MAX_PART_BYTES", 2 << 20)
    lab.execute("CREATE TABLE t AS SELECT i, '{1}'::int[] AS a, repeat('x', 100) AS s FROM generate_series(1, 60000) i;"
                "INSERT INTO t VALUES (0, '{{1},{2}}', '')")  # fmt: skip
    assert lab.sync(BEMIDB_SYNC_JOBS="2")[0]
    assert lab.views()["public.t"].columns[1].storage == "text_backed"
    assert lab.read("public", "t", "count(*), count(DISTINCT i), max(a)") == [(60_001, 60_001, "{{1},{2}}")]
    assert len(list((lab.folder / "warehouse").rglob("*.parquet"))) == len(lab.files("public", "t"))
