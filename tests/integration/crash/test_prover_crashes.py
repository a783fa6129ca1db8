"""A prover killed at every write of its journal and at random moments: nothing is sent twice, no proof made twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.integration.crash.lives import Death, Node, cut_log, finished_proofs, transactions_of
from tests.integration.market import Market, account, dev_key, open_market

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

MOST_OPEN = 3
POSTING_SECONDS = 60.0
LAST_WRITE = 12
"""A life with two batches changes its journal at most so often."""


class Rig:
    """A market whose prover dies; proofs that were ever finished are remembered."""

    def __init__(self, market: Market, prover: Node) -> None:
        self.market = market
        self.prover = prover
        self.finished: dict[bytes, bytes] = {}

    async def is_final(self) -> bool:
        return await self.market.clients["rival"].finalized_number() == self.market.number

    async def post_when_idle(self) -> None:
        """A batch whenever there is none left to prove."""
        while True:
            if await self.is_final():
                await self._post()
            await trio.sleep(0.05)

    async def post_steadily(self) -> None:
        """Load: up to a few open batches at any time."""
        while True:
            if self.market.number - await self.market.clients["rival"].finalized_number() < MOST_OPEN:
                await self._post()
            await trio.sleep(0.05)

    async def _post(self) -> None:
        """A posting is never left half done: the market would lose count of its batches."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + POSTING_SECONDS):
            await self.market.post_transfers()

    async def remember(self) -> None:
        """No proof that was finished was made again, and none is gone whose batch is not final."""
        now, final = finished_proofs(self.prover), await self.market.clients["rival"].finalized_number()
        for name, body in self.finished.items():
            is_final = int.from_bytes(name[:8]) <= final
            assert now.get(name) == body or (is_final and name not in now), "a finished proof was lost"
        self.finished |= now

    async def live_and_die(self, death: Death) -> None:
        self.prover.start(death)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.post_when_idle)
            await self.prover.wake()
            await self.prover.die()
            nursery.cancel_scope.cancel()
        await self.remember()

    async def live_and_be_killed(self, after_seconds: float) -> None:
        self.prover.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.post_steadily)
            await trio.sleep(after_seconds)
            self.prover.kill()
            nursery.cancel_scope.cancel()
        await self.remember()

    async def live_to_the_end(self) -> None:
        """A whole life, until all batches are final; then look at everything."""
        self.prover.start()
        await self.prover.wake()
        with trio.fail_after(120):
            while not await self.is_final():  # noqa: ASYNC110 (on L1)
                await trio.sleep(0.05)
        self.prover.kill()
        await self.remember()
        await self.require_each_batch_submitted_once()
        self.prover.require_quick_starts()
        races = [race["batch"] for race in self.prover.status["races"] if race["outcome"] == "won"]
        assert len(races) == len(set(races)), "a batch is raced for again after it was won"

    async def require_each_batch_submitted_once(self) -> None:
        sent = await transactions_of(self.market, "prover")
        assert all(one["succeeded"] for one in sent), "a proof was sent that was late by our own hand"
        singles = [one["arguments"][0][0] for one in sent if one["name"] == "submitProof"]
        bundled = [item[0] for one in sent if one["name"] == "submitProofs" for item in one["arguments"][0]]
        assert Counter(singles + bundled) == Counter(range(1, self.market.number + 1))
        assert len(sent) == sum(one["name"] in ("submitProof", "submitProofs") for one in sent)
        earned = await self.market.clients["prover"].credit_of(account("prover").address)
        assert earned == self.market.number * self.market.parameters.reward


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    key = dev_key()
    async with open_market(key) as market:
        prover = Node.of(market, "prover", tmp_path / "prover", key_cache=str(key.path.parent))
        try:
            await market.post_deposits()
            yield Rig(market, prover)
        finally:
            prover.kill()


async def test_no_write_of_the_journal_is_a_bad_moment_to_die(rig: Rig) -> None:
    """The writes of a first life (whose folder it is, the proof, the transaction out and back, the race) and of later
    ones, which begin with what the one before left."""
    for death in (Death(2, "after"), Death(2, "before"), Death(3, "before")):
        await rig.live_and_die(death)
    await rig.live_to_the_end()


@pytest.mark.long
async def test_no_write_at_all_is_a_bad_moment_to_die(rig: Rig) -> None:
    for write in range(1, LAST_WRITE + 1):
        for when in ("before", "after"):
            await rig.live_and_die(Death(write, when))
    await rig.live_to_the_end()


async def test_a_prover_killed_at_random_moments_under_load_sends_nothing_twice(rig: Rig) -> None:
    rng = random.Random(6)
    for _ in range(2):
        await rig.live_and_be_killed(rng.uniform(1.5, 4))
    await rig.live_to_the_end()


@pytest.mark.long
async def test_a_prover_killed_at_a_hundred_random_moments_under_load_sends_nothing_twice(rig: Rig) -> None:
    rng = random.Random(7)
    for _ in range(100):
        await rig.live_and_be_killed(rng.uniform(0.1, 6))
    await rig.live_to_the_end()


async def test_a_torn_log_heals_and_a_restored_backup_learns_the_rest_from_l1(rig: Rig, tmp_path: Path) -> None:
    await rig.live_and_die(Death(4, "after"))
    cut_log(rig.prover, 100)
    rig.prover.back_up(tmp_path / "backup")
    await rig.live_and_die(Death(5, "after"))
    rig.prover.restore(tmp_path / "backup")
    rig.finished = finished_proofs(rig.prover)
    await rig.market.post_transfers()
    await rig.live_to_the_end()
    assert rig.prover.status["agrees_with_l1"]
