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
class _Record:
    strikes: int = 0
    last_strike: float = 0.0
    bans: int = 0
    banned_until: float = 0.0


@dataclass(slots=True)
class _Address:
    peers: dict[bytes, float] = field(default_factory=dict)
    banned_until: float = 0.0


class BanList:
    """Bounded memory of misbehaviour. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._peers: OrderedDict[bytes, _Record] = OrderedDict()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def strike(self, peer: bytes, fault: Fault, ip: str | None) -> bool:
        """Hold a fault against a peer that talks to us from `ip`; True if it is banned by it."""
        now = self._clock()
        record = self._peers.pop(peer, None) or _Record()
        if now - record.last_strike > STRIKE_MEMORY_SECONDS:
            record.strikes = 0
        record.strikes += fault
        record.last_strike = now
        _remember(self._peers, peer, record)
        if record.strikes < STRIKES_TO_BAN:
            return False
        record.strikes = 0
        record.banned_until = now + min(MAX_BAN_SECONDS, BAN_SECONDS * 2**record.bans)
        record.bans += 1
        if ip is not None and not _is_this_machine(ip):
            self._blame_address(ip, peer, record.banned_until)
        return True

    def is_peer_banned(self, peer: bytes) -> bool:
        """Whether this peer id is shut out now."""
        record = self._peers.get(peer)
        return record is not None and record.banned_until > self._clock()

    def is_ip_banned(self, ip: str) -> bool:
        """Whether this address is shut out now: three banned peers came from it."""
        address = self._addresses.get(ip)
        return address is not None and address.banned_until > self._clock()

    def _blame_address(self, ip: str, peer: bytes, until: float) -> None:
        now = self._clock()
        address = self._addresses.pop(ip, None) or _Address()
        address.peers = {known: end for known, end in address.peers.items() if end > now} | {peer: until}
        if len(address.peers) >= BANNED_IDS_PER_IP:
            address.banned_until = max(address.peers.values())
            address.peers = {}
        _remember(self._addresses, ip, address)


def _remember(records: OrderedDict[Any, Any], key: bytes | str, record: _Record | _Address) -> None:
    records[key] = record
    if len(records) > MAX_RECORDS:
        records.popitem(last=False)


def _is_this_machine(ip: str) -> bool:
    """Loopback addresses are our own nodes': one bad program must not shut the others out."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False
