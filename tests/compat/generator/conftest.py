"""The emitter's lab over the tables of `nasty`, and what Postgres' catalog has to build statements of."""

from collections.abc import Iterator

import pytest

from tests.compat.generator.catalog import Catalog
from tests.conftest import Source
from tests.support.emit_lab import EmitLab


@pytest.fixture(scope="session")
def lab(source: Source, lake: dict[str, str]) -> Iterator[EmitLab]:
    lab = EmitLab(source.admin_url, lake)
    lab.reader.execute("SET statement_timeout = '3s'")
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def catalog(lab: EmitLab) -> Catalog:
    return Catalog.read(lab.reader)
