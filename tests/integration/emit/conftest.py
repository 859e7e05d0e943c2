"""The emitter between the source and DuckDB over its lake."""

from collections.abc import Iterator

import pytest

from tests.conftest import Source
from tests.support.emit_lab import EmitLab


@pytest.fixture(scope="session")
def emit_lab(source: Source, lake: dict[str, str]) -> Iterator[EmitLab]:
    lab = EmitLab(source.admin_url, lake)
    for connection in (lab.reader, lab.analyst):
        connection.execute("SET search_path = nasty, public, clickbench, family, family_parts")
    yield lab
    lab.close()
