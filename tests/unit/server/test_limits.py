"""Limits by address, by a clock of our own."""

import ipaddress

import pytest

from pgserver.limits import CANCELS_AT_ONCE, CANCELS_PER_SECOND, MAX_ADDRESSES, Door, WaitingRoom, client_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(door: Door, times: int, address: str = "10.0.0.1") -> None:
    for _ in range(times):
        door.login_failed(address)


def test_twelve_failures_in_five_minutes_shut_the_door_for_five() -> None:
    clock = Clock()
    door = Door(clock=clock)
    fail(door, 11)
    assert not door.is_shut("10.0.0.1")
    fail(door, 1)
    assert door.is_shut("10.0.0.1")
    assert not door.is_shut("10.0.0.2")
    clock.now += 299
    assert door.is_shut("10.0.0.1")
    clock.now += 2
    assert not door.is_shut("10.0.0.1")
    fail(door, 11)  # it counts anew
    assert not door.is_shut("10.0.0.1")


def test_failures_that_are_far_apart_shut_nothing() -> None:
    clock = Clock()
    door = Door(clock=clock)
    for _ in range(100):
        fail(door, 1)
        clock.now += 301 / 11
    assert not door.is_shut("10.0.0.1")


def test_what_is_remembered_is_bounded() -> None:
    door = Door(clock=Clock())
    fail(door, 12, "10.255.0.1")
    for number in range(MAX_ADDRESSES):
        fail(door, 1, str(ipaddress.ip_address(number)))
    assert len(door._failures) == MAX_ADDRESSES


def test_cancel_requests_have_a_rate() -> None:
    clock = Clock()
    door = Door(clock=clock)
    assert sum(door.may_cancel("10.0.0.1") for _ in range(1000)) == CANCELS_AT_ONCE
    assert door.may_cancel("10.0.0.2")
    clock.now += 1
    assert sum(door.may_cancel("10.0.0.1") for _ in range(1000)) == CANCELS_PER_SECOND


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_client_has_one_name(address: str, client: str) -> None:
    assert client_of(address) == client


@pytest.mark.parametrize(
    ("address", "admitted"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.0.0.1", False), ("::1", True), ("", False)],
)
def test_networks(address: str, admitted: bool) -> None:
    door = Door([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")])
    assert door.admits(address) is admitted
    assert Door().admits(address)


def test_who_fills_the_room_makes_room() -> None:
    room = WaitingRoom(3)
    left: list[str] = []
    guests = [room.enter(address, lambda name=name: left.append(name)) for name, address in (  # type: ignore[misc]
        ("first", "10.0.0.1"), ("crowd 1", "10.0.0.2"), ("crowd 2", "10.0.0.2"), ("last", "10.0.0.3")
    )]  # fmt: skip
    for guest in guests:
        guest.__enter__()
    assert left == ["crowd 1"]
    assert len(room) == 3
    for guest in guests:
        guest.__exit__(None, None, None)
    assert len(room) == 0
