"""What was compiled before, by text and all else that changes its meaning; bounded in number and in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")

ENTRIES = 4096
TEXT_BYTES = 16 << 20  # of all texts; what is compiled of one takes a few times its size


class StatementMemory(Generic[Found]):
    """Compiled statements, the least recently used forgotten first."""

    def __init__(self, entries: int = ENTRIES, text_bytes: int = TEXT_BYTES) -> None:
        """Args: how many are kept; how long their texts may be together."""
        self._entries = entries
        self._text_bytes = text_bytes
        self._bytes = 0
        self._found: OrderedDict[Hashable, tuple[int, Found]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        """Whether a statement is known."""
        return key in self._found

    def __getitem__(self, key: Hashable) -> Found:
        """Return what was kept."""
        self._found.move_to_end(key)
        return self._found[key][1]

    def keep(self, key: Hashable, size: int, found: Found) -> None:
        """Keep what a text of so many bytes compiles to; one that is a great part of the whole is not kept."""
        if key in self._found or size > self._text_bytes // 16:
            return
        self._found[key] = size, found
        self._bytes += size
        while len(self._found) > self._entries or self._bytes > self._text_bytes:
            _, (dropped, _) = self._found.popitem(last=False)
            self._bytes -= dropped
