"""The 22 queries of TPC-H equal PostgreSQL's: names, type OIDs, rows, order; on a local folder and on S3."""

from collections.abc import Iterator

import pytest

from sample import tpch
from tests.conftest import Source
from tests.support.asking import MODES, Asker, Mode
from tests.support.comparing import difference
from tests.support.programs import Program

QUERIES = tpch.queries()


@pytest.fixture(scope="module")
def reference(source: Source) -> Iterator[Asker]:
    asker = Asker(source.url)
    yield asker
    asker.close()


@pytest.fixture(scope="module")
def local(server: Program) -> Iterator[Asker]:
    asker = Asker(server.url())
    yield asker
    asker.close()


@pytest.fixture(scope="module")
def on_s3(server_s3: Program) -> Iterator[Asker]:
    asker = Asker(server_s3.url())
    yield asker
    asker.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("query", [pytest.param(query, id=f"q{number}") for number, query in QUERIES])
def test_query_equals_postgres(query: str, mode: Mode, reference: Asker, local: Asker) -> None:
    check(query, mode, reference, local)


@pytest.mark.parametrize("query", [pytest.param(query, id=f"q{number}") for number, query in QUERIES])
def test_query_on_s3_equals_postgres(query: str, reference: Asker, on_s3: Asker) -> None:
    check(query, "text", reference, on_s3)


def check(query: str, mode: Mode, reference: Asker, ours: Asker) -> None:
    expected = reference.ask(query, mode)
    assert not any(answer.sqlstate for answer in expected), expected
    assert expected[0].columns, "no columns"
    found = difference(expected, ours.ask(query, mode), (reference.type_names, ours.type_names), ordered=True)
    assert found is None, found
