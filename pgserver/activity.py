"""Who is connected and runs what: the way of a cancel request to its session."""

import hmac
from typing import Protocol


class Cancellable(Protocol):
    """A session, as far as this registry knows it."""

    @property
    def process_id(self) -> int:
        """The process id that its client was told."""

    @property
    def key(self) -> bytes:
        """The secret that a cancel request must give."""

    async def cancel(self) -> None:
        """Cancel the running statement, if there is one."""


class Activity:
    """The sessions by process id."""

    def __init__(self) -> None:
        """Start with none."""
        self._sessions: dict[int, Cancellable] = {}

    def add(self, session: Cancellable) -> None:
        """Register a session that has logged in."""
        self._sessions[session.process_id] = session

    def remove(self, session: Cancellable) -> None:
        """Forget a session; one that never logged in is not known."""
        if self._sessions.get(session.process_id) is session:
            del self._sessions[session.process_id]

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    async def cancel(self, process_id: int, key: bytes) -> bool:
        """Pass a cancel request to its session; False when the process id or the key is wrong."""
        session = self._sessions.get(process_id)
        if session is None or not hmac.compare_digest(session.key, key):
            return False
        await session.cancel()
        return True
