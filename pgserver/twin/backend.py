"""One backend of the twin, as the server that stands in front of it sees it.

Bytes from the backend go straight on to the client (`relay`), while the headers are read for what the session must
know: how many of the messages sent are answered, errors, the transaction state. Replies to messages of our own are kept
from the client.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import cast

from pgserver.encode.rows import RowChunk

type_and_length = struct.Struct(">BI").unpack_from

HEADER = 5
CANCEL_REQUEST_CODE = 80877102
FLUSH = b"H\x00\x00\x00\x04"
COPY_DONE, COPY_FAIL = b"c\x00\x00\x00\x04", b"f\x00\x00\x00\x05\x00"
DATA_ROW, COPY_DATA = ord("D"), ord("d")
ERROR, READY, PARAMETER, KEY, NOTICE = ord("E"), ord("Z"), ord("S"), ord("K"), ord("N")
AUTHENTICATION = ord("R")
AUTHENTICATION_OK, SASL_FINAL = 0, 12
NO_TYPE = frozenset((0,))  # hides nothing, but has messages looked at one by one
COPY_IN = frozenset(b"GW")
COMPLETIONS = frozenset(b"123TnCIs")  # exactly one of these answers each extended-protocol message but Sync
ASYNCHRONOUS = frozenset(b"NAS")  # may come at any time, and are the client's whoever asked
TOLD = b"\0CBD001\0M"  # a notice to this server, not to the client: only functions of `sql/050_signals.sql` raise it

Message = tuple[int, bytes]  # type byte and the whole frame
Sink = Callable[[bytes], None]


class BackendLost(Exception):
    """The connection to the twin has ended."""


class BackendFailed(Exception):
    """A message was answered by an error; `frame` is that ErrorResponse where it was kept from the client."""

    def __init__(self, frame: bytes | None = None) -> None:
        """Keep the frame, None when the client has it already."""
        super().__init__("the twin answered with an error")
        self.frame = frame


class TwinBackend(asyncio.Protocol):
    """A connection to the twin: what is sent, what is answered, and who gets the answers.

    `sent` and `answered` count the extended-protocol messages since the last ReadyForQuery.
    """

    def __init__(self, relay: Sink | None, on_event: Callable[[], None] = lambda: None) -> None:
        """Args: where the client's bytes go (None: all is kept); what to call on an error or a lost connection."""
        self.on_told: Callable[[str], None] = lambda _text: None
        self._relay = relay
        self._on_event = on_event
        self._buffer = b""  # the begin of a message that is not here whole
        self._parts: list[bytes] = []  # what has come of it since, and is not looked at before all is here
        self._missing = 0
        self._skip = 0  # bytes of a large message in passing that are still to come
        self._waiter: asyncio.Future[None] | None = None
        self._keep_from: int | None = None if relay else 0
        self._kept: list[Message] = []
        self._queue: list[bytes] = []
        self._notices_kept = False
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.sent = 0
        self.answered = 0
        self.answered_in_group = 0  # `answered`, as it was at the last ReadyForQuery
        self.authentication = 0  # of the last Authentication message that wants an answer; 0: none is wanted
        self.ready = 0  # ReadyForQuery messages so far
        self.status = ord("I")
        self.hidden: frozenset[int] = frozenset()  # types of message that the client must not see
        self.failed = False
        self.errors = 0  # so far
        self.sqlstate = ""  # of the last error
        self.fatal = False  # the last error ended the session, and the client has it
        self.copy_in = False
        self.lost = False
        self.parameters: dict[str, str] = {}
        self.key = b""
        self.process_id = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever waits."""
        self.lost = True
        self._writable.set()
        self._wake()
        self._on_event()

    def pause_writing(self) -> None:
        """Hear that the backend is slow to take what it is sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Hear that it has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, or keep the messages that answer ours."""
        if self._buffer:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join((self._buffer, *self._parts))
            self._buffer, self._parts = b"", []
        if self._keep_from is None and not self.hidden:
            self._pass(data)
        else:
            self._sort(data)

    def relay_to(self, relay: Sink, *, whole_frames: bool = False) -> None:
        """Give the client's bytes to another sink from now on; in whole frames it sees each message apart."""
        self._relay = relay
        self.hidden = NO_TYPE if whole_frames else frozenset()

    # sending

    def send(self, frames: bytes, answers: int = 0) -> None:
        """Write messages that will be answered by `answers` completions."""
        if self._transport is None or self.lost:
            raise BackendLost
        self.sent += answers
        if self._queue:
            self._queue.append(frames)
            frames = b"".join(self._queue)
            self._queue.clear()
        self._transport.write(frames)

    def queue(self, frame: bytes) -> None:
        """Send a message that has one completion together with the next: one write to the socket for all of a group."""
        if self.lost:
            raise BackendLost
        self.sent += 1
        self._queue.append(frame)

    async def drain(self) -> None:
        """Wait until the backend has taken most of what was sent.

        Raises: BackendLost.
        """
        await self._writable.wait()
        if self.lost:
            raise BackendLost

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def pause(self) -> None:
        """Stop reading: the client is behind."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    @property
    def inside_row(self) -> bool:
        """Whether the client has a part of a message: nothing may be sent to it before the rest."""
        return self._skip > 0

    # waiting

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on this object's state.

        Raises: BackendLost.
        """
        while not condition():
            if self.lost:
                raise BackendLost
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def until_ready(self) -> None:
        """Wait for the next ReadyForQuery, or for a COPY that wants data (`copy_in`)."""
        seen = self.ready
        await self.until(lambda: self.ready > seen or self.copy_in)

    async def settle(self, flush: bytes) -> None:
        """Have all messages so far answered to the client.

        Raises: BackendFailed when one of them failed; BackendLost.
        """
        if self.answered < self.sent:
            self.send(flush)
            await self.until(lambda: self.answered >= self.sent or self.failed)
        if self.failed:
            raise BackendFailed

    async def ask(
        self,
        frames: bytes,
        answers: int,
        *,
        to_ready: bool = False,
        errors_kept: bool = False,
        notices_kept: bool = False,
    ) -> list[Message]:
        """Send messages of our own behind the client's, and keep their replies from the client.

        Args: the messages, ended by Flush or Sync; how many completions they have; whether to wait for ReadyForQuery;
        whether an error is a reply like others; whether notices are kept too.
        Raises: BackendFailed (without a frame if it was a message of the client that failed); BackendLost.
        """
        self._keep_from = self.sent
        self._notices_kept = notices_kept
        seen = self.ready
        goal = self.sent + answers
        try:
            self.send(frames, answers)
            if to_ready:
                await self.until(lambda: self.ready > seen)
            else:
                await self.until(lambda: self.answered >= goal or self.failed)
            return self.take_answers(errors_kept=errors_kept)
        finally:
            self._notices_kept = False
            self._keep_from = None if self._relay else 0

    async def bring(
        self, frames: bytes, answers: int, chunks: AsyncGenerator[RowChunk, None], *, to_ready: bool = False
    ) -> list[Message]:
        """Send messages of our own, one of which runs COPY FROM STDIN, and the CopyData that it wants.

        Args: see `ask`, but the messages are without Flush; the data, which is closed. Returns: see `ask`.
        Raises: what the chunks raise, BackendFailed, BackendLost.
        """
        self._keep_from = self.sent
        goal, seen = self.sent + answers, self.ready

        def over() -> bool:
            return self.ready > seen or (not to_ready and (self.failed or self.answered >= goal))

        end = COPY_FAIL
        try:
            self.send(frames + FLUSH, answers)
            await self.until(lambda: self.copy_in or over())
            try:
                async with aclosing(chunks):
                    while not over() and (chunk := await anext(chunks, None)) is not None:
                        self.send(bytes(chunk.data))
                        await self.drain()
                end = COPY_DONE
            finally:
                self.copy_in = False
                self.send(end + FLUSH)
                await self.until(over)
            return self.take_answers()
        finally:
            self._kept = []
            self._keep_from = None if self._relay else 0

    async def swallow_until_ready(self, frames: bytes) -> bytes:
        """Send messages ended by Sync, throw their answers away, and return the ReadyForQuery frame."""
        self._keep_from = -1
        seen = self.ready
        try:
            self.send(frames)
            await self.until(lambda: self.ready > seen)
            return self._kept[-1][1]
        finally:
            self._kept = []
            self._keep_from = None if self._relay else 0

    def take_answers(self, *, errors_kept: bool = False) -> list[Message]:
        """Return the messages kept from the client so far, and forget them.

        Raises: BackendFailed when one is an error.
        """
        kept, self._kept = self._kept, []
        if errors_kept:
            return kept
        errors = [frame for tag, frame in kept if tag == ERROR]
        if errors:
            raise BackendFailed(errors[0])
        if self.failed:
            raise BackendFailed
        return kept

    # receiving

    def _pass(self, data: bytes) -> None:
        """Give all to the client; large messages pass in pieces, others whole."""
        size = len(data)
        position = self._skip
        while position + HEADER <= size:
            tag, length = type_and_length(data, position)
            end = position + length + 1
            if tag != DATA_ROW and tag != COPY_DATA:
                if end > size:
                    break
                if tag == NOTICE and TOLD in data[position:end]:
                    self._tell(data[position:end])
                    data, end = data[:position] + data[end:], position
                    size = len(data)
                else:
                    self._note(tag, data, position, end)
                if tag == ERROR:
                    self._on_event()
            position = end
        if position > size:
            self._skip = position - size
        else:
            self._skip = 0
            self._wait_for_rest(data[position:])
            data = data[:position] if position < size else data
        if data and self._relay is not None:
            self._relay(data)

    def _sort(self, data: bytes) -> None:
        """Keep what answers us, and give the rest to the client."""
        size = len(data)
        position = 0
        if self._skip:  # the end of a large message that went to the client before we asked
            position = min(self._skip, size)
            self._skip -= position
            if self._relay is not None:
                self._relay(data[:position])
        while position + HEADER <= size:
            tag, length = type_and_length(data, position)
            end = position + length + 1
            if end > size:
                break
            ours = self._keep_from is not None and self.answered >= self._keep_from
            frame = data[position:end]
            self._note(tag, data, position, end)
            if tag == NOTICE and TOLD in frame:
                self._tell(frame)
            elif self._relay is not None and (not ours or (tag in ASYNCHRONOUS and not self._is_kept_notice(tag))):
                if tag not in self.hidden:
                    self._relay(frame)
                if tag == ERROR:
                    self._on_event()
            else:
                self._kept.append((tag, frame))
            position = end
        self._wait_for_rest(data[position:])

    def _wait_for_rest(self, begin: bytes) -> None:
        """Keep the begin of a message; a large one must not be joined again with each piece of it."""
        self._buffer = begin
        self._missing = type_and_length(begin, 0)[1] + 1 - len(begin) if len(begin) >= HEADER else 1

    def _is_kept_notice(self, tag: int) -> bool:
        return tag == NOTICE and self._notices_kept

    def _note(self, tag: int, data: bytes, position: int, end: int) -> None:
        if tag in COMPLETIONS:
            self.answered += 1
        elif tag == READY:
            self.ready += 1
            self.status = data[position + HEADER]
            self.failed = self.copy_in = False
            self.answered_in_group = self.answered
            self.sent = self.answered = 0
        elif tag == ERROR:
            self.failed = True
            self.errors += 1
            fields = data[position + HEADER : end]
            self.sqlstate = fields.partition(b"\0C")[2][:5].decode("ascii", "replace")
            self.fatal = b"\0VFATAL\0" in fields or b"\0VPANIC\0" in fields
        elif tag == PARAMETER:
            name, value, _ = data[position + HEADER : end].split(b"\0")
            self.parameters[name.decode()] = value.decode("utf-8", "replace")
        elif tag in COPY_IN:
            self.copy_in = True
        elif tag == AUTHENTICATION:
            code = int.from_bytes(data[position + HEADER : position + HEADER + 4])
            self.authentication = 0 if code in (AUTHENTICATION_OK, SASL_FINAL) else code
        elif tag == KEY:
            self.process_id = int.from_bytes(data[position + HEADER : position + HEADER + 4])
            self.key = data[position + HEADER + 4 : end]
        else:
            return
        self._wake()

    def _tell(self, frame: bytes) -> None:
        start = frame.index(TOLD) + len(TOLD)
        self.on_told(frame[start : frame.index(b"\0", start)].decode("utf-8", "replace"))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def open_backend(backend: TwinBackend, socket_path: Path) -> None:
    """Open a connection to the twin; the startup message is the caller's.

    Raises: OSError when the twin does not listen.
    """
    await asyncio.get_running_loop().create_unix_connection(lambda: backend, str(socket_path))


async def cancel_backend(socket_path: Path, backend: TwinBackend) -> None:
    """Send a CancelRequest for what a backend runs; the twin answers nothing, it closes."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path))
    size = 12 + len(backend.key)
    writer.write(struct.pack(">III", size, CANCEL_REQUEST_CODE, backend.process_id) + backend.key)
    await reader.read()
    writer.close()
