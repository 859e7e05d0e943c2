"""Who is connected and runs what: how many may be, the way of a cancel request to its session, the end of them all."""

import hmac
from typing import Protocol

from pgserver.protocol.errors import PostgresError


class Cancellable(Protocol):
    """A session, as far as this registry knows it."""

    @property
    def user(self) -> str:
        """Who has logged in."""

    @property
    def resting(self) -> bool:
        """Whether it waits for its client."""

    @property
    def between_transactions(self) -> bool:
        """Whether nothing is lost when it ends now."""

    @property
    def process_id(self) -> int:
        """The process id that its client was told."""

    @property
    def key(self) -> bytes:
        """The secret that a cancel request must give."""

    pins: dict[int, str]  # the snapshots that its transaction has read

    async def cancel(self, *, twin_knows: bool = False) -> None:
        """Cancel the running statement, if there is one. Args: whether its twin backend has been told already."""

    def end(self, error: PostgresError) -> None:
        """End the session now; the client is told why."""


class Activity:
    """The sessions."""

    def __init__(self, max_sessions: int, reserved: int = 0, reserved_for: str | None = None) -> None:
        """Args: how many sessions; how many of them are kept for one user, and who that is."""
        self._max_sessions = max_sessions
        self._reserved = reserved if reserved_for is not None else 0
        self._reserved_for = reserved_for
        self._sessions: dict[int, Cancellable] = {}
        self.draining = False

    def has_room(self, user: str) -> bool:
        """Whether one more session of this user may begin."""
        reserved = 0 if user == self._reserved_for else self._reserved
        return len(self._sessions) < self._max_sessions - reserved

    def add(self, session: Cancellable) -> None:
        """Register a session that has logged in."""
        self._sessions[id(session)] = session

    def remove(self, session: Cancellable) -> None:
        """Forget a session, also one that never logged in."""
        self._sessions.pop(id(session), None)

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._sessions)

    def sessions(self) -> list[Cancellable]:
        """Return the sessions."""
        return list(self._sessions.values())

    def session(self, process_id: int) -> Cancellable | None:
        """Return the session of a backend of the twin, or None."""
        return next((session for session in self._sessions.values() if session.process_id == process_id), None)

    async def cancel(self, process_id: int, key: bytes) -> bool:
        """Pass a cancel request to its session; False when the process id or the key is wrong."""
        session = self.session(process_id)
        if session is None or not hmac.compare_digest(session.key, key):
            return False
        await session.cancel()
        return True

    async def cancel_process(self, process_id: int) -> None:
        """Cancel what a session runs, for one that PostgreSQL has allowed to: `pg_cancel_backend`."""
        session = self.session(process_id)
        if session is not None:
            await session.cancel(twin_knows=True)
