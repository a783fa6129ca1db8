"""The launcher's own eyes on L1: standings and heights from events, and the gas of the race's transactions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import trio

from poe.assembly.chain import Chain
from poe.l1.answers import raw_receipt
from poe.l1.rpc import JsonRpc
from poe.observer.standings import Row, Standings
from poe.rollup.types import FieldElement, Hash

CATCH_UP_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What L1 held at one moment."""

    rows: Sequence[Row]
    finalized: int
    finalized_root: FieldElement


class Watch:
    """Follows the arbiter and lets others wait for heights."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.standings = Standings(chain.parameters.genesis_root, has_policy=any(chain.parameters.policy))
        self._changed = trio.Event()
        self._head_number = 0

    @property
    def domain(self) -> FieldElement:
        """What separates this rollup's signatures from any other's."""
        return self._chain.domain

    @property
    def finalized(self) -> int:
        """Batches final on L1."""
        return self._chain.ledger.finalized_number

    @property
    def finalized_root(self) -> FieldElement:
        """The chain's state root on L1."""
        return self._chain.ledger.finalized_root

    async def run(self) -> None:
        """Follow until cancelled."""
        async with aclosing(self._chain.follower.updates()) as updates:
            async for update in updates:
                self._chain.ledger.apply(update)
                self.standings.apply(update)
                self._head_number = update.head.number
                self._changed.set()
                self._changed = trio.Event()

    def snapshot(self) -> Snapshot:
        """What has been taken in so far."""
        return Snapshot(rows=self.standings.rows(), finalized=self.finalized, finalized_root=self.finalized_root)

    async def catch_up(self) -> None:
        """Return once everything that L1 holds now is taken in, or after `CATCH_UP_SECONDS`."""
        with trio.move_on_after(CATCH_UP_SECONDS):
            head = await self._chain.rpc.latest()
            while self._head_number < head.number:
                await self._changed.wait()

    async def wait_for_change(self) -> None:
        """Return at L1's next step."""
        await self._changed.wait()

    async def wait_until_finalized(self, number: int | None) -> None:
        """Return once batch `number` is final; never for None."""
        while number is None or self.finalized < number:
            await self._changed.wait()

    async def wait_until_paid(self, seconds: float) -> None:
        """Return once no award waits of the batches that are final now, or after so many seconds."""
        upto = self.finalized
        with trio.move_on_after(seconds):
            while any(award.number <= upto for award in self._chain.ledger.pending_awards()):
                await self._changed.wait()

    async def wait_until_sequenced(self, number: int | None) -> None:
        """Return once batch `number` is posted; never for None."""
        while number is None or self._chain.ledger.head()[0] < number:
            await self._changed.wait()


async def gas_of(rpc: JsonRpc, rows: Sequence[Row]) -> dict[str, list[int]]:
    """Gas used by the postings and by the winning proofs."""
    postings = [row.posted.tx_hash for row in rows]
    proofs = [row.accepted.tx_hash for row in rows if row.accepted is not None]
    return {
        "sequenceBatch": [await _gas_used(rpc, tx_hash) for tx_hash in postings],
        "submitProof": [await _gas_used(rpc, tx_hash) for tx_hash in proofs],
    }


async def _gas_used(rpc: JsonRpc, tx_hash: Hash) -> int:
    return raw_receipt(await rpc.call("eth_getTransactionReceipt", "0x" + tx_hash.hex())).gas_used
