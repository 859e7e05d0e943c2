"""One statement as the server sees it: what its child process has sent, and what the reader has taken of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pgserver.encode.rows import RowChunk
from pgserver.engine.errors import Failure


@dataclass(frozen=True, slots=True)
class End:
    """The statement is done; `text` is the answer of an EXPLAIN."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """The child is gone, and the statement with it."""


DEADLINE_GRACE_S = 2.0  # after an interrupt at the deadline, until the process is killed
CANCEL_GRACE_S = 10.0  # the same after a cancel, which hurries nobody else

Event: TypeAlias = RowChunk | End | Failure | Died


class Stream:
    """Events of a statement, in order; the last one is not a chunk."""

    def __init__(self, number: int, more: Callable[[int], None], cancel: Callable[[int, float], None]) -> None:
        """Args: the statement's number in its child; how to ask for one more chunk; how to have it interrupted.

        The last one is given the seconds after which the child is killed for it.
        """
        self.number = number
        self.timed_out = False
        self._more = more
        self._cancel = cancel
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._abandoned = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the child still works on it."""
        return not self._ended

    @property
    def has_event(self) -> bool:
        """Whether `take` returns at once."""
        return bool(self._events)

    def put(self, event: Event) -> None:
        """Take what the child sent."""
        if not isinstance(event, RowChunk):
            self._ended = True
            self._stop_timer()
        if self._abandoned:
            return
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def peek(self) -> Event:
        """Wait for the next event and leave it where it is."""
        while not self._events:
            assert not self._ended or not self._abandoned, "a stream is read after its end"
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._events[0]

    async def take(self) -> Event:
        """Wait for the next event; a chunk that is taken makes room for another."""
        event = await self.peek()
        if isinstance(event, RowChunk):
            self._events.popleft()
            if not self._ended:
                self._more(self.number)
        return event

    def end_at(self, deadline: float | None) -> None:
        """Have the statement interrupted at a time of the loop's clock."""
        if deadline is not None and not self._ended:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)

    def _expire(self) -> None:
        self.timed_out = True
        self._cancel(self.number, DEADLINE_GRACE_S)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def abandon(self) -> None:
        """Nobody reads on: drop what is here and have the statement interrupted."""
        if self._abandoned:
            return
        self._abandoned = True
        self._events.clear()
        self._stop_timer()
        if not self._ended:
            self._cancel(self.number, CANCEL_GRACE_S)
