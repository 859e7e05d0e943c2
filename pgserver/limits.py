"""Who may knock and how often, by address: what is refused before PostgreSQL is asked."""

import ipaddress
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

FAILURES = 12
FAILURES_WITHIN_S = 300.0
SHUT_S = 300.0
MAX_ADDRESSES = 10_000  # remembered; the one not seen for longest goes first
CANCELS_AT_ONCE = 100
CANCELS_PER_SECOND = 20.0
MAX_SOCKETS_BEFORE_LOGIN = 1000
MAX_LOGINS_AT_ONCE = 64  # each has a backend of the twin already

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Clock = Callable[[], float]
T = TypeVar("T")


def client_of(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the 64 bits that one IPv6 customer is given."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(slots=True)
class Bucket:
    """A bucket of tokens that leaks in again with time."""

    tokens: float
    at: float

    def take(self, now: float, size: float, per_second: float) -> bool:
        """Take one token, if there is one."""
        self.tokens = min(size, self.tokens + (now - self.at) * per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Failures:
    """The last failed logins of an address, and until when it is shut out for them."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    shut_until: float = 0.0


class WaitingRoom:
    """At most `size` who have not logged in. When it is full, who has waited longest makes room.

    Of the address that has the most in it: so that one address with idle sockets cannot shut others out.
    """

    def __init__(self, size: int) -> None:
        """Args: how many may wait."""
        self._size = size
        self._entries: OrderedDict[object, tuple[str, Callable[[], None]]] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        """Return how many wait now."""
        return len(self._entries)

    @contextmanager
    def enter(self, address: str, leave: Callable[[], None]) -> Iterator[None]:
        """Wait in here. Args: the client; how to send it away."""
        if len(self._entries) >= self._size:
            self._make_room()
        key = object()
        self._entries[key] = (client_of(address), leave)
        try:
            yield
        finally:
            self._entries.pop(key, None)

    def _make_room(self) -> None:
        counts = Counter(client for client, _ in self._entries.values())
        most = max(counts, key=counts.__getitem__)
        key = next(key for key, (client, _) in self._entries.items() if client == most)
        _, leave = self._entries.pop(key)
        self.evicted += 1
        leave()


class Door:
    """The limits by address, one for all sockets of a server."""

    def __init__(self, networks: Sequence[Network] = (), clock: Clock = time.monotonic) -> None:
        """Args: the networks that may connect (none: all); a clock, in seconds."""
        self._networks = tuple(networks)
        self._clock = clock
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._cancels: OrderedDict[str, Bucket] = OrderedDict()
        self.sockets = WaitingRoom(MAX_SOCKETS_BEFORE_LOGIN)
        self.logins = WaitingRoom(MAX_LOGINS_AT_ONCE)

    def admits(self, address: str) -> bool:
        """Whether the operator lets this address in at all."""
        if not self._networks:
            return True
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def is_shut(self, address: str) -> bool:
        """Whether this address has failed to log in too often."""
        failures = self._failures.get(client_of(address))
        return failures is not None and self._clock() < failures.shut_until

    def login_failed(self, address: str) -> None:
        """Count a wrong password or an unknown user; enough of them shut the door."""
        now = self._clock()
        failures = remember(self._failures, client_of(address), Failures)
        failures.times.append(now)
        if len(failures.times) == FAILURES and now - failures.times[0] <= FAILURES_WITHIN_S:
            failures.shut_until = now + SHUT_S
            failures.times.clear()

    def may_cancel(self, address: str) -> bool:
        """Whether a cancel request of this address is looked at: each one costs a connection to the twin."""
        now = self._clock()
        bucket = remember(self._cancels, client_of(address), lambda: Bucket(CANCELS_AT_ONCE, now))
        return bucket.take(now, CANCELS_AT_ONCE, CANCELS_PER_SECOND)


def remember(known: OrderedDict[str, T], client: str, make: Callable[[], T]) -> T:
    """Return what is kept for a client; of too many clients the one not seen for longest is forgotten."""
    if client not in known:
        known[client] = make()
        if len(known) > MAX_ADDRESSES:
            known.popitem(last=False)
    known.move_to_end(client)
    return known[client]
