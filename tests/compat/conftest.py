"""A connection to PostgreSQL and one to us, over the same rows."""

import os
from collections.abc import Iterator

import pytest

from tests.conftest import Source
from tests.support.asking import Answer, Asker, Mode

CANDIDATE = "BEMIDB_TEST_URL"  # compare this server instead of one of ours; "source" compares PostgreSQL with itself
OPTIONS = "options=-c%20TimeZone%3DUTC"


@pytest.fixture(scope="session")
def candidate_url(source: Source, request: pytest.FixtureRequest) -> str:
    """The server that is compared: ours, if nobody says otherwise."""
    url = os.environ.get(CANDIDATE)
    if url is None:
        return str(request.getfixturevalue("server").url())
    return source.url if url == "source" else url


class Side:
    """One of the two servers: its connection is kept from test to test, and made again when one has lost it."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}?{OPTIONS}"
        self._asker: Asker | None = None
        self._settings: tuple[str, ...] = ()

    def asker(self, settings: tuple[str, ...] = ()) -> Asker:
        """Return a connection outside a transaction, with these SETs in force and no others."""
        if self._asker is not None and not self._asker.usable:
            self.forget()
        if self._asker is None:
            self._asker, self._settings = Asker(self._url), ()
        if settings != self._settings:
            for setting in ("RESET ALL", *settings):
                (answer,) = self._asker.ask(setting)
                assert not answer.sqlstate, f"{setting}: {answer.message}"
            self._settings = settings
        return self._asker

    def ask(self, text: str, mode: Mode, settings: tuple[str, ...]) -> tuple[Asker, list[Answer]]:
        """Ask; forget the connection when there is no answer."""
        asker = self.asker(settings)
        try:
            return asker, asker.ask(text, mode)
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Disconnect: the session is in doubt."""
        if self._asker is not None:
            self._asker.close()
        self._asker = None


@pytest.fixture(scope="session")
def reference(source: Source) -> Iterator[Side]:
    side = Side(source.url)
    yield side
    side.forget()


@pytest.fixture(scope="session")
def candidate(candidate_url: str) -> Iterator[Side]:
    side = Side(candidate_url)
    yield side
    side.forget()
