"""Writers that are killed at any moment: nothing acknowledged is lost, nothing is half there."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pyiceberg.table import StaticTable

from catalog.settings import CatalogSettings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog

KILLS = 6
# Commits tables of n rows that all hold n, for ever; says n once that is acknowledged.
WRITER = """
import sys, uuid
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from catalog.columns import Column, Origin, TableView
from catalog.files import WrittenFile
from catalog.settings import CatalogSettings
from catalog.storage import Warehouse
from catalog.tables import LakeCatalog

settings = CatalogSettings(catalog_database_url=sys.argv[1], data_dir=Path(sys.argv[2]))
warehouse = Warehouse.open(settings)
lake = LakeCatalog.open(settings, warehouse)
number = int(sys.argv[3])
while True:
    number += 1
    target = lake.prepare_table("public", "t", [Column("n", 1, 0, "integer", 23, -1, "int4")])
    path = Path(target.data_location.removeprefix("file://")) / f"{uuid.uuid4().hex}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"n": [number] * number}, schema=target.arrow_schema), path)
    file = WrittenFile(f"file://{path}", pq.read_metadata(path), path.stat().st_size)
    view = TableView(target.columns, (), (), None, 0, number, file.byte_count, Origin("", "", "", "", "", ""))
    lake.commit_table(target, [file], view)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_writers_killed_at_random_lose_nothing(postgres: Any, tmp_path: Path) -> None:
    url = postgres.new_database("catalog")
    settings = CatalogSettings(catalog_database_url=url, data_dir=tmp_path)
    warehouse = Warehouse.open(settings)
    lake = LakeCatalog.open(settings, warehouse)
    lake.ensure_schema()
    root = Path(__file__).parents[3]
    randomly = random.Random(20261125)
    acknowledged: list[int] = []
    tried = 0
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(tmp_path), str(tried)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        assert writer.stdout is not None
        said = [writer.stdout.readline()]  # it runs
        time.sleep(randomly.uniform(0.0, 0.3))
        writer.kill()
        said += writer.stdout.readlines()
        writer.stdout.close()
        writer.wait()
        acknowledged += [int(line) for line in said if line.endswith("\n")]
        tried = acknowledged[-1] + 1  # the one after may have landed, or not
    [row] = lake.read_tables()
    table = StaticTable.from_metadata(row.metadata_location)
    landed = []
    for snapshot in table.metadata.snapshots:
        values = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()["n"].to_pylist()
        assert values == [values[0]] * values[0], "a snapshot is whole"
        landed.append(values[0])
    assert set(acknowledged) <= set(landed)
    assert len(set(landed)) == len(landed)
    assert len(set(landed) - set(acknowledged)) <= KILLS
    assert row.view is not None
    assert row.view.row_count == landed[-1], "pointer and view moved together"
    lake.close()
