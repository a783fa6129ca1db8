"""Who is shut out, and for how long: strikes by peer id, bans by peer id and by IP address."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

BAN_SECONDS = 600.0
"""Length of a first ban; each further one of the same peer is twice the one before."""
MAX_BAN_SECONDS = 86_400.0
STRIKE_MEMORY_SECONDS = 600.0
STRIKES_TO_BAN = 60
BANNED_IDS_PER_IP = 3
MAX_RECORDS = 4096


class Fault(IntEnum):
    """What a peer did; the value is how many strikes it counts."""

    BAD_FRAME = 3
    """Not a frame, or a bad libp2p signature: 20 of them are a ban."""
    REJECTED = 20
    """A message or a body that is provably false: 3 of them are a ban."""


@dataclass(slots=True)
class _Strikes:
    count: int = 0
    last: float = 0.0


@dataclass(slots=True)
class _Ban:
    until: float = 0.0
    times: int = 0


@dataclass(slots=True)
class _Address:
    banned_peers: dict[bytes, float] = field(default_factory=dict)
    banned_until: float = 0.0


class BanList:
    """Bounded memory of misbehaviour. `clock` is monotonic, in seconds.

    Strikes and bans are kept apart: a flood of fresh ids with a small fault each must not push out bans.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._strikes: OrderedDict[bytes, _Strikes] = OrderedDict()
        self._bans: OrderedDict[bytes, _Ban] = OrderedDict()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def strike(self, peer: bytes, fault: Fault, ip: str | None) -> bool:
        """Hold a fault against a peer that talks to us from `ip`; True if it is banned by it."""
        now = self._clock()
        strikes = self._strikes.pop(peer, None) or _Strikes()
        if now - strikes.last > STRIKE_MEMORY_SECONDS:
            strikes.count = 0
        strikes.count += fault
        strikes.last = now
        if strikes.count < STRIKES_TO_BAN:
            _remember(self._strikes, peer, strikes)
            return False
        until = self._ban(peer)
        if ip is not None and not _is_this_machine(ip):
            self._blame_address(ip, peer, until)
        return True

    def is_peer_banned(self, peer: bytes) -> bool:
        """Whether this peer id is shut out now."""
        ban = self._bans.get(peer)
        return ban is not None and ban.until > self._clock()

    def is_ip_banned(self, ip: str) -> bool:
        """Whether this address is shut out now: three banned peers came from it."""
        address = self._addresses.get(ip)
        return address is not None and address.banned_until > self._clock()

    def _ban(self, peer: bytes) -> float:
        """Ban a peer id; returns until when."""
        ban = self._bans.pop(peer, None) or _Ban()
        ban.until = self._clock() + min(MAX_BAN_SECONDS, BAN_SECONDS * 2**ban.times)
        ban.times = min(ban.times + 1, 16)
        _remember(self._bans, peer, ban)
        return ban.until

    def _blame_address(self, ip: str, peer: bytes, until: float) -> None:
        now = self._clock()
        address = self._addresses.pop(ip, None) or _Address()
        still_banned = {known: end for known, end in address.banned_peers.items() if end > now}
        address.banned_peers = still_banned | {peer: until}
        if len(address.banned_peers) >= BANNED_IDS_PER_IP:
            address.banned_until = max(address.banned_peers.values())
            address.banned_peers = {}
        _remember(self._addresses, ip, address)


def _remember(records: OrderedDict[Any, Any], key: bytes | str, record: object) -> None:
    records[key] = record
    if len(records) > MAX_RECORDS:
        records.popitem(last=False)


def _is_this_machine(ip: str) -> bool:
    """Loopback addresses are our own nodes': one bad program must not shut the others out."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False
