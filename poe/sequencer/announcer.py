"""Tells peers of a batch before L1 has it: signed at most once a number and parent, whatever happens to the process.

Two signatures under one number and parent cost the whole bond (docs/protocol.md, section 11). So what is about to be
signed is on disk first, and a second content for the same place is posted without a word: provers take it from L1.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import trio

from poe.errors import NetError
from poe.journal import Journal
from poe.net.interface import BatchAnnouncement, Network
from poe.rollup.types import BatchNumber, Hash
from poe.sequencer.chain import SealedBatch

log = logging.getLogger("poe.sequencer.announcer")

KIND = "announced"
"""Key: number (8 bytes) and parent hash. Body: the hash of the batch signed there; empty if it cannot be known."""
FLOOR_KIND = "announced-floor"
KEPT = 1024
FORGOTTEN_NUMBERS = 64
"""Without a journal of the seat's past no such number above L1's head is signed: a reorg may have lowered the head."""

SignAnnouncement = Callable[[BatchAnnouncement], BatchAnnouncement]
"""Fills in the signature by our L1 key."""


class Signed:
    """Which contents this account has signed, on disk.

    Nothing is signed at or below `floor`: whatever was signed there is forgotten.
    """

    def __init__(self, journal: Journal, *, head: BatchNumber, has_seat: bool) -> None:
        """`head` is L1's last batch. A new journal, or one with damaged records, cannot tell what an account with a
        seat has signed: so nothing is until L1 is well beyond it.
        """
        self._journal = journal
        body = journal.get(FLOOR_KIND, b"")
        self._places = deque(key for key, _ in journal.items(KIND))
        self.floor = int.from_bytes(body) if body is not None else 0
        if journal.dropped or (body is None and has_seat):
            # While L1 has ordered nothing only its first batch can have been announced.
            self._write_floor(max(self.floor, head + FORGOTTEN_NUMBERS if head else 1))
        elif body is None:
            self._write_floor(0)

    def claim(self, number: BatchNumber, parent_hash: Hash, batch_hash: Hash) -> bool:
        """May this content be signed? If so that is on disk when this returns, and no other ever may be."""
        if number <= self.floor:
            return False
        place, dropped = number.to_bytes(8) + parent_hash, self._journal.dropped
        known = self._journal.get(KIND, place)
        if known is None:
            # A record that its disk has damaged says only that something was signed.
            known = batch_hash if self._journal.dropped == dropped else b""
            self._write(place, known)
        return known == batch_hash

    def _write(self, place: bytes, content: bytes) -> None:
        with self._journal.together():
            self._journal.put(KIND, place, content)
            self._places.append(place)
            while len(self._places) > KEPT:
                oldest = min(self._places)
                self._places.remove(oldest)
                self._journal.delete(KIND, oldest)
                self._write_floor(max(self.floor, int.from_bytes(oldest[:8])))

    def _write_floor(self, number: int) -> None:
        self._journal.put(FLOOR_KIND, b"", number.to_bytes(8))
        self.floor = number


class Announcer:
    """Gossips the header of a batch that is about to be posted: provers may begin while L1 still mines it."""

    def __init__(
        self, *, network: Network | None, signed: Signed, sign: SignAnnouncement, head_start_seconds: float = 0.0
    ) -> None:
        """`network` is None when gossip is off: then nothing is ever signed."""
        self._network = network
        self._signed = signed
        self._sign = sign
        self._head_start_seconds = head_start_seconds
        self._announced: SealedBatch | None = None

    async def announce(self, sealed: SealedBatch) -> None:
        """Tell peers, once, and leave them their head start; gossip that fails holds nothing up."""
        if self._network is None or self._announced is sealed:
            return
        self._announced = sealed
        if not self._signed.claim(sealed.number, sealed.parent_hash, sealed.batch_hash):
            log.info("batch_not_announced number=%d reason='another content may be signed there'", sealed.number)
            return
        announcement = BatchAnnouncement(
            number=sealed.number,
            parent_hash=sealed.parent_hash,
            batch_hash=sealed.batch_hash,
            header=sealed.batch.header,
            signature=b"",
        )
        try:
            await self._network.announce(self._sign(announcement))
        except NetError as error:
            log.warning("batch_not_announced number=%d reason=%r", sealed.number, str(error))
        else:
            await trio.sleep(self._head_start_seconds)
