"""An S3 server that fails as it is told to."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import S3Server

App = Callable[[Any, Any], Iterable[bytes]]
ERRORS = {"503": ("503 Slow Down", "SlowDown"), "403": ("403 Forbidden", "AccessDenied"),
          "429": ("429 Too Many Requests", "TooManyRequests"), "404": ("404 Not Found", "NoSuchKey")}  # fmt: skip


@dataclass
class Faults:
    """What a store does with requests whose key has `path` in it: `kind` to the first, and so on to one in `one_in`."""

    kind: str = ""
    one_in: int = 5
    path: str = ""
    slow_s: float = 1.0
    count: int = 0  # of failures
    _seen: "itertools.count[int]" = field(default_factory=itertools.count)
    _told: threading.Event = field(default_factory=threading.Event)  # who is slow waits no longer

    def set(self, kind: str, *, one_in: int = 1, path: str = "") -> None:
        """Begin to fail, or stop (""); count from 0."""
        self.kind, self.one_in, self.path, self.count, self._seen = kind, one_in, path, 0, itertools.count()
        self._told.set()
        self._told = threading.Event()

    def wrap(self, answer: App) -> App:
        def app(environment: Any, start_response: Any) -> Iterable[bytes]:
            if not self.kind or self.path not in environment["PATH_INFO"] or next(self._seen) % self.one_in:
                return answer(environment, start_response)
            self.count += 1
            if self.kind in ERRORS:
                status, code = ERRORS[self.kind]
                start_response(status, [("Content-Type", "application/xml")])
                return [f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()]
            if self.kind == "reset":
                environment["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError
            if self.kind == "cut":  # in the middle of the body
                body = b"".join(answer(environment, start_response))
                return [body[: len(body) // 2]]
            self._told.wait(self.slow_s)
            return answer(environment, start_response)

        return app


@pytest.fixture(scope="module")
def faulty() -> Iterator[tuple[S3Server, Faults]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    faults = Faults()
    assert server._server is not None
    server._server.app = faults.wrap(server._server.app)
    yield S3Server(*server.get_host_and_port()), faults
    server.stop()
