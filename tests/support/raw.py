"""A client that says exactly what a test wants it to say, byte by byte."""

import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Self

SSL_REQUEST = struct.pack(">II", 8, 80877103)
GSSENC_REQUEST = struct.pack(">II", 8, 80877104)
PROTOCOL_3_0 = 196608
Message = tuple[str, bytes]


def startup(version: int = PROTOCOL_3_0, **parameters: str) -> bytes:
    """Encode a startup message."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    return struct.pack(">II", len(pairs) + 9, version) + pairs + b"\0"


def frame(tag: str, body: bytes = b"") -> bytes:
    """Encode a message."""
    return tag.encode() + struct.pack(">I", len(body) + 4) + body


def query(text: str) -> bytes:
    """Encode Query."""
    return frame("Q", text.encode() + b"\0")


def cancel_request(process_id: int, key: bytes) -> bytes:
    """Encode CancelRequest."""
    return struct.pack(">IIi", 12 + len(key), 80877102, process_id) + key


def fields(body: bytes) -> dict[str, str]:
    """Decode the fields of an ErrorResponse or NoticeResponse."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def sqlstates(messages: Sequence[Message]) -> list[str]:
    """Return the SQLSTATE of each error among messages."""
    return [fields(body)["C"] for tag, body in messages if tag == "E"]


class Wire:
    """One socket."""

    def __init__(self, port: int, *, timeout_s: float = 60, address: str = "127.0.0.1") -> None:
        """Connect, from an address of this machine."""
        self.socket: socket.socket | ssl.SSLSocket = socket.create_connection(
            ("127.0.0.1", port), timeout_s, source_address=(address, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Disconnect."""
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(b"".join(parts))

    def read(self, size: int) -> bytes:
        """Read exactly so many bytes, fewer at the end of the stream."""
        content = b""
        while len(content) < size:
            try:
                part = self.socket.recv(size - len(content))
            except (ConnectionResetError, ssl.SSLEOFError):
                break
            if not part:
                break
            content += part
        return content

    def message(self) -> Message | None:
        """Read one message, None at the end of the stream."""
        header = self.read(5)
        if len(header) < 5:
            return None
        return chr(header[0]), self.read(struct.unpack(">I", header[1:])[0] - 4)

    def until(self, tag: str = "Z") -> list[Message]:
        """Read up to a message of this type, or the end of the stream."""
        messages: list[Message] = []
        while (message := self.message()) is not None:
            messages.append(message)
            if message[0] == tag:
                break
        return messages

    def to_end(self) -> list[Message]:
        """Read messages until the other side closes."""
        return self.until("nothing")

    def closed(self) -> bool:
        """Whether the other side closes without another byte."""
        return self.read(1) == b""

    def log_in(self, version: int = PROTOCOL_3_0, **parameters: str) -> list[Message]:
        """Start a session where no password is asked."""
        self.send(startup(version, **{"user": "analyst", "database": "bemidb", **parameters}))
        return self.until()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on over TLS."""
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


def backend_key(messages: Sequence[Message]) -> tuple[int, bytes]:
    """Return process id and key of BackendKeyData."""
    body = next(body for tag, body in messages if tag == "K")
    return struct.unpack(">i", body[:4])[0], body[4:]
