"""Tables that are sorted as BEMIDB_SORT_COLUMNS says: what the files hold, what readers are told, what is refused."""

import json
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from catalog.errors import OperatorError
from syncer import full, unchanged, write
from tests.support.sync_lab import Lab, Rows

ROWS = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'Happy');
CREATE TABLE t (i int NOT NULL, k text, c char(4), m mood, a int[], f float8);
INSERT INTO t SELECT n * 7919 % 10007, CASE WHEN n % 50 > 0 THEN 'K' || n * 31 % 997 END, n * 13 % 89, m, ARRAY[n],
       CASE n % 9 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE (n * 17 % 23)::float8 END
FROM generate_series(1, 5000) n, LATERAL (SELECT (enum_range(NULL::mood))[1 + n % 3] AS m) e
"""


def stored(lab: Lab, columns: str) -> list[Rows]:
    """Return the rows of each file as they stand there."""
    return [
        [tuple(row.values()) for row in pq.read_table(path, columns=columns.split(", ")).to_pylist()]
        for path in lab.files("public", "t")
    ]


@pytest.mark.parametrize(
    ("order", "columns", "source_order"),
    [
        ("public.t:i", "i", "i"),
        ("public.t:k,public.t:i", "k, i", 'k COLLATE "C", i'),
        ("public.t:c,public.t:i", "c, i", "c::text, i"),
        ("public.t:m,public.t:i", "m, i", 'm::text COLLATE "C", i'),
        ("public.t:f,public.t:i", "f, i", "f, i"),
    ],
)
def test_the_rows_of_a_file_are_in_order(lab: Lab, order: str, columns: str, source_order: str) -> None:
    lab.execute(ROWS)
    lab.sync(BEMIDB_SORT_COLUMNS=order)
    shown = columns.replace("c,", "c::text || repeat(' ', 4 - length(c)) AS c,").replace("m,", "m::text,")
    expected = lab.ask(f"SELECT {shown} FROM t ORDER BY {source_order}")
    (rows,) = stored(lab, columns)
    assert repr(rows) == repr(expected)  # NaN is not NaN


def test_parts_are_sorted_each_by_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full, "MIN_PART_BYTES", 64 << 10)
    monkeypatch.setattr(full, "MAX_PART_BYTES", 64 << 10)
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 100)
    lab.execute(ROWS)
    lab.sync(BEMIDB_SORT_COLUMNS="public.t:i", BEMIDB_SYNC_JOBS="2")
    files = stored(lab, "i")
    assert len(files) > 1
    assert all(rows == sorted(rows) for rows in files)
    assert sorted(row for rows in files for row in rows) == lab.ask("SELECT i FROM t ORDER BY i")
    for path in lab.files("public", "t"):
        footer = pq.read_metadata(path)
        bounds = [footer.row_group(group).column(0).statistics for group in range(footer.num_row_groups)]
        assert len(bounds) > 1
        assert all(one.max <= two.min for one, two in pairwise(bounds))


def test_other_readers_are_told_the_order(lab: Lab) -> None:
    lab.execute(ROWS)
    orders = []
    for order in ("public.t:k,public.t:i", "public.t:i", "", "public.t:k,public.t:i"):
        lab.sync(BEMIDB_SORT_COLUMNS=order)
        with lab.lake() as lake:
            table = lake.iceberg.load_table(("public", "t"))
        names = [table.schema().find_column_name(field.source_id) for field in table.sort_order().fields]
        orders.append((names, table.metadata.default_sort_order_id))
    assert orders == [(["k", "i"], 1), (["i"], 2), ([], 0), (["k", "i"], 1)]


def test_another_order_copies_tables_again_that_are_unchanged(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "BIG_BYTES", 0)
    monkeypatch.setattr(unchanged, "SETTLED_SECONDS", 0)
    lab.execute(ROWS)
    summary = tmp_path / "summary.json"
    modes = []
    for order in ("public.t:i", "public.t:i", "public.t:k", "public.t:k"):
        done, printed = lab.sync(BEMIDB_SORT_COLUMNS=order, BEMIDB_SYNC_SUMMARY_JSON=str(summary))
        assert done, printed
        modes += [table["mode"] for table in json.loads(summary.read_text())["tables"]]
    assert modes == ["full", "unchanged", "full", "unchanged"]


def test_another_order_ends_with_a_full_copy_of_an_incremental_table(lab: Lab, tmp_path: Path) -> None:
    lab.execute(ROWS)
    summary = tmp_path / "summary.json"
    modes = []
    for order in ("public.t:i", "public.t:i", "public.t:k", "public.t:k"):
        done, printed = lab.sync(
            BEMIDB_SORT_COLUMNS=order,
            SOURCE_POSTGRES_CURSOR_COLUMNS="public.t:i",
            BEMIDB_INCREMENTAL_OVERLAP="0",
            BEMIDB_SYNC_SUMMARY_JSON=str(summary),
        )
        assert done, printed
        modes += [table["mode"] for table in json.loads(summary.read_text())["tables"]]
    assert modes == ["full", "incremental", "full", "incremental"]


def test_partitions_are_sorted_as_their_root(lab: Lab) -> None:
    lab.execute(
        "CREATE TABLE p (i int, k text) PARTITION BY RANGE (i);"
        "CREATE TABLE t PARTITION OF p FOR VALUES FROM (0) TO (99);"
        "INSERT INTO p SELECT 98 - n, 'k' FROM generate_series(0, 98) n"
    )
    lab.sync(BEMIDB_SORT_COLUMNS="public.p:i")
    assert stored(lab, "i") == [[(number,) for number in range(99)]]


def test_text_keys_have_a_bloom_filter_that_leaves_row_groups_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "ROW_GROUP_ROWS", 1000)
    monkeypatch.setattr(write, "FILTERED_ROWS", 100)
    lab.execute("CREATE TABLE t AS SELECT md5(n::text) AS k, n AS i FROM generate_series(1, 20000) n")
    lab.sync()
    (path,) = lab.files("public", "t")
    query = f"SELECT count(*) FILTER (bloom_filter_excludes), count(*) FROM parquet_bloom_probe('{path}', 'k', 'none')"
    with duckdb.connect() as connection:
        left_out, groups = connection.execute(query).fetchone() or (0, 0)
    assert groups == 20
    assert left_out > 10


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("public.u:i", "no table public.u"),
        ("public.t:j", "the column j of public.t does not exist"),
        ("public.t:a", "the column a of public.t is an array"),
        ("public.t", "public.t is not schema.table:column"),
    ],
)
def test_what_cannot_be_sorted_is_said(lab: Lab, order: str, said: str) -> None:
    lab.execute(ROWS)
    with pytest.raises(OperatorError, match=said) as caught:
        lab.sync(BEMIDB_SORT_COLUMNS=order)
    assert caught.value.variable == "BEMIDB_SORT_COLUMNS"
