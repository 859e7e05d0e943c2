"""Files that failed runs left: deleted a day later, and nothing else."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from catalog import orphans
from syncer import copying
from tests.support.sync_lab import Lab

DAY = 86_400


@pytest.fixture(autouse=True)
def every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "day_of", lambda _: object())
    monkeypatch.setattr(orphans, "SECOND_LOOK_SECONDS", 0)


def files(lab: Lab) -> set[Path]:
    return {path for path in (lab.folder / "warehouse").rglob("*") if path.is_file()}


def age(paths: set[Path], seconds: float) -> None:
    then = time.time() - seconds
    for path in paths:
        os.utime(path, (then, then))


def leave(lab: Lab) -> tuple[Path, Path, Path]:
    """Leave what a killed run may leave, beside the files of a table."""
    (data,) = lab.files("public", "t")
    left = (data.parent / "left.parquet", data.parent.parent / "metadata" / "left-m0.avro", data.parent / "new.parquet")
    for path in left:
        path.write_bytes(b"left")
    return left


def test_old_files_that_no_snapshot_knows_are_deleted(lab: Lab) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE other AS SELECT 1 AS i")
    assert lab.sync()[0]
    lab.execute("UPDATE t SET i = 2")
    before = files(lab)
    *old, new = leave(lab)
    age(files(lab) - {new}, 2 * DAY)
    assert lab.sync(SOURCE_POSTGRES_INCLUDE_TABLES="public.t")[0]
    after = files(lab)
    assert not after & set(old)
    assert new in after
    assert before <= after  # all of the first snapshot, and the other table
    assert lab.read("public", "t") == [(2,)]
    snapshots = [summary for summary in before if summary.name.startswith("snap-")]
    assert snapshots


def test_on_s3(lab: Lab, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    bucket = s3.new_bucket()
    variables = s3.environment(bucket)
    assert lab.sync(**variables)[0]

    def keys() -> set[str]:
        return {item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]}

    before = keys()
    s3.client().put_object(Bucket=bucket, Key="iceberg/public/t/data/left.parquet", Body=b"left")
    s3.client().put_object(Bucket=bucket, Key="iceberg/public/elsewhere/data/left.parquet", Body=b"left")
    assert lab.sync(**variables)[0]
    assert "iceberg/public/t/data/left.parquet" in keys()  # a day has not passed
    monkeypatch.setattr(orphans, "MIN_AGE", orphans.timedelta(seconds=-5))
    assert lab.sync(**variables)[0]
    after = keys()
    assert "iceberg/public/t/data/left.parquet" not in after
    assert "iceberg/public/elsewhere/data/left.parquet" in after
    assert before <= after


def test_a_failure_to_clean_up_is_no_failure_of_the_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.execute("CREATE TABLE t AS SELECT 1 AS i")
    assert lab.sync()[0]

    def refuse(*_: object) -> set[str]:
        raise OSError("not now")

    monkeypatch.setattr(orphans, "_orphans", refuse)
    assert lab.sync()[0]
