"""Fixtures for tests that start servers of their own: import them into a folder's conftest.py."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import Source, free_port, sync
from tests.support import servers


@pytest.fixture(scope="session")
def own_lake(source: Source, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a lake that no other server uses: one server at a time has a folder."""
    return sync(source, {"BEMIDB_DATA_DIR": str(tmp_path_factory.mktemp("own_lake"))})


@pytest.fixture(scope="module")
def make_server(own_lake: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Starts a server over that lake, and ends the one before."""
    with ExitStack() as stack:

        def make(**variables: str) -> servers.Server:
            stack.close()
            log = tmp_path_factory.mktemp("server") / "server.log"
            return stack.enter_context(servers.running(own_lake | variables, free_port(), log))

        yield make
