"""One client's socket: TLS, messages in, bytes out, and nobody's memory filled by either."""

import asyncio
import contextlib
import ipaddress
import itertools
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog

from pgserver.protocol.codec import Frames, FramingError, Grammar, StartupDecoder, frontend_grammar
from pgserver.protocol.errors import ProtocolViolation
from pgserver.protocol.startup import GSSENCRequest, SSLRequest, StartupFamily
from pgserver.session.client import ConnectionLost
from pgserver.tls import TlsLayer

log = structlog.get_logger()

READ_AHEAD_BYTES = 1 << 20  # more is left in the kernel while the session is busy
LOGIN_READ_AHEAD_BYTES = 16 << 10  # the same before the login
WRITE_HIGH_BYTES = 1 << 20  # more is not asked of the engine while the client is slow
CLOSE_S = 5.0  # for a client to take the last bytes
TLS_RECORD = 0x16  # the first byte of a ClientHello; as a startup message it would have 369 MB

# A peer that is gone without a word is noticed after two minutes.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 6))
NO_KEEPALIVES = (0, 0, 0)

LOGIN = Grammar({ord("p"): 65_535}, "expected SASL response, got message type {}")


def no_tls() -> ssl.SSLContext | None:
    """Return no context: TLS is not offered."""
    return None


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """What all sockets have in common: the context of TLS as it is now; how long a client may take nothing."""

    tls: Callable[[], ssl.SSLContext | None] = no_tls
    write_timeout_s: float = 300.0


class ClientConnection(asyncio.Protocol):
    """Frames of one client. Only one task may wait for messages at a time."""

    def __init__(
        self, on_connected: Callable[["ClientConnection"], None], options: ConnectionOptions | None = None
    ) -> None:
        """Args: what to call when the socket is open; what it has in common with others."""
        self._on_connected = on_connected
        self._options = options or ConnectionOptions()
        self._tls: TlsLayer | None = None
        self._untouched = True  # no byte has come yet
        self._read_ahead = LOGIN_READ_AHEAD_BYTES
        self._stuck: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._startup = StartupDecoder()
        self._frames: Frames | None = None
        self._cut: deque[tuple[int, bytes]] = deque()  # messages that are here
        self._broken: FramingError | None = None  # what comes behind them
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading = True
        self._ended = False
        self.on_lost: Callable[[], None] = lambda: None
        self.on_slow: Callable[[bool], None] = lambda _slow: None
        self.peer = ""
        self.peer_port = 0
        self.keepalives = NO_KEEPALIVES

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        peer = transport.get_extra_info("peername")
        self.peer, self.peer_port = peer[:2] if isinstance(peer, tuple) else ("", 0)
        self.keepalives = keep_alive(transport.get_extra_info("socket"), self.peer)
        self._on_connected(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits, and the running statement."""
        self._ended = True
        self._stop_waiting_for_room()
        self._writable.set()
        self._wake()
        self.on_lost()

    def eof_received(self) -> bool:
        """Close: a client that sends no more has gone."""
        return False

    def data_received(self, data: bytes) -> None:
        """Take bytes in; stop reading when the session is far behind."""
        if self._untouched:
            self._untouched = False
            context = self._options.tls()
            if data[0] == TLS_RECORD and context is not None:
                self._tls = TlsLayer(context, direct=True)
        if self._tls is not None:
            data = self._decrypt(self._tls, data)
        decoder = self._startup if self._frames is None else self._frames
        decoder.feed(data)
        if decoder.pending > self._read_ahead and self._waiter is None and self._transport is not None:
            self._transport.pause_reading()
            self._reading = False
        self._wake()

    def _decrypt(self, tls: TlsLayer, data: bytes) -> bytes:
        try:
            plain = tls.receive(data)
        except ssl.SSLError as error:
            log.info("tls_failed", reason=error.reason)
            self._send(tls.take())  # the alert
            self._end()
            return b""
        self._send(tls.take())
        if tls.ended or (tls.direct and tls.established and not tls.speaks_postgres):
            self._end()
            return b"" if tls.direct and not tls.speaks_postgres else plain
        self._startup.encrypted = tls.established
        return plain

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self.end_input()

    def pause_writing(self) -> None:
        """Hear that the client is slow."""
        self._writable.clear()
        self._wait_for_room(self._unsent)
        self.on_slow(True)

    def resume_writing(self) -> None:
        """Hear that the client has caught up."""
        self._writable.set()
        self._stop_waiting_for_room()
        self.on_slow(False)

    @property
    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _wait_for_room(self, unsent: int) -> None:
        timeout_s = self._options.write_timeout_s
        self._stuck = asyncio.get_running_loop().call_later(timeout_s, self._give_up, unsent)

    def _give_up(self, unsent: int) -> None:
        """End a client that has taken nothing for the time allowed: its statement holds the engine, or the twin."""
        if self._unsent < unsent:
            self._wait_for_room(self._unsent)
        else:
            log.info("client_stuck", client_addr=self.peer, unsent_bytes=unsent)
            self.abort()

    def _stop_waiting_for_room(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    # reading

    async def next_startup(self) -> StartupFamily:
        """Return the next message of the startup phase.

        Raises: FramingError, ProtocolViolation, FeatureNotSupported as `StartupDecoder`; ConnectionLost.
        """
        while True:
            for message in self._startup:
                return message
            await self._more()

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self._tls is not None and self._tls.established

    async def answer_encryption(self, request: SSLRequest | GSSENCRequest) -> None:
        """Answer a request for encryption: TLS where there is a certificate, GSSAPI never.

        Raises: ProtocolViolation (FATAL, over TLS) when the client had sent more before the answer; ConnectionLost.
        """
        early: ProtocolViolation | None = None
        try:
            self._startup.refuse_early_data(request)
        except ProtocolViolation as error:
            early = error
            self._startup.take_rest()
        context = self._options.tls() if isinstance(request, SSLRequest) else None
        if context is None:
            self.write(b"N")
        else:
            self._send(b"S")
            self._tls = TlsLayer(context)
            while not self._tls.established:
                await self._more()
        if early is not None:
            raise early

    def start_login(self) -> None:
        """Expect only the client's answers to authentication requests from here on."""
        self._frames = Frames(LOGIN)
        self._frames.feed(self._startup.take_rest())

    def start_session(self) -> None:
        """Expect any message of the protocol from here on."""
        assert self._frames is not None
        self._frames.grammar = frontend_grammar()
        self._read_ahead = READ_AHEAD_BYTES

    async def next_message(self) -> tuple[int, bytes]:
        """Return the next message as its type and its frame.

        Raises: FramingError when the stream cannot be followed; ConnectionLost.
        """
        while (message := self.poll()) is None:
            await self._more()
        return message

    def poll(self) -> tuple[int, bytes] | None:
        """Return the next message if it is here already.

        Raises: FramingError when the stream cannot be followed.
        """
        if not self._cut:
            assert self._frames is not None
            one_by_one = self._frames.grammar is LOGIN  # another follows
            try:
                self._cut.extend(itertools.islice(self._frames, 1) if one_by_one else self._frames)
            except FramingError as error:
                self._broken = error
        if self._cut:
            return self._cut.popleft()
        if self._broken is not None:
            raise self._broken
        return None

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
        self._send(data if self._tls is None else self._tls.send(data))

    def _send(self, data: bytes | memoryview) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
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
        """Send what is queued, then end the connection; a client that takes nothing is not waited for."""
        if self._transport is None or self._transport.is_closing():
            return
        if self.encrypted and self._tls is not None:
            self._send(self._tls.close())
        self._transport.close()
        if self._unsent:
            asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)

    def abort(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()


def keep_alive(sock: socket.socket | None, peer: str) -> tuple[int, int, int]:
    """Have the kernel look now and then whether the peer is still there.

    One on this machine cannot vanish without the kernel knowing: there its own times do, as in PostgreSQL.
    Returns: what PostgreSQL calls tcp_keepalives_idle, tcp_keepalives_interval and tcp_keepalives_count.
    """
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return NO_KEEPALIVES
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not ipaddress.ip_address(peer).is_loopback:
            for option, value in KEEPALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        idle_s, interval_s, count = (sock.getsockopt(socket.IPPROTO_TCP, option) for option, _ in KEEPALIVE)
        return idle_s, interval_s, count
    return NO_KEEPALIVES
