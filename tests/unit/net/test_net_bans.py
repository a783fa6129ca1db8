"""Strikes and bans: how many faults, how long, and what an address answers for."""

from __future__ import annotations

import pytest

from poe.net import bans
from poe.net.bans import BAN_SECONDS, BanList, Fault

HOME = "203.0.113.7"


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ban_list(clock: Clock) -> BanList:
    return BanList(clock)


def ban(ban_list: BanList, peer: bytes, ip: str | None = HOME) -> None:
    while not ban_list.strike(peer, Fault.REJECTED, ip):
        pass


@pytest.mark.parametrize(("fault", "allowed"), [(Fault.REJECTED, 2), (Fault.BAD_FRAME, 19)])
def test_a_ban_comes_with_the_last_of_its_strikes(ban_list: BanList, fault: Fault, allowed: int) -> None:
    assert [ban_list.strike(b"p", fault, HOME) for _ in range(allowed)] == [False] * allowed
    assert not ban_list.is_peer_banned(b"p")
    assert ban_list.strike(b"p", fault, HOME)
    assert ban_list.is_peer_banned(b"p")
    assert not ban_list.is_peer_banned(b"q")


def test_old_strikes_are_forgiven(ban_list: BanList, clock: Clock) -> None:
    ban_list.strike(b"p", Fault.REJECTED, HOME)
    ban_list.strike(b"p", Fault.REJECTED, HOME)
    clock.now += 601
    assert not ban_list.strike(b"p", Fault.REJECTED, HOME)


def test_each_ban_is_twice_as_long_up_to_a_day(ban_list: BanList, clock: Clock) -> None:
    for seconds in (BAN_SECONDS, 2 * BAN_SECONDS, 4 * BAN_SECONDS):
        ban(ban_list, b"p")
        clock.now += seconds - 1
        assert ban_list.is_peer_banned(b"p")
        clock.now += 1
        assert not ban_list.is_peer_banned(b"p")
    for _ in range(12):
        ban(ban_list, b"p")
    clock.now += bans.MAX_BAN_SECONDS
    assert not ban_list.is_peer_banned(b"p")


def test_three_banned_ids_ban_their_address(ban_list: BanList, clock: Clock) -> None:
    for peer in (b"1", b"2"):
        ban(ban_list, peer)
    assert not ban_list.is_ip_banned(HOME)
    ban(ban_list, b"3")
    assert ban_list.is_ip_banned(HOME)
    assert not ban_list.is_ip_banned("203.0.113.8")
    clock.now += BAN_SECONDS
    assert not ban_list.is_ip_banned(HOME)


def test_one_id_banned_three_times_does_not_ban_its_address(ban_list: BanList) -> None:
    for _ in range(3):
        ban(ban_list, b"1")
    assert not ban_list.is_ip_banned(HOME)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "127.9.9.9"])
def test_this_machine_is_never_banned_by_address(ban_list: BanList, ip: str) -> None:
    for peer in (b"1", b"2", b"3", b"4"):
        ban(ban_list, peer, ip)
    assert ban_list.is_peer_banned(b"4")
    assert not ban_list.is_ip_banned(ip)


def test_memory_is_bounded(ban_list: BanList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "MAX_RECORDS", 4)
    for peer in range(10):
        ban_list.strike(bytes([peer]), Fault.BAD_FRAME, HOME)
    assert len(ban_list._strikes) == 4


def test_a_flood_of_small_faults_does_not_free_those_who_are_banned(
    ban_list: BanList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bans, "MAX_RECORDS", 4)
    ban(ban_list, b"bad")
    for peer in range(10):
        ban_list.strike(bytes([peer]), Fault.BAD_FRAME, HOME)
    assert ban_list.is_peer_banned(b"bad")
