"""What the roles ask of the peer-to-peer network: hear of batches early, fetch their bodies, tell intents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import trio

from poe.rollup.types import Address, Batch, BatchNumber, Hash, Header


class Verdict(StrEnum):
    """What becomes of a gossiped message: relay it, drop it, or drop it and hold it against the sender."""

    ACCEPT = "accept"
    IGNORE = "ignore"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnnouncement:
    """A batch header as its sequencer gossips it; `signature` is 65 bytes over everything else, by its L1 key."""

    number: BatchNumber
    parent_hash: Hash
    batch_hash: Hash
    header: Header
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingIntent:
    """A hint, never a lock: `prover` works on `batch_hash` until `expires_at` (Unix seconds)."""

    number: BatchNumber
    batch_hash: Hash
    prover: bytes
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStats:
    """Counters of the network since start, for metrics."""

    peers: int
    mesh_peers: int
    accepted: int
    ignored: int
    rejected: int
    bad_frames: int
    equivocations: int = 0
    """How often a sequencer signed two different batches for one number and parent."""
    dropped: int = 0
    """Messages that fell out of our channels because nobody read them."""


BodySource = Callable[[BatchNumber], Awaitable[Batch | None]]
"""Serves our own batches to peers: by number, None when we do not have it."""


class Network(Protocol):
    """A running node of the peer-to-peer network."""

    @property
    def listen_address(self) -> str:
        """Our multiaddr with peer id: what others put in their bootstrap list."""

    @property
    def announcements(self) -> trio.MemoryReceiveChannel[BatchAnnouncement]:
        """Validated announcements, bounded, oldest dropped when nobody reads."""

    @property
    def intents(self) -> trio.MemoryReceiveChannel[ProvingIntent]: ...

    def set_head(self, number: BatchNumber) -> None:
        """Tell the highest batch number on L1: gossip far from it is ignored."""

    def set_sequencers(self, bonded: Iterable[Address], *, due: Iterable[Address]) -> None:
        """Tell who holds a seat on L1 and who of them may post about now: only theirs is delivered."""

    def stats(self) -> NetworkStats: ...

    async def announce(self, announcement: BatchAnnouncement) -> None:
        """Gossip our own batch header."""

    async def tell_intent(self, intent: ProvingIntent) -> None: ...

    async def fetch_body(self, number: BatchNumber, batch_hash: Hash) -> Batch:
        """Ask peers for a body and check it against its hash; NetError when nobody has it in time."""
