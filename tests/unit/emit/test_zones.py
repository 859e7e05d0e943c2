"""DuckDB's time zones against those of the twin's PostgreSQL."""

import zoneinfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from pgserver.emit.times import zones
from pgserver.encode.zones import zone

FIRST, LAST = -2_208_988_800, 4_449_513_600  # 1900, 2111
SHOWN = "SELECT epoch(CAST(make_timestamptz(us) AS TIMESTAMP)) AS s FROM instants"
STEPS = np.arange(0, LAST, 25 * 86_400)  # Morocco and Palestine change their clocks for a month


def unlike(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Tell whether a clock shows another time in DuckDB, around the zone's transitions or now and then."""
    found = zone(name)
    near = found.transitions[(found.transitions > FIRST) & (found.transitions < LAST)]
    seconds = np.unique(np.concatenate([STEPS, near - 1, near]))
    connection.execute(f"SET TimeZone = '{name}'")
    instants = connection.from_arrow(pa.table({"us": seconds * 1_000_000}))
    shown = instants.query("instants", SHOWN).fetchnumpy()
    offsets = np.array([kind.offset for kind in found.types])[found.lookup(seconds)]
    return bool((shown["s"].astype(np.int64) != seconds + offsets).any())


@pytest.mark.slow
def test_rules_differ_only_where_we_know_it() -> None:
    connection = duckdb.connect()
    known = {name for (name,) in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    assert {name for name in known & zoneinfo.available_timezones() if unlike(connection, name)} == zones.UNLIKE


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "<+03>-03"])
def test_other_zones_are_alike(name: str) -> None:
    assert zones.alike(name)
