"""The client's side of a session, as the session sees it: `pgserver.connection` is the socket behind it."""

from collections.abc import Callable
from typing import Protocol

from pgserver.protocol.startup import GSSENCRequest, SSLRequest, StartupFamily


class ConnectionLost(Exception):
    """The client has gone."""


class Client(Protocol):
    """Messages in, bytes out."""

    on_lost: Callable[[], None]
    on_slow: Callable[[bool], None]
    peer: str  # its address
    peer_port: int  # 0 where it has none
    keepalives: tuple[int, int, int]  # its socket's tcp_keepalives_idle, _interval and _count; 0 where it has none

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""

    async def answer_encryption(self, request: SSLRequest | GSSENCRequest) -> None:
        """Answer a request for encryption, and have it on where the answer is yes."""

    async def next_startup(self) -> StartupFamily:
        """Return the next message of the startup phase."""

    def start_login(self) -> None:
        """Expect only the client's answers to authentication requests from here on."""

    def start_session(self) -> None:
        """Expect any message of the protocol from here on."""

    async def next_message(self) -> tuple[int, bytes]:
        """Return the next message as its type and its frame."""

    def poll(self) -> tuple[int, bytes] | None:
        """Return the next message if it is here already."""

    def end_input(self) -> None:
        """Let the session end as if the client had gone."""

    def write(self, data: bytes | memoryview) -> None:
        """Queue bytes."""

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""

    async def close(self) -> None:
        """Send what is queued, then end the connection."""

    def abort(self) -> None:
        """End the connection now."""
