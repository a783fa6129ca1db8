"""A sequencer killed at every write of its journal and at random moments: no number ever names two batches."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.backend import native
from poe.errors import SequencerError
from poe.l1.abi import decode_exactly, load_artifact
from poe.rollup.transaction import SignedTransfer, Transfer
from poe.rollup.types import AccountIndex, Gwei
from poe.sequencer.client import RpcClient
from poe.status import read_endpoints
from tests.integration.crash.lives import Death, Node, transactions_of
from tests.integration.market import DEPOSIT, SECRETS, Market, dev_key, open_market

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

LAST_WRITE = 8


class Rig:
    """A market whose sequencer dies, and a user who keeps it busy."""

    def __init__(self, market: Market, sequencer: Node) -> None:
        self.market = market
        self.sequencer = sequencer

    async def fund_users(self) -> None:
        """Two deposits, which the sequencer's first batch drains."""
        for secret in SECRETS:
            rival = self.market.clients["rival"]
            key = native.derive_public_key(secret)
            await rival.deposit(public_key=key, exit_address=rival.account, amount=DEPOSIT)

    async def spend(self) -> None:
        """Load: one transfer after the other, through whichever life there is."""
        while True:
            doors = read_endpoints(self.sequencer.data) if self.sequencer.data.exists() else None
            try:
                if doors is not None:
                    async with RpcClient(doors["rpc"], deadline_seconds=2) as client:
                        await self._send_one(client)
            except (SequencerError, KeyError):
                pass  # it is dead, or not awake yet
            await trio.sleep(0.05)

    async def _send_one(self, client: RpcClient) -> None:
        held = await client.call("poe_getAccount", 0)
        if held is None:
            return
        transfer = Transfer(
            sender=AccountIndex(0),
            recipient=AccountIndex(1),
            amount=Gwei(1),
            fee=Gwei(0),
            nonce=held["nextNonce"],
        )
        x, y, s = native.sign(SECRETS[0], native.poseidon([self.market.domain, transfer.word]))
        slot = SignedTransfer(transfer=transfer, r8=(x, y), s=s).slot
        await client.call("poe_sendRawTransactions", slot.hex())

    async def live_and_die(self, death: Death) -> None:
        self.sequencer.start(death)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.spend)
            await self.sequencer.wake()
            await self.sequencer.die()
            nursery.cancel_scope.cancel()

    async def live_and_be_killed(self, after_seconds: float) -> None:
        self.sequencer.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.spend)
            await trio.sleep(after_seconds)
            self.sequencer.kill()
            nursery.cancel_scope.cancel()

    async def live_on(self, batches: int) -> None:
        """A whole life, until L1 has so many batches more; then look at everything."""
        wanted = await self.sequenced() + batches
        self.sequencer.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.spend)
            await self.sequencer.wake()
            with trio.fail_after(60):
                while await self.sequenced() < wanted:
                    assert not self.sequencer.is_dead, self.sequencer.output
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        self.sequencer.kill()
        self.require_one_batch_a_number()
        await self.require_each_batch_posted_once()
        self.sequencer.require_quick_starts()

    async def sequenced(self) -> int:
        number, _ = await self.market.clients["rival"]._views.view("head")
        return int(number)

    def require_one_batch_a_number(self) -> None:
        """In all that it ever signed, for L1 and for its peers."""
        call = load_artifact("Arbiter").functions["sequenceBatch"]
        posted: dict[int, set[Any]] = {}
        for note in self.sequencer.notes("nonce"):
            data = bytes.fromhex(note["data"])
            if data[:4] == call.selector:
                number, *rest = decode_exactly(call.inputs, data[4:])
                posted.setdefault(number, set()).add(tuple(map(repr, rest)))
        assert posted
        assert all(len(batches) == 1 for batches in posted.values())
        announced: dict[int, set[str]] = {}
        for note in self.sequencer.notes("batch_hash"):
            announced.setdefault(note["number"], set()).add(note["batch_hash"])
        assert announced.keys() >= posted.keys() - {1}, "all but the first, which a life before may have announced"
        assert all(len(hashes) == 1 for hashes in announced.values())

    async def require_each_batch_posted_once(self) -> None:
        sent = [one for one in await transactions_of(self.market, "sequencer") if one["name"] == "sequenceBatch"]
        assert all(one["succeeded"] for one in sent)
        assert Counter(one["arguments"][0] for one in sent) == Counter(range(1, await self.sequenced() + 1))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    key = dev_key()
    async with open_market(key) as market:
        sequencer = Node.of(market, "sequencer", tmp_path / "sequencer", key_cache=str(key.path.parent))
        rig = Rig(market, sequencer)
        try:
            await rig.fund_users()
            yield rig
        finally:
            sequencer.kill()


async def test_no_write_of_the_journal_is_a_bad_moment_to_die(rig: Rig) -> None:
    """Whose folder it is, a posting out, a posting back: the postings of one life are taken up by the next."""
    for death in (Death(2, "before"), Death(2, "after")):
        await rig.live_and_die(death)
    await rig.live_on(2)


@pytest.mark.long
async def test_no_write_at_all_is_a_bad_moment_to_die(rig: Rig) -> None:
    for write in range(1, LAST_WRITE + 1):
        for when in ("before", "after"):
            await rig.live_and_die(Death(write, when))
    await rig.live_on(2)


@pytest.mark.long
async def test_a_sequencer_killed_at_a_hundred_random_moments_under_load_never_signs_a_number_twice(rig: Rig) -> None:
    rng = random.Random(8)
    for _ in range(100):
        await rig.live_and_be_killed(rng.uniform(0.1, 6))
    await rig.live_on(2)


async def test_a_restored_backup_learns_from_l1_what_it_has_posted_since(rig: Rig, tmp_path: Path) -> None:
    await rig.live_and_die(Death(4, "after"))
    rig.sequencer.back_up(tmp_path / "backup")
    await rig.live_and_die(Death(5, "after"))
    rig.sequencer.restore(tmp_path / "backup")
    old, known = await rig.sequenced(), len(rig.sequencer.notes("nonce"))
    await rig.live_on(2)
    call = load_artifact("Arbiter").functions["sequenceBatch"]
    later = [bytes.fromhex(note["data"]) for note in rig.sequencer.notes("nonce")[known:]]
    numbers = [decode_exactly(call.inputs, data[4:])[0] for data in later if data[:4] == call.selector]
    assert min(numbers) > old, "what L1 has is not signed again"
