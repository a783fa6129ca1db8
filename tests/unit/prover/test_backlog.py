"""Finished proofs that wait are landed in one call; one that fails in company is left to the single path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from poe.errors import AlreadyAccepted, FeesTooHigh, L1Unreachable, PoeError, Reverted
from poe.l1.bundle import MAX_TOGETHER
from poe.prover.backlog import Backlog
from poe.prover.race import Outcome, RaceResult
from poe.prover.shelf import FinishedProof, ProofShelf
from poe.rollup.types import Address, BatchNumber, Wei
from tests.fakes_l1 import a_batch
from tests.fakes_prover import OURS, PROOF, RECEIPT, RIVAL, TERMS, FakeArbiter, FakeProofs, Scene
from tests.unit.prover.test_prover_node import running

Clock = trio.testing.MockClock
KEPT = FinishedProof(proof=PROOF, at=12.5)


class Shelved:
    """A scene with posted batches, the first of them proven and not sent."""

    def __init__(self, *, posted: int = 3) -> None:
        self.scene, self.proofs, self.arbiter = Scene(), FakeProofs(), FakeArbiter()
        self.scene.post(1, list(range(5, 5 + posted)))
        self.shelf = ProofShelf(TERMS)
        self.backlog = Backlog(shelf=self.shelf, with_=self.scene.cast(self.proofs, self.arbiter))

    async def keep(self, *numbers: int) -> None:
        for candidate in self.scene.candidates.open():
            if candidate.number in numbers:
                await self.shelf.put(candidate, KEPT)

    async def land(self, *accepted: int, payee: Address = OURS) -> list[RaceResult]:
        """Run it while L1 accepts proofs of these batches."""
        results: list[RaceResult] = []

        async def run() -> None:
            results.extend(await self.backlog.land())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.sleep(0.5)
            for number in accepted:
                self.scene.accept(number, payee=payee)
        return results

    def sent(self) -> list[list[int]]:
        return [[submission.number for submission in bundle] for bundle in self.arbiter.bundles]


@pytest.fixture
def shelved() -> Shelved:
    return Shelved()


async def test_all_that_wait_go_in_one_call_and_are_won(shelved: Shelved, autojump_clock: Clock) -> None:
    await shelved.keep(1, 2, 3)
    results = await shelved.land(1, 2, 3)
    assert shelved.sent() == [[1, 2, 3]]
    assert [(one.candidate.number, one.outcome, one.is_resent) for one in results] == [
        (1, Outcome.WON, True),
        (2, Outcome.WON, True),
        (3, Outcome.WON, True),
    ]
    assert {one.finished for one in results} == {KEPT}
    assert {one.winner for one in results} == {OURS}


async def test_each_win_bears_its_share_of_the_gas(shelved: Shelved, autojump_clock: Clock) -> None:
    await shelved.keep(1, 2)
    assert [one.receipt for one in await shelved.land(1, 2)] == [replace(RECEIPT, gas_used=RECEIPT.gas_used // 2)] * 2


async def test_what_is_sent_is_what_was_proven_for_our_payee(shelved: Shelved, autojump_clock: Clock) -> None:
    await shelved.keep(1, 2)
    await shelved.land(1, 2)
    first, second = shelved.arbiter.bundles[0]
    assert (first.payee, first.tip, first.commitment, first.proof_words) == (OURS, 0, PROOF.commitment, PROOF.words)
    assert [first.old_root, first.new_root, second.new_root] == shelved.scene.roots(5, 6)


@pytest.mark.parametrize("kept", [(), (2,)])
async def test_fewer_than_two_are_left_to_the_race(shelved: Shelved, kept: tuple[int, ...]) -> None:
    await shelved.keep(*kept)
    assert await shelved.backlog.land() == []
    assert shelved.sent() == []


async def test_a_proof_whose_batch_l1_has_not_ordered_is_not_sent(shelved: Shelved) -> None:
    assert shelved.scene.candidates.hear(BatchNumber(4), shelved.scene.hash_at(3), a_batch(8))
    await shelved.keep(3, 4)
    assert await shelved.backlog.land() == []
    assert shelved.sent() == []


async def test_a_call_holds_no_more_than_the_arbiter_finalizes(autojump_clock: Clock) -> None:
    shelved = Shelved(posted=MAX_TOGETHER + 2)
    numbers = range(1, MAX_TOGETHER + 3)
    await shelved.keep(*numbers)
    await shelved.land(*numbers)
    assert shelved.sent() == [list(numbers)[:MAX_TOGETHER]]


async def test_the_gas_of_a_call_may_cost_what_all_its_proofs_are_worth(
    shelved: Shelved, autojump_clock: Clock
) -> None:
    shelved.backlog.with_ = replace(shelved.backlog.with_, worth=Wei(100))
    await shelved.keep(1, 2, 3)
    await shelved.land(1, 2, 3)
    assert shelved.arbiter.worths == [300]


async def test_a_shadow_sends_nothing(shelved: Shelved) -> None:
    shelved.backlog.with_ = replace(shelved.backlog.with_, is_shadow=True)
    await shelved.keep(1, 2, 3)
    assert await shelved.backlog.land() == []
    assert shelved.sent() == []


async def test_one_that_a_rival_won_meanwhile_is_lost_and_the_others_are_not(
    shelved: Shelved, autojump_clock: Clock
) -> None:
    await shelved.keep(1, 2)
    shelved.arbiter.left_out = {1}
    shelved.arbiter.on_bundle = lambda: shelved.scene.accept(1, payee=RIVAL)
    results = await shelved.land(2)
    assert [(one.outcome, one.winner, one.receipt is None) for one in results] == [
        (Outcome.LATE, RIVAL, True),
        (Outcome.WON, OURS, False),
    ]


async def test_when_all_are_late_every_race_is_over(shelved: Shelved, autojump_clock: Clock) -> None:
    await shelved.keep(1, 2)
    shelved.arbiter.failures = [AlreadyAccepted("late", name="NothingToAccept")]
    results = await shelved.land(1, 2, payee=RIVAL)
    assert [(one.outcome, one.receipt) for one in results] == [(Outcome.LATE, None)] * 2


async def test_one_left_out_of_a_batch_that_is_still_open_is_tried_alone(
    shelved: Shelved, autojump_clock: Clock
) -> None:
    await shelved.keep(1, 2, 3)
    shelved.arbiter.left_out = {2}
    assert [one.candidate.number for one in await shelved.land(1, 3)] == [1, 3]
    shelved.scene.post(4, [8])
    await shelved.keep(4)
    assert await shelved.backlog.land() == []
    assert shelved.sent() == [[1, 2, 3]], "2 is not sent in company a second time"


async def test_one_that_was_tried_alone_may_go_in_company_again_after_a_reorg(
    shelved: Shelved, autojump_clock: Clock
) -> None:
    await shelved.keep(1, 2, 3)
    shelved.arbiter.left_out = {2}
    await shelved.land(1, 3)
    before = shelved.scene.history.block
    shelved.scene.accept(2)
    assert await shelved.backlog.land() == []
    shelved.scene.follow(back_to=before)
    shelved.scene.post(4, [8])
    await shelved.keep(4)
    await shelved.land(2, 4)
    assert shelved.sent() == [[1, 2, 3], [2, 4]]


async def test_proofs_that_the_arbiter_refuses_together_are_tried_one_by_one(shelved: Shelved) -> None:
    await shelved.keep(1, 2)
    shelved.arbiter.failures = [Reverted("WrongBatch", name="WrongBatch")]
    assert await shelved.backlog.land() == []
    assert await shelved.backlog.land() == []
    assert len(shelved.sent()) == 1


@pytest.mark.parametrize("failure", [L1Unreachable("no answer"), FeesTooHigh("dear")])
async def test_a_call_that_could_not_be_sent_is_tried_again(
    shelved: Shelved, autojump_clock: Clock, failure: PoeError
) -> None:
    await shelved.keep(1, 2)
    shelved.arbiter.failures = [failure]
    assert await shelved.backlog.land() == []
    assert len(await shelved.land(1, 2)) == 2


async def test_a_node_that_starts_with_finished_proofs_lands_them_in_one_call_and_races_on(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async with running(tmp_path, jitter_seconds=1) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6, 7]))
        await trio.sleep(0.5)
        for candidate in node.scene.candidates.open()[:2]:
            await node.shelf.put(candidate, KEPT)
        await trio.sleep(1)
        assert [[one.number for one in bundle] for bundle in node.arbiter.bundles] == [[1, 2]]
        for number in (1, 2):
            node.on_l1(lambda l1, number=number: l1.accept(number, payee=OURS))  # type: ignore[misc]
        await trio.sleep(3)
        assert [one.number for one in node.arbiter.submissions] == [3], "what is alone goes the usual way"
    assert len(node.proofs.jobs) == 1
    status = node.status()
    assert (status["won"], status["finished"]) == (2, 0)
    assert [race["gas_used"] for race in status["races"]] == [RECEIPT.gas_used // 2] * 2
