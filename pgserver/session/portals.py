"""The client's prepared statements and portals that read the lake. All others live in the twin alone."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from pgserver.encode.rows import RowChunk
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.planner import Parameter
from pgserver.plan.utility import Utility
from pgserver.session.cursor import LakePortal

Found = LakeStatement | Utility


@dataclass(slots=True)
class Outcome:
    """What running a utility statement gives. The tag gets the number of rows behind it where they are counted."""

    tag: str
    chunks: AsyncGenerator[RowChunk, None] | None = None
    counted: bool = True
    description: bytes = b""  # RowDescription, for the simple protocol
    head: bytes = b""  # goes in front of the rows in both protocols
    end: bytes = b""  # and behind them
    silent: bool = False  # the rows are counted only
    whole: bool = False  # an Execute's row limit does not count
    at_once: bool = False  # it runs to its end with the first Execute; what a row limit leaves waits
    rest: RowChunk | None = None  # what a row limit left
    done: bool = False
    returns_rows: bool = True  # Execute at its end gives none, else an error
    result: Callable[[int], int] = lambda rows: rows  # what the tag says of the rows


@dataclass(slots=True)
class UtilityPortal:
    """A bound utility statement."""

    name: str
    utility: Utility
    parameters: tuple[Parameter, ...]
    formats: tuple[int, ...]  # as Bind had them
    outcome: Outcome | None = None

    async def close(self) -> None:
        """Free what runs."""
        if self.outcome is not None and self.outcome.chunks is not None:
            await self.outcome.chunks.aclose()


Portal = LakePortal | UtilityPortal


@dataclass(slots=True)
class Portals:
    """Names as the twin will have them once it has answered: a change counts when its message is confirmed.

    A failed Parse leaves the old statement of that name in place, so what is not confirmed is kept apart, with the
    number of the message (`TwinBackend.sent`) that it depends on.
    """

    statements: dict[str, Found] = field(default_factory=dict)
    portals: dict[str, Portal] = field(default_factory=dict)
    _pending: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _new_statements: dict[str, Found | None] = field(default_factory=dict)
    _new_portals: dict[str, Portal | None] = field(default_factory=dict)
    _dropped: list[Portal] = field(default_factory=list)

    def statement(self, name: str) -> Found | None:
        """Return the lake statement of a name, None when the twin alone knows it."""
        return self._new_statements[name] if name in self._new_statements else self.statements.get(name)

    def portal(self, name: str) -> Portal | None:
        """Return the lake portal of a name, None when the twin alone knows it."""
        return self._new_portals[name] if name in self._new_portals else self.portals.get(name)

    def cursor(self, name: str) -> LakePortal | None:
        """Return the portal of a name that FETCH may read, None when the twin alone knows it."""
        portal = self.portal(name)
        return portal if isinstance(portal, LakePortal) else None

    def set_statement(self, message: int, name: str, statement: Found | None) -> None:
        """Note what a Parse or Close will have done."""
        if statement is None and self.statement(name) is None and name not in self._new_statements:
            return  # as most are: the twin's, under a name that was the twin's
        self._new_statements[name] = statement
        self._pending.append((message, lambda: self.put_statement(name, statement)))

    def set_portal(self, message: int, name: str, portal: Portal | None) -> None:
        """Note what a Bind or Close will have done."""
        if portal is None and self.portal(name) is None and name not in self._new_portals:
            return
        self._new_portals[name] = portal
        self._pending.append((message, lambda: self.put_portal(name, portal)))

    def put_statement(self, name: str, statement: Found | None) -> None:
        """Make a statement known, or forget it."""
        if statement is None:
            self.statements.pop(name, None)
        else:
            self.statements[name] = statement

    def put_portal(self, name: str, portal: Portal | None) -> None:
        """Make a portal known, or forget it."""
        old = self.portals.pop(name, None)
        if old is not None:
            self._dropped.append(old)
        if portal is not None:
            self.portals[name] = portal

    def forget(self, cursors: frozenset[str] | None, statements: frozenset[str] | None) -> None:
        """Forget names; None stands for all."""
        for name in list(self.portals) if cursors is None else cursors:
            self.put_portal(name, None)
        for name in list(self.statements) if statements is None else statements:
            self.put_statement(name, None)

    def when_confirmed(self, message: int, change: Callable[[], None]) -> None:
        """Note a change that the answer to a message makes."""
        self._pending.append((message, change))

    def confirm(self, answered: int) -> None:
        """Make true what the first `answered` messages did, and forget the rest if there was an error."""
        for message, change in self._pending:
            if message <= answered:
                change()
        self._pending.clear()
        self._new_statements.clear()
        self._new_portals.clear()

    @property
    def unpersisted(self) -> list[LakePortal]:
        """The cursors WITH HOLD whose transaction is still open."""
        portals = (portal for portal in self.portals.values() if isinstance(portal, LakePortal))
        return [portal for portal in portals if portal.hold and not portal.persisted and not portal.failed]

    async def close_dropped(self) -> None:
        """Free the engines of portals that were replaced or closed."""
        dropped, self._dropped = self._dropped, []
        for portal in dropped:
            await portal.close()

    async def close_all(self) -> None:
        """Forget all portals but cursors WITH HOLD that were kept: the transaction has ended."""
        for name, portal in list(self.portals.items()):
            if not (isinstance(portal, LakePortal) and portal.persisted):
                self.put_portal(name, None)
        await self.close_dropped()

    async def end(self) -> None:
        """Forget all portals: the session has ended."""
        self.forget(None, frozenset())
        await self.close_dropped()
