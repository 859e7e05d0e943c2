"""The client's prepared statements and portals that read the lake. All others live in the twin alone."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from pgserver.encode.rows import RowChunk
from pgserver.executors.base import Result
from pgserver.plan.planner import LakeStatement, Parameter


@dataclass(slots=True)
class LakePortal:
    """A bound lake statement; its stream starts with the first Execute and lives until its end."""

    statement: LakeStatement
    parameters: tuple[Parameter, ...]
    formats: tuple[int, ...]  # one per result column
    chunks: AsyncGenerator[RowChunk, None] | None = None
    rest: RowChunk | None = None  # what an Execute with a row limit left of its last chunk
    done: bool = False

    def start(self, result: Result) -> None:
        """Take over a result."""
        self.chunks = result.chunks

    async def next_chunk(self) -> RowChunk | None:
        """Return the next rows, None at the end."""
        if self.rest is not None:
            chunk, self.rest = self.rest, None
            return chunk
        assert self.chunks is not None
        async for chunk in self.chunks:
            return chunk
        self.done = True
        return None

    async def close(self) -> None:
        """Free the engine."""
        if self.chunks is not None:
            await self.chunks.aclose()


@dataclass(slots=True)
class Portals:
    """Names as the twin will have them once it has answered: a change counts when its message is confirmed.

    A failed Parse leaves the old statement of that name in place, so what is not confirmed is kept apart, with the
    number of the message (`TwinBackend.sent`) that it depends on.
    """

    statements: dict[str, LakeStatement | None] = field(default_factory=dict)
    portals: dict[str, LakePortal | None] = field(default_factory=dict)
    _pending: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _new_statements: dict[str, LakeStatement | None] = field(default_factory=dict)
    _new_portals: dict[str, LakePortal | None] = field(default_factory=dict)
    _dropped: list[LakePortal] = field(default_factory=list)

    def statement(self, name: str) -> LakeStatement | None:
        """Return the lake statement of a name, None when the twin alone knows it."""
        return self._new_statements[name] if name in self._new_statements else self.statements.get(name)

    def portal(self, name: str) -> LakePortal | None:
        """Return the lake portal of a name, None when the twin alone knows it."""
        return self._new_portals[name] if name in self._new_portals else self.portals.get(name)

    def set_statement(self, message: int, name: str, statement: LakeStatement | None) -> None:
        """Note what a Parse or Close will have done."""
        self._new_statements[name] = statement
        self._pending.append((message, lambda: self._put_statement(name, statement)))

    def set_portal(self, message: int, name: str, portal: LakePortal | None) -> None:
        """Note what a Bind or Close will have done."""
        self._new_portals[name] = portal
        self._pending.append((message, lambda: self._put_portal(name, portal)))

    def _put_statement(self, name: str, statement: LakeStatement | None) -> None:
        if statement is None:
            self.statements.pop(name, None)
        else:
            self.statements[name] = statement

    def _put_portal(self, name: str, portal: LakePortal | None) -> None:
        old = self.portals.pop(name, None)
        if old is not None:
            self._dropped.append(old)
        if portal is not None:
            self.portals[name] = portal

    def confirm(self, answered: int) -> None:
        """Make true what the first `answered` messages did, and forget the rest if there was an error."""
        for message, change in self._pending:
            if message <= answered:
                change()
        self._pending.clear()
        self._new_statements.clear()
        self._new_portals.clear()

    async def close_dropped(self) -> None:
        """Free the engines of portals that were replaced or closed."""
        dropped, self._dropped = self._dropped, []
        for portal in dropped:
            await portal.close()

    async def close_all(self) -> None:
        """Forget all portals: the transaction has ended."""
        self._dropped.extend(portal for portal in self.portals.values() if portal is not None)
        self.portals.clear()
        await self.close_dropped()
