"""How many statements work in the engine at once; the others wait for their turn."""

import asyncio
from collections import OrderedDict, deque

from pgserver import metrics
from pgserver.protocol.errors import QueryCanceled

LIGHT_BYTES = 32 << 20  # of files to read; a statement that reads more is heavy


class Turns:
    """Those who wait: in the order of their arrival for one user, a turn for each user."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._users: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def add(self, user: str) -> "asyncio.Future[None]":
        """Queue up. Returns: what is done when it is the caller's turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._users.setdefault(user, deque()).append(turn)
        return turn

    def call(self) -> bool:
        """Wake who is next, and tell whether there was one."""
        while self._users:
            user, turns = self._users.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._users[user] = turns  # behind the other users
            if not turn.done():  # one that was canceled has left
                turn.set_result(None)
                return True
        return False


class Admission:
    """Places for statements that wait for the engine. One that waits for its client to read holds none.

    Heavy statements leave a quarter of the places to light ones, which so need not wait for the end of a long one.
    """

    def __init__(self, places: int) -> None:
        """Args: statements that may work at once."""
        self._free = places
        self._free_for_heavy = max(places - max(places // 4, 1), 1)
        self._waiting = {False: Turns(), True: Turns()}  # by whether they are heavy
        self._last_heavy = True

    async def enter(self, user: str, read_bytes: int, deadline: float | None = None) -> bool:
        """Take a place, or wait for one.

        Args: who asks; the bytes that the statement will read; the time of the loop's clock when it is late.
        Returns: whether the statement is heavy, for `leave`.
        Raises: QueryCanceled at the deadline.
        """
        heavy = read_bytes > LIGHT_BYTES
        if self._free > 0 and (not heavy or self._free_for_heavy > 0):
            self._take(heavy)
            return heavy
        turn = self._waiting[heavy].add(user)
        metrics.queries_waiting.inc()
        try:
            with metrics.queue_seconds.time():
                async with asyncio.timeout_at(deadline):
                    await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # called and canceled at once
                self.leave(heavy)
            if isinstance(error, TimeoutError):
                raise QueryCanceled("canceling statement due to statement timeout") from None
            raise
        finally:
            metrics.queries_waiting.dec()
        return heavy

    def reenter(self, heavy: bool) -> None:
        """Take a place for a statement that has begun: it does not wait again, so nobody waits for himself."""
        self._take(heavy)

    def leave(self, heavy: bool) -> None:
        """Give a place back."""
        self._free += 1
        self._free_for_heavy += heavy
        while self._free > 0 and (self._call(not self._last_heavy) or self._call(self._last_heavy)):
            pass

    def _call(self, heavy: bool) -> bool:
        if (heavy and self._free_for_heavy <= 0) or not self._waiting[heavy].call():
            return False
        self._last_heavy = heavy
        self._take(heavy)
        return True

    def _take(self, heavy: bool) -> None:
        self._free -= 1
        self._free_for_heavy -= heavy
