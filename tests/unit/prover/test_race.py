"""One race, however it ends: won, late, cancelled, failed; on the test's clock with a fake worker and arbiter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import trio
import trio.testing

from poe.errors import AlreadyAccepted, BackendError, L1Unreachable, NotMined, Reverted
from poe.l1.ledger import GENESIS_HASH
from poe.prover import race as race_module
from poe.prover.candidates import Candidate
from poe.prover.race import Outcome, RaceResult, race
from poe.prover.shelf import ProofShelf
from poe.rollup import statement
from poe.rollup.types import BatchNumber, Wei
from tests.fakes_l1 import a_batch
from tests.fakes_prover import DOMAIN, OURS, PROOF, RECEIPT, RIVAL, TERMS, FakeArbiter, FakeProofs, Scene, exits_of

Clock = trio.testing.MockClock


class Track:
    """A scene with batches 5, 6 on L1 and everyone who takes part in a race for the first."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.start_block = self.scene.history.block
        self.scene.post(1, [5, 6])
        self.proofs, self.arbiter, self.shelf = FakeProofs(), FakeArbiter(), ProofShelf(TERMS)

    @property
    def first(self) -> Candidate:
        return self.scene.candidates.open()[0]

    async def run(self, candidate: Candidate | None = None) -> RaceResult:
        with_ = self.scene.cast(self.proofs, self.arbiter)
        return await race(candidate or self.first, self.shelf, with_)

    async def run_while(self, *, at: float, happens: object) -> tuple[RaceResult, float]:
        """The race's end and its time, with `happens()` called `at` seconds after the start."""
        assert callable(happens)
        results: list[RaceResult] = []
        started = trio.current_time()

        async def run() -> None:
            results.append(await self.run())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.sleep(at)
            happens()
        return results[0], trio.current_time() - started


@pytest.fixture
def track() -> Track:
    return Track()


def already_accepted() -> AlreadyAccepted:
    return AlreadyAccepted("a rival was accepted", name="AlreadyAccepted")


async def test_a_race_without_rivals_is_won(track: Track, autojump_clock: Clock) -> None:
    result = await track.run()
    assert (result.outcome, result.reason) == (Outcome.WON, "accepted")
    assert result.receipt is RECEIPT
    assert result.finished is not None
    assert (result.finished.proof, result.is_resent) == (PROOF, False)
    assert result.core_seconds == pytest.approx(track.proofs.seconds)


async def test_a_race_ends_only_when_our_view_of_l1_knows_its_end(track: Track, autojump_clock: Clock) -> None:
    """Else the node would find the batch still open and race for it again."""
    result, seconds = await track.run_while(at=3, happens=lambda: track.scene.accept(1, payee=OURS))
    assert (result.outcome, seconds) == (Outcome.WON, 3.0)
    assert track.scene.open_numbers() == [2]


async def test_what_is_proven_is_the_statement_of_this_batch_that_pays_us(track: Track, autojump_clock: Clock) -> None:
    candidate = track.first
    await track.run()
    (job,) = track.proofs.jobs
    old_root, new_root = track.scene.roots(5)
    assert job.trace == candidate.execution.trace
    assert job.statement == statement.statement_words(
        domain=DOMAIN,
        old_root=old_root,
        new_root=new_root,
        context=statement.context(BatchNumber(1), candidate.batch_hash, OURS, Wei(0)),
        batch=a_batch(5),
        exits=exits_of(a_batch(5)),
    )


async def test_what_is_submitted_is_what_was_proven(track: Track, autojump_clock: Clock) -> None:
    candidate = track.first
    await track.run()
    (submission,) = track.arbiter.submissions
    assert (submission.number, submission.batch, submission.payee, submission.tip) == (1, candidate.batch, OURS, 0)
    assert [submission.old_root, submission.new_root] == track.scene.roots(5)
    assert (submission.commitment, submission.proof_words) == (PROOF.commitment, PROOF.words)
    assert submission.exits == exits_of(candidate.batch) != ()


async def test_a_rival_accepted_while_proving_kills_the_worker_at_once(track: Track, autojump_clock: Clock) -> None:
    track.proofs.seconds = math.inf
    result, seconds = await track.run_while(at=3, happens=lambda: track.scene.accept(1))
    assert (result.outcome, seconds) == (Outcome.CANCELLED, 3.0)
    assert track.proofs.killed == 1
    assert track.arbiter.submissions == []


async def test_a_candidate_that_is_gone_already_is_not_proven(track: Track, autojump_clock: Clock) -> None:
    candidate = track.first
    track.scene.accept(1)
    result = await track.run(candidate)
    assert result.outcome is Outcome.CANCELLED
    assert track.arbiter.submissions == []


async def test_a_proof_on_a_wrong_old_root_does_not_stop_the_race(track: Track, autojump_clock: Clock) -> None:
    result, _ = await track.run_while(at=0.5, happens=lambda: track.scene.accept(1, old_root=123))
    assert result.outcome is Outcome.WON


async def test_a_batch_that_a_reorg_replaces_while_proving_is_dropped(track: Track, autojump_clock: Clock) -> None:
    track.proofs.seconds = math.inf
    result, seconds = await track.run_while(
        at=2, happens=lambda: track.scene.post(1, [9], parent=GENESIS_HASH, back_to=track.start_block)
    )
    assert (result.outcome, seconds) == (Outcome.CANCELLED, 2.0)
    assert track.proofs.killed == 1


async def test_a_reorg_that_brings_the_batch_back_does_not_stop_the_race(track: Track, autojump_clock: Clock) -> None:
    result, _ = await track.run_while(
        at=0.5, happens=lambda: track.scene.post(1, [5, 6], parent=GENESIS_HASH, back_to=track.start_block)
    )
    assert result.outcome is Outcome.WON


async def test_losing_between_proof_and_transaction_is_late(track: Track, autojump_clock: Clock) -> None:
    track.arbiter.failures = [already_accepted()]
    result, _ = await track.run_while(at=5, happens=lambda: track.scene.accept(1, payee=RIVAL))
    assert (result.outcome, result.reason) == (Outcome.LATE, "a rival was accepted first")
    assert result.finished is not None


@pytest.mark.parametrize("name", ["AlreadyAccepted", "OutOfGas"])
async def test_what_a_refused_transaction_burnt_is_told(track: Track, autojump_clock: Clock, name: str) -> None:
    refusal = Reverted("mined and refused", name=name)
    refusal.gas_used = 48_000
    track.arbiter.failures = [refusal]
    result, _ = await track.run_while(at=5, happens=lambda: track.scene.accept(1, payee=RIVAL))
    assert (result.outcome, result.burnt_gas) == (
        Outcome.LATE if name == "AlreadyAccepted" else Outcome.FAILED,
        48_000,
    )


async def test_our_proof_landed_by_another_account_is_won(track: Track, autojump_clock: Clock) -> None:
    track.arbiter.failures = [already_accepted()]
    result, _ = await track.run_while(at=5, happens=lambda: track.scene.accept(1, payee=OURS))
    assert (result.outcome, result.receipt) == (Outcome.WON, None)


async def test_without_news_of_the_winner_a_refused_proof_is_late_after_a_while(
    track: Track, autojump_clock: Clock
) -> None:
    track.arbiter.failures = [already_accepted()]
    started = trio.current_time()
    result = await track.run()
    assert result.outcome is Outcome.LATE
    assert trio.current_time() - started == pytest.approx(track.proofs.seconds + race_module.SETTLE_SECONDS)


async def test_a_gossiped_batch_is_proven_ahead_and_submitted_once_l1_orders_it(autojump_clock: Clock) -> None:
    track = Track()
    ahead = Track()
    ahead.scene = Scene()
    assert ahead.scene.candidates.hear(BatchNumber(1), GENESIS_HASH, a_batch(5))
    assert track.first.batch_hash == ahead.first.batch_hash
    result, seconds = await ahead.run_while(at=7, happens=lambda: ahead.scene.post(1, [5]))
    assert (result.outcome, seconds) == (Outcome.WON, 7.0 + race_module.SETTLE_SECONDS)
    assert result.finished is not None
    assert len(ahead.proofs.jobs) == 1


async def test_a_finished_proof_of_a_gossiped_batch_that_l1_contradicts_is_never_sent(autojump_clock: Clock) -> None:
    track = Track()
    track.scene = Scene()
    track.scene.candidates.hear(BatchNumber(1), GENESIS_HASH, a_batch(5))
    result, _ = await track.run_while(at=7, happens=lambda: track.scene.post(1, [9]))
    assert (result.outcome, result.reason) == (Outcome.CANCELLED, "the batch is gone")
    assert track.arbiter.submissions == []


@pytest.mark.parametrize(
    "failure",
    [NotMined("not mined in 20 s"), L1Unreachable("no answer"), Reverted("refused: WrongBatch", name="WrongBatch")],
    ids=lambda failure: failure.code,
)
async def test_a_proof_that_could_not_be_landed_is_sent_again_without_proving_again(
    track: Track, autojump_clock: Clock, failure: Exception
) -> None:
    track.arbiter.failures = [failure]
    first = await track.run()
    assert first.outcome is Outcome.FAILED
    assert first.reason == str(failure)
    second = await track.run()
    assert (second.outcome, second.is_resent, len(track.proofs.jobs)) == (Outcome.WON, True, 1)
    assert second.finished is first.finished, "with the time at which it was really finished"
    assert second.core_seconds == 0


async def test_a_backend_error_ends_the_race_as_failed_with_its_code(track: Track, autojump_clock: Clock) -> None:
    track.proofs.failures = [BackendError("the proving process died\nwith two lines")]
    result = await track.run()
    assert (result.outcome, result.finished) == (Outcome.FAILED, None)
    assert result.reason == "POE-BCK-001: the proving process died with two lines"
    assert (await track.run()).outcome is Outcome.WON


async def test_a_bug_in_the_backend_is_not_swallowed(track: Track, autojump_clock: Clock) -> None:
    track.proofs.failures = [ZeroDivisionError()]
    with pytest.RaisesGroup(ZeroDivisionError):
        await track.run()


async def test_cancelling_a_race_from_outside_kills_the_worker(track: Track, autojump_clock: Clock) -> None:
    track.proofs.seconds = math.inf
    with trio.move_on_after(2) as scope:
        await track.run()
    assert scope.cancelled_caught
    assert track.proofs.killed == 1


async def test_two_batches_in_which_nothing_happens_need_two_proofs(autojump_clock: Clock) -> None:
    """They have one hash and one old root; only their numbers, which are inside the statement, tell them apart."""
    track = Track()
    track.scene = Scene()
    track.scene.post(1, [0, 0])
    first, second = track.scene.candidates.open()
    assert (first.batch_hash, first.execution.old_root) == (second.batch_hash, second.execution.old_root)
    await track.run(first)
    result = await track.run(second)
    assert not result.is_resent
    one, two = track.proofs.jobs
    assert one.statement != two.statement


async def test_in_the_shadow_nothing_is_sent_and_the_end_says_what_would_have_been_won(
    track: Track, autojump_clock: Clock
) -> None:
    with_ = replace(track.scene.cast(track.proofs, track.arbiter), is_shadow=True)
    results: list[RaceResult] = []

    async def run() -> None:
        results.append(await race(track.first, track.shelf, with_))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.sleep(5)
        track.scene.accept(1, payee=RIVAL)
    assert results[0].outcome is Outcome.SHADOW
    assert results[0].reason.startswith("would have been ready ")
    assert track.arbiter.submissions == []


async def test_in_the_shadow_a_rival_who_is_first_cancels_as_ever(track: Track, autojump_clock: Clock) -> None:
    with_ = replace(track.scene.cast(track.proofs, track.arbiter), is_shadow=True)
    track.proofs.seconds = 100
    async with trio.open_nursery() as nursery:
        nursery.start_soon(race, track.first, track.shelf, with_)
        await trio.sleep(1)
        track.scene.accept(1, payee=RIVAL)
    assert track.proofs.killed == 1


async def test_landing_a_proof_may_cost_no_more_than_it_is_worth(track: Track, autojump_clock: Clock) -> None:
    with_ = replace(track.scene.cast(track.proofs, track.arbiter), worth=Wei(123))
    await race(track.first, track.shelf, with_)
    assert track.arbiter.worths == [123]
