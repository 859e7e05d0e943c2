"""Servers and stores of these tests."""

from tests.support.faulty_store import faulty
from tests.support.lakes import make_server, own_lake

__all__ = ["faulty", "make_server", "own_lake"]
