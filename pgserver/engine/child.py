"""An engine's child process and the server's end of its channel."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import structlog

from pgserver import metrics
from pgserver.engine.channel import HEADER, MAX_BODY_BYTES, MAX_STATEMENTS, Kind, body_of, chunk_from, frame
from pgserver.engine.errors import Failure
from pgserver.engine.stream import Died, End, Stream

log = structlog.get_logger()

SOCKET_BUFFER_BYTES = 4 << 20  # the kernel gives what it allows
OPERATIONS = frozenset(("GET", "HEAD"))  # it may only read
CODE_DIGITS = 3
_PASSED = ("PATH", "TZDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH")
# No AWS keys, no home folder; few arenas and threads, since address space is what the child is limited in.
_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "4",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}


class Child(asyncio.BufferedProtocol):
    """A running child: its statements, and frames as they come.

    A frame's body is received where it stays: rows are never copied on this side.
    """

    def __init__(self, on_death: Callable[["Child"], None]) -> None:
        """Args: who wants to know when the process is gone."""
        self._on_death = on_death
        self.spill_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._streams: dict[int, Stream] = {}
        self._reaping: asyncio.Task[None] | None = None
        self._next = 0
        self._header = bytearray(HEADER.size)
        self._body: memoryview | None = None
        self._filled = 0
        loop = asyncio.get_running_loop()
        self.idle = asyncio.Event()  # no statement runs
        self.idle.set()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[int] = loop.create_future()  # its exit status

    async def start(self, options: dict[str, Any]) -> None:
        """Start the process; `ready` is set when it takes statements. Must be called on the main thread (PDEATHSIG)."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ} | _ENVIRONMENT
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  # some ms; must be this thread; our own program
                [sys.executable, "-m", "pgserver.engine", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
            )
        ours.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        self._write(frame(Kind.OPTIONS, 0, options))

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def run(self, kind: Kind, body: dict[str, Any]) -> Stream:
        """Start a statement."""
        self._next = (self._next + 1) % MAX_STATEMENTS
        stream = Stream(self._next, self._more, self._cancel)
        if self._transport is None or self._transport.is_closing():
            stream.put(Died())
            return stream
        self._streams[stream.number] = stream
        self.idle.clear()
        self._write(frame(kind, stream.number, body))
        return stream

    def renew(self, access: dict[str, Any]) -> None:
        """Give the process new keys of the bucket."""
        self._write(frame(Kind.SECRETS, 0, access))

    def kill(self, reason: str) -> None:
        """End the process now; its statements hear of it by the closed socket."""
        if self._process is not None and self._process.poll() is None:
            log.warning("engine_killed", pid=self._process.pid, reason=reason, statements=len(self._streams))
            self._process.kill()

    async def stop(self) -> None:
        """End the process and wait until it is gone; it holds nothing that could be lost."""
        self._lost()
        await asyncio.shield(self.gone)

    def _more(self, number: int) -> None:
        self._write(frame(Kind.CREDIT, number))

    def _cancel(self, number: int, grace_s: float) -> None:
        self._write(frame(Kind.CANCEL, number))
        asyncio.get_running_loop().call_later(grace_s, self._kill_for, number)

    def _kill_for(self, number: int) -> None:
        """Kill the process for a statement that an interrupt does not end."""
        if number in self._streams:
            self.kill("interrupt_ignored")

    def _write(self, content: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(content)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is of a class of its own

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Give room for what is missing of the header or the body."""
        target = memoryview(self._header) if self._body is None else self._body
        return target[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that have come into that room."""
        self._filled += nbytes
        length, kind, number = HEADER.unpack(self._header)
        if self._body is None:
            if self._filled < HEADER.size:
                return
            self._filled = 0
            if length > MAX_BODY_BYTES:
                self.kill("frame_too_long")
                return
            # numpy's memory is not zeroed first
            self._body = np.empty(length, dtype=np.uint8).data
        if self._filled == length:
            body, self._body, self._filled = self._body, None, 0
            try:
                self._received(kind, number, body)
            except (ValueError, KeyError, TypeError, AssertionError):
                log.exception("engine_frame_bad", pid=self.pid)
                self.kill("frame_bad")

    def _received(self, kind: int, number: int, body: memoryview) -> None:
        if kind == Kind.READY:
            if not self.ready.done():
                self.ready.set_result(None)
            return
        if kind == Kind.REQUESTS:
            count_requests(body_of(body)["counts"])
            return
        stream = self._streams.get(number)
        if stream is None:
            return
        if kind == Kind.CHUNK:
            stream.put(chunk_from(body))
            return
        del self._streams[number]
        if not self._streams:
            self.idle.set()
        if kind == Kind.END:
            stream.put(End())
        elif kind == Kind.TEXT:
            stream.put(End(str(body_of(body)["text"])))
        else:
            failure = Failure.from_json(body_of(body))
            stream.put(Died() if failure.poisoned else failure)
            if failure.poisoned:
                self.kill("poisoned")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The process closed its end, or is gone."""
        self._lost()

    def _lost(self) -> None:
        """Tell the statements, and whoever waits; end what is left of the process."""
        if self._reaping is not None:
            return
        self._reaping = asyncio.ensure_future(self._reap())
        streams, self._streams = self._streams, {}
        self.idle.set()
        for stream in streams.values():
            stream.put(Died())
        if not self.ready.done():
            self.ready.set_exception(ChildProcessError("the engine did not start"))
            self.ready.exception()  # it may be that nobody waits
        self._on_death(self)

    async def _reap(self) -> None:
        status = 0
        if self._process is not None:
            self._process.kill()  # a closed socket is no proof that the process is gone
            status = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        if self._transport is not None:
            self._transport.abort()
        self.gone.set_result(status)


def count_requests(counts: list[tuple[str, str, int, int]]) -> None:
    """Add what an engine has asked of object storage. Its labels are not believed: they have few values."""
    for operation, code, requests, size in counts:
        operation = operation if operation in OPERATIONS else "other"
        code = code if len(code) == CODE_DIGITS and code.isdecimal() else "none"
        metrics.s3_requests.labels(operation, code).inc(requests)
        metrics.s3_bytes.inc(size)
