"""Stages that run at the same time, each in a thread, with a bound on what lies between them."""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What a stage hands on."""

    @property
    def nbytes(self) -> int:
        """Size in memory."""


S = TypeVar("S", bound=Sized)

# From this size on an item passes all stages before the next one is made: its copies are what fills the memory.
HUGE_BYTES = 32 << 20


class _Channel(Generic[S]):
    """The items between a producer and a consumer, and how the two end."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.changed = threading.Condition()
        self.items: deque[S] = deque()
        self.bytes = 0  # of the items here, and of the one that the consumer works on
        self.done = False
        self.abandoned = False
        self.error: BaseException | None = None

    def put(self, item: S) -> bool:
        """Wait for room, then add; an item larger than the bound passes alone. Returns: whether anybody wants more."""
        with self.changed:
            while self.bytes and self.bytes + item.nbytes > self.limit_bytes and not self.abandoned:
                self.changed.wait()
            self.items.append(item)
            self.bytes += item.nbytes
            self.changed.notify_all()
            return not self.abandoned

    def settle(self) -> None:
        """Wait until the consumer is done with all there is."""
        with self.changed:
            while self.bytes and not self.abandoned:
                self.changed.wait()


def ahead(items: Iterable[S], limit_bytes: int, name: str) -> Generator[S, None, None]:
    """Yield the items of a producer that runs ahead in a thread of its own.

    An error of the producer is raised here. When the consumer stops early (`close`, or an error), the producer is
    closed in its thread before this returns: an open COPY, for example, is cancelled.
    Args: the producer; how much it may be ahead; the thread's name.
    """
    channel: _Channel[S] = _Channel(limit_bytes)
    thread = threading.Thread(target=_produce, args=(items, channel), name=name, daemon=True)
    thread.start()
    try:
        while True:
            with channel.changed:
                while not channel.items and not channel.done:
                    channel.changed.wait()
                if not channel.items:
                    break
                item = channel.items.popleft()
            nbytes = item.nbytes
            yield item
            del item  # it may be large, and the next may be long in coming
            with channel.changed:
                channel.bytes -= nbytes
                channel.changed.notify_all()
    finally:
        with channel.changed:
            channel.abandoned = True
            channel.changed.notify_all()
        thread.join()
    if channel.error is not None:
        raise channel.error


def _produce(items: Iterable[S], channel: _Channel[S]) -> None:
    try:
        iterator = iter(items)
        try:
            for item in iterator:
                is_huge = item.nbytes >= HUGE_BYTES
                wanted = channel.put(item)
                del item
                if not wanted:
                    break
                if is_huge:
                    channel.settle()
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
    except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
        channel.error = error
    finally:
        with channel.changed:
            channel.done = True
            channel.changed.notify_all()
