"""Servers of these tests."""

from tests.support.lakes import make_server, own_lake

__all__ = ["make_server", "own_lake"]
