"""What was compiled before, by text and all else that changes its meaning; bounded in number and in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Found = TypeVar("Found")

ENTRIES = 4096
TEXT_BYTES = 16 << 20  # of all texts; what is compiled of one takes a few times its size


@dataclass(frozen=True, slots=True)
class Known(Generic[Found]):
    """What a text of so many bytes compiles to."""

    size: int
    found: Found


class StatementMemory(Generic[Found]):
    """Compiled statements, the least recently used forgotten first."""

    def __init__(self, entries: int = ENTRIES, text_bytes: int = TEXT_BYTES) -> None:
        """Args: how many are kept; how long their texts may be together."""
        self._entries = entries
        self._text_bytes = text_bytes
        self._bytes = 0
        self._known: OrderedDict[Hashable, Known[Found]] = OrderedDict()

    def find(self, key: Hashable) -> Known[Found] | None:
        """Return what was kept, None for a statement that is not known."""
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    def keep(self, key: Hashable, size: int, found: Found) -> None:
        """Keep what a text of so many bytes compiles to; one that is a great part of the whole is not kept."""
        if key in self._known or size > self._text_bytes // 16:
            return
        self._known[key] = Known(size, found)
        self._bytes += size
        while len(self._known) > self._entries or self._bytes > self._text_bytes:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= dropped.size
