"""polars: `read_database_uri` with connectorx (Rust's driver, its own decoding) and with ADBC; `read_database`."""

from collections.abc import Callable

import connectorx
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from tests.conftest import Source
from tests.support.programs import Program

# connectorx knows no arrays of times, no cidr, no "char", and no number of more than 28 digits.
QUERIES = (
    "SELECT id, i2, i4, i8, f4, f8, n2, b FROM nasty.numbers ORDER BY id",
    "SELECT id, u, by, j, jb, m, p FROM nasty.things ORDER BY id",
    "SELECT id, ints, bigs, texts, nums, floats, bools FROM nasty.arrays ORDER BY id",
    "SELECT * FROM nasty.times WHERE id NOT IN (5, 6, 8, 9, 11) ORDER BY id",
    "SELECT * FROM nasty.people ORDER BY id",
    "SELECT * FROM nasty.events ORDER BY id",
    "SELECT dept, count(*), avg(salary), min(hired) FROM nasty.people GROUP BY dept ORDER BY dept",
)
ONLY_ADBC = (
    "SELECT * FROM nasty.numbers ORDER BY id",
    "SELECT * FROM nasty.texts ORDER BY id",
    "SELECT id, dates, stamps, zoned, uuids, blobs, moods, docs FROM nasty.arrays WHERE id NOT IN (3, 5) ORDER BY id",
)
LARGE = (
    "SELECT l_orderkey, l_shipdate, l_tax, l_comment FROM lineitem CROSS JOIN (VALUES (1), (2)) v(copy)"
    " ORDER BY copy, l_orderkey, l_linenumber"
)

Frame = pl.DataFrame
Compare = Callable[[Callable[[str], Frame]], Frame]


@pytest.fixture
def same(source: Source, server: Program) -> Compare:
    """Read from both; fail where names, types or values differ; return the frame."""

    def compare(read: Callable[[str], Frame]) -> Frame:
        expected = read(source.url)
        assert_frame_equal(read(server.url()), expected, check_exact=True)
        return expected

    return compare


@pytest.mark.parametrize("query", QUERIES)
def test_connectorx_reads(query: str, same: Compare) -> None:
    assert len(same(lambda url: pl.read_database_uri(query, url, engine="connectorx")))


@pytest.mark.parametrize("protocol", ["cursor", "simple", "csv"])
def test_connectorx_reads_by_every_protocol(protocol: str, same: Compare) -> None:
    def read(url: str) -> Frame:
        uri = f"{url}?cxprotocol={protocol}"
        frames = [connectorx.read_sql(uri, query, return_type="polars") for query in QUERIES[1:3]]
        return pl.concat(frames, how="diagonal")

    assert len(same(read))


@pytest.mark.parametrize("query", [*QUERIES, *ONLY_ADBC])
def test_adbc_reads(query: str, same: Compare) -> None:
    assert len(same(lambda url: pl.read_database_uri(query, url, engine="adbc")))


def test_connectorx_reads_in_partitions(same: Compare) -> None:
    def read(url: str) -> Frame:
        frame = pl.read_database_uri(
            "SELECT * FROM lineitem", url, engine="connectorx", partition_on="l_orderkey", partition_num=4
        )
        return frame.sort("l_orderkey", "l_linenumber")

    assert len(same(read)) == 60175


@pytest.mark.parametrize("engine", ["adbc", "connectorx"])
def test_many_rows(engine: str, same: Compare) -> None:
    assert len(same(lambda url: pl.read_database_uri(LARGE, url, engine=engine))) == 120350  # type: ignore[arg-type]


def test_a_connection_of_psycopg_in_batches(server: Program) -> None:
    with psycopg.connect(server.url()) as connection:
        batches = pl.read_database(
            "SELECT l_orderkey, l_shipdate FROM lineitem", connection, iter_batches=True, batch_size=25000
        )
        assert [batch.height for batch in batches] == [25000, 25000, 10175]


@pytest.mark.parametrize("query", ["SELECT 1 / (id - 1) FROM nasty.people", "SELECT nope FROM region"])
def test_errors_are_postgres(query: str, source: Source, server: Program) -> None:
    for engine in ("connectorx", "adbc"):
        said = []
        for url in (source.url, server.url()):
            with pytest.raises(Exception, match=r"division by zero|does not exist") as error:
                pl.read_database_uri(query, url, engine=engine)
            said.append((type(error.value), str(error.value)))
        assert said[1] == said[0]
