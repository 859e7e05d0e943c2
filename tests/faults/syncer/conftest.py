from pathlib import Path
from typing import Any

import pytest

from tests.support.faulty_store import faulty
from tests.support.sync_lab import Lab

__all__ = ["faulty", "lab"]


@pytest.fixture
def lab(postgres: Any, tmp_path: Path) -> Lab:
    return Lab(postgres.new_database("source"), postgres.new_database("catalog"), tmp_path / "data")
