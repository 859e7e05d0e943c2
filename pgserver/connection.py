"""One client's socket: messages in, bytes out, and nobody's memory filled by either."""

import asyncio
from collections.abc import Callable
from typing import cast

from pgserver.protocol.codec import Frames, Grammar, StartupDecoder, frontend_grammar
from pgserver.protocol.startup import StartupFamily
from pgserver.session.client import ConnectionLost

READ_AHEAD_BYTES = 1 << 20  # more is left in the kernel while the session is busy
WRITE_HIGH_BYTES = 1 << 20  # more is not asked of the engine while the client is slow

LOGIN = Grammar({ord("p"): 65_535}, "expected SASL response, got message type {}")


class ClientConnection(asyncio.Protocol):
    """Frames of one client. Only one task may wait for messages at a time."""

    def __init__(self, on_connected: Callable[["ClientConnection"], None]) -> None:
        """Args: what to call when the socket is open."""
        self._on_connected = on_connected
        self._transport: asyncio.Transport | None = None
        self._startup = StartupDecoder()
        self._frames: Frames | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading = True
        self._ended = False
        self.on_lost: Callable[[], None] = lambda: None
        self.on_slow: Callable[[bool], None] = lambda _slow: None
        self.peer = ""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self._on_connected(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits, and the running statement."""
        self._ended = True
        self._writable.set()
        self._wake()
        self.on_lost()

    def eof_received(self) -> bool:
        """Close: a client that sends no more has gone."""
        return False

    def data_received(self, data: bytes) -> None:
        """Take bytes in; stop reading when the session is far behind."""
        decoder = self._startup if self._frames is None else self._frames
        decoder.feed(data)
        if decoder.pending > READ_AHEAD_BYTES and self._waiter is None and self._transport is not None:
            self._transport.pause_reading()
            self._reading = False
        self._wake()

    def pause_writing(self) -> None:
        """Hear that the client is slow."""
        self._writable.clear()
        self.on_slow(True)

    def resume_writing(self) -> None:
        """Hear that the client has caught up."""
        self._writable.set()
        self.on_slow(False)

    # reading

    async def next_startup(self) -> StartupFamily:
        """Return the next message of the startup phase.

        Raises: FramingError, ProtocolViolation, FeatureNotSupported as `StartupDecoder`; ConnectionLost.
        """
        while True:
            for message in self._startup:
                return message
            await self._more()

    def start_login(self) -> None:
        """Expect only the client's answers to authentication requests from here on."""
        self._frames = Frames(LOGIN)
        self._frames.feed(self._startup.take_rest())

    def start_session(self) -> None:
        """Expect any message of the protocol from here on."""
        assert self._frames is not None
        self._frames.grammar = frontend_grammar()

    async def next_message(self) -> tuple[int, bytes]:
        """Return the next message as its type and its frame.

        Raises: FramingError when the stream cannot be followed; ConnectionLost.
        """
        assert self._frames is not None
        while True:
            for message in self._frames:
                return message
            await self._more()

    async def _more(self) -> None:
        if self._ended:
            raise ConnectionLost
        self._waiter = asyncio.get_running_loop().create_future()
        if not self._reading and self._transport is not None:
            self._transport.resume_reading()
            self._reading = True
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end_input(self) -> None:
        """Let the session end as if the client had gone."""
        self._ended = True
        self._wake()

    # writing

    def write(self, data: bytes | memoryview) -> None:
        """Queue bytes; `drain` says when there is room for more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written.

        Raises: ConnectionLost.
        """
        if not self._writable.is_set():
            await self._writable.wait()
        if self._ended:
            raise ConnectionLost

    async def close(self) -> None:
        """Send what is queued, then end the connection."""
        if self._transport is not None:
            self._transport.close()
