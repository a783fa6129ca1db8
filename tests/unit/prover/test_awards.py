"""The award policy as a prover sees it: whose lease a batch is, what still pays, who was paid, what is due to us."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from poe.errors import FeesTooHigh, L1Error, L1Unreachable
from poe.l1.interface import ArbiterEvent, BlockRef
from poe.l1.ledger import Ledger
from poe.l1.policy import LEASE, NOBODY, PHOTO_FINISH, LeaseOf
from poe.l1.tally import Tally
from poe.prover.awards import Awards
from poe.rollup.types import Address, BatchNumber, FieldElement, Wei
from tests.fakes_l1 import PARAMETERS, REWARD, award_waits, awarded, contends, finalized
from tests.fakes_prover import OURS, RIVAL, Scene
from tests.unit.prover.test_prover_node import Running

LEASE_BLOCKS = 4


class FakePolicy:
    """Answers `holder` for every lease and `winner` for every draw; `down` makes the endpoint fail."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.lease_blocks = LEASE_BLOCKS if kind == LEASE else 0
        self.holder, self.winner = OURS, NOBODY
        self.asked: list[BatchNumber] = []
        self.draws: list[BatchNumber] = []
        self.down = False

    async def lease_of(self, number: BatchNumber, posted: BlockRef) -> LeaseOf:
        if self.down:
            raise L1Unreachable("no answer")
        self.asked.append(number)
        return LeaseOf(holder=self.holder, ends_at_block=posted.number + LEASE_BLOCKS)

    async def drawn(self, number: BatchNumber, old_root: FieldElement) -> Address:
        self.draws.append(number)
        return self.winner


class FakeSettler:
    def __init__(self) -> None:
        self.settled: list[BatchNumber] = []
        self.worths: list[Wei | None] = []
        self.failures: list[L1Error] = []

    async def settle_award(self, number: BatchNumber, old_root: FieldElement, *, worth: Wei | None = None) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        self.settled.append(number)
        self.worths.append(worth)


class Market(Scene):
    """A scene under a policy: `block` follows one, and has the awards look at it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.ledger = Ledger(replace(PARAMETERS, policy=Address(b"\x90" * 20)))
        self.candidates.ledger = self.ledger
        self.policy, self.settler = FakePolicy(kind), FakeSettler()
        self.tally = Tally(has_policy=True)
        self.awards = Awards(self.policy, self.settler, self.candidates, us=OURS, tally=self.tally)

    def follow(self, *events: ArbiterEvent, back_to: int | None = None) -> None:
        super().follow(*events, back_to=back_to)
        self.tally.apply(self.updates[-1])
        self.awards.note(self.updates[-1])

    async def block(self, *events: ArbiterEvent, times: int = 1) -> None:
        for _ in range(times):
            self.follow(*events)
            await self.awards.look()

    async def posted(self) -> None:
        self.post(1, salts=[1])
        await self.awards.look()

    async def prove(self, payee: Address, *, waits: int | None = None) -> None:
        """Batch 1 is proved and final; under a policy its money waits for `waits` blocks."""
        self.accept(1, payee=payee)
        execution = self.candidates.replica.execution(BatchNumber(1))
        assert execution is not None
        until = self.history.block + 1 + (waits or 0)
        await self.block(
            finalized(1, execution.new_root, payee=payee),
            award_waits(1, until, payee=payee) if waits is not None else awarded(1, payee),
        )

    def choices(self) -> tuple[list[int], str]:
        fit, reason = self.awards.payable(self.candidates.open())
        return [one.number for one in fit], reason


@pytest.fixture
def lease() -> Market:
    return Market(LEASE)


@pytest.fixture
def photo() -> Market:
    return Market(PHOTO_FINISH)


async def test_under_a_photo_finish_every_open_batch_may_pay(photo: Market) -> None:
    await photo.posted()
    assert photo.choices() == ([1], "")
    assert photo.policy.asked == []


async def test_nobody_races_before_the_lease_is_known(lease: Market) -> None:
    await lease.posted()
    fit, reason = lease.choices()
    assert fit == []
    assert reason.startswith("POE-RAC-051")


async def test_the_holder_races_as_soon_as_it_knows(lease: Market) -> None:
    await lease.posted()
    await lease.block()
    assert lease.choices() == ([1], "")
    assert lease.policy.asked == [1]


async def test_a_lease_is_asked_for_once(lease: Market) -> None:
    await lease.posted()
    await lease.block(times=3)
    assert lease.policy.asked == [1]


async def test_anybody_else_sits_out_until_the_lease_is_over(lease: Market) -> None:
    lease.policy.holder = RIVAL
    await lease.posted()
    for _ in range(LEASE_BLOCKS - 1):
        await lease.block()
        fit, reason = lease.choices()
        assert fit == []
        assert reason.startswith("POE-RAC-050: batch 1 is leased to 0x" + RIVAL.hex())
    await lease.block()
    assert lease.choices() == ([1], "")


async def test_without_stakes_the_race_is_open(lease: Market) -> None:
    lease.policy.holder = NOBODY
    await lease.posted()
    await lease.block()
    assert lease.choices() == ([1], "")


async def test_an_unknown_lease_is_asked_again_and_ends_all_the_same(lease: Market) -> None:
    lease.policy.down = True
    await lease.posted()
    await lease.block(times=LEASE_BLOCKS - 1)
    assert lease.choices()[0] == []
    await lease.block()
    assert lease.choices()[0] == [1]


async def test_a_batch_posted_again_in_another_block_has_another_lease(lease: Market) -> None:
    await lease.posted()
    before = lease.history.block - 1
    await lease.block()
    lease.policy.holder = RIVAL
    lease.post(1, salts=[1], back_to=before)
    await lease.awards.look()
    await lease.block()
    assert lease.choices()[1].startswith("POE-RAC-050")


async def test_a_batch_we_hold_is_wanted_though_a_rival_proved_it(lease: Market) -> None:
    await lease.posted()
    await lease.block()
    (candidate,) = lease.candidates.open()
    await lease.prove(RIVAL, waits=3)
    assert lease.open_numbers() == [1]
    assert not lease.candidates.is_gone(candidate)
    await lease.block(contends(1, candidate.execution.old_root, OURS), awarded(1, OURS))
    assert lease.open_numbers() == []
    assert lease.candidates.is_gone(candidate)
    assert lease.awards.paid(BatchNumber(1)) == OURS


async def test_it_is_wanted_no_longer_than_the_lease_runs(lease: Market) -> None:
    await lease.posted()
    await lease.block()
    await lease.prove(RIVAL, waits=9)
    await lease.block(times=2)
    assert lease.open_numbers() == []


async def test_a_batch_that_a_rival_holds_and_proves_is_gone(lease: Market) -> None:
    lease.policy.holder = RIVAL
    await lease.posted()
    await lease.block()
    await lease.prove(RIVAL)
    assert lease.open_numbers() == []


async def test_our_award_is_settled_when_it_is_due(photo: Market) -> None:
    await photo.posted()
    await photo.prove(OURS, waits=2)
    assert photo.settler.settled == []
    await photo.block(times=2)
    assert photo.settler.settled == [1]


async def test_an_award_drawn_for_us_is_ours_to_settle_whoever_was_first(photo: Market) -> None:
    photo.policy.winner = OURS
    await photo.posted()
    (candidate,) = photo.candidates.open()
    await photo.prove(RIVAL, waits=1)
    await photo.block(contends(1, candidate.execution.old_root, OURS))
    assert photo.settler.settled == [1]


async def test_an_award_that_only_others_contend_for_is_not_asked_about(photo: Market) -> None:
    """Of a rival that never settles many may wait: each costs nobody a call a block."""
    await photo.posted()
    await photo.prove(RIVAL, waits=0)
    await photo.block(times=3)
    assert (photo.policy.draws, photo.settler.settled) == ([], [])


async def test_settling_may_cost_no_more_than_it_brings(photo: Market) -> None:
    await photo.posted()
    await photo.prove(OURS, waits=0)
    assert photo.settler.worths == [REWARD]


async def test_an_award_that_could_not_be_settled_is_settled_with_a_later_block(photo: Market) -> None:
    photo.settler.failures = [FeesTooHigh("blocks are dear")]
    await photo.posted()
    await photo.prove(OURS, waits=0)
    assert photo.settler.settled == []
    await photo.block()
    assert photo.settler.settled == [1]


async def test_after_a_restart_our_award_is_settled_when_l1_is_read_and_not_before(
    photo: Market, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """What seems to wait in L1's past may be paid by now; what waits at its head is not lost."""
    await photo.posted()
    photo.awards.is_passive = True  # it died before it could settle
    await photo.prove(OURS, waits=0)
    history, again = photo.updates, Market(PHOTO_FINISH)
    for update in history:
        again.history.block = update.head.number
    node = Running(tmp_path, None)
    collaborators = replace(node.prover.collaborators, candidates=again.candidates, awards=again.awards)
    node.prover = replace(
        node.prover,
        candidates=again.candidates,
        collaborators=collaborators,
        tally=again.tally,
        resume_block=again.history.block + 2,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.prover.run)
        for update in history:
            node.follower.tell(update)
        await trio.sleep(5)
        assert (again.settler.settled, again.policy.draws) == ([], [])
        node.follower.tell(again.history.step())
        node.follower.tell(again.history.step())
        await trio.sleep(5)
        assert again.settler.settled == [1]
        nursery.cancel_scope.cancel()


async def test_a_rivals_award_is_the_rivals_to_settle(photo: Market) -> None:
    photo.policy.winner = RIVAL
    await photo.posted()
    await photo.prove(OURS, waits=0)
    await photo.block(times=3)
    assert photo.settler.settled == []


async def test_a_shadow_settles_nothing(photo: Market) -> None:
    photo.awards.is_passive = True
    await photo.posted()
    await photo.prove(OURS, waits=0)
    assert photo.settler.settled == []


async def test_a_reorg_takes_an_award_back(photo: Market) -> None:
    await photo.posted()
    before = photo.history.block
    await photo.prove(OURS)
    assert photo.awards.paid(BatchNumber(1)) == OURS
    photo.follow(back_to=before)
    assert photo.awards.paid(BatchNumber(1)) is None
