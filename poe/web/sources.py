"""What feeds the read model: L1 step by step, gossip, receipts, reports on disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from poe.errors import L1Error
from poe.l1.interface import ChainUpdate, Receipt
from poe.net.interface import Network
from poe.rollup.types import Hash
from poe.web.model import RaceModel

log = logging.getLogger("poe.web")

DOORS_SECONDS = 1.0
WAITING_RECEIPTS = 8192
"""Receipts still to be read; when L1 brings more than we can read, the oldest stay unknown."""
RETRY_SECONDS = 2.0

ReadReceipt = Callable[[Hash], Awaitable[Receipt | None]]
"""Reads a mined transaction's receipt; None when there is none. L1Error."""


class _Waiting:
    """Transactions whose receipts are still to be read: the newest first, the oldest make room."""

    def __init__(self) -> None:
        self._hashes: deque[Hash] = deque(maxlen=WAITING_RECEIPTS)
        self._more = trio.Event()

    def add(self, hashes: Sequence[Hash]) -> None:
        """These, oldest first."""
        self._hashes.extend(hashes)
        self._more.set()

    def give_back(self, tx_hash: Hash) -> None:
        """It could not be read: it comes last, if there is room."""
        if len(self._hashes) < WAITING_RECEIPTS:
            self._hashes.appendleft(tx_hash)

    async def take(self) -> Hash:
        """The newest, once there is one."""
        while not self._hashes:
            self._more = trio.Event()
            await self._more.wait()
        return self._hashes.pop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Keeps a model fed and calls `touch` after each change.

    `look_at_l1` tells how the endpoint does, as plain JSON values.
    """

    model: RaceModel
    network: Network | None
    look_at_l1: Callable[[], Mapping[str, Any]]
    read_receipt: ReadReceipt
    touch: Callable[[], None]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Callable[[ChainUpdate], None]]:
        """Feed the model while the context lasts; yields what to call with each step of L1."""
        waiting = _Waiting()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_doors)
            nursery.start_soon(self._read_receipts, waiting)
            if self.network is not None:
                nursery.start_soon(self._hear_intents, self.network)
                nursery.start_soon(self._hear_announcements, self.network)
            yield partial(self._follow, waiting)
            nursery.cancel_scope.cancel()

    def _follow(self, waiting: _Waiting, update: ChainUpdate) -> None:
        """A step of L1 that ledger and standings have taken."""
        waiting.add(self.model.apply(update))
        if self.network is not None:
            self.network.set_head(self.model.ledger.head()[0])
        self.touch()

    async def _read_receipts(self, waiting: _Waiting) -> None:
        while True:
            tx_hash = await waiting.take()
            try:
                receipt = await self.read_receipt(tx_hash)
            except L1Error as error:
                log.debug("receipt_not_read reason=%r", str(error))
                waiting.give_back(tx_hash)
                await trio.sleep(RETRY_SECONDS)
                continue
            if receipt is not None:
                self.model.price(receipt)
                self.touch()

    async def _hear_intents(self, network: Network) -> None:
        async for intent in network.intents:
            self.model.hear_intent(intent)
            self.touch()

    async def _hear_announcements(self, network: Network) -> None:
        async for announcement in network.announcements:
            self.model.hear_announcement(announcement)
            self.touch()

    async def _watch_doors(self) -> None:
        """Once a second: L1's endpoint, the network, the reports on disk."""
        while True:
            stats = None if self.network is None else self.network.stats()
            self.model.note_doors(l1=self.look_at_l1(), p2p=None if stats is None else _plain(stats))
            self.model.take_reports(await trio.to_thread.run_sync(self.model.reports.refresh))
            self.touch()
            await trio.sleep(DOORS_SECONDS)


def _plain(stats: Any) -> dict[str, int]:
    return {name: getattr(stats, name) for name in stats.__slots__}
