"""The strategy that weighs money, and the experience it weighs by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poe.net.interface import ProvingIntent
from poe.prover.candidates import Candidate
from poe.prover.experience import Experience
from poe.prover.intents import IntentBook
from poe.prover.odds import WIN_GAS
from poe.prover.race import End, Outcome, RaceResult
from poe.prover.shelf import FinishedProof
from poe.prover.strategy import ExpectedValue
from poe.rollup.types import Wei
from tests.fakes_l1 import accepted
from tests.fakes_prover import OURS, PROOF, RECEIPT, RIVAL, Scene, an_experience


class Desk:
    """Three open batches, a strategy and its experience, on the test's clock."""

    def __init__(self, least: int = 0) -> None:
        self.now = 0.0
        self.scene = Scene()
        self.scene.post(1, [5, 6, 7])
        self.intents = IntentBook(lambda: self.now)
        self.experience = an_experience(clock=lambda: self.now)
        self.strategy = ExpectedValue(
            self.intents,
            self.experience.odds,
            self.experience.prices,
            least=Wei(least),
            threads=2,
            clock=lambda: self.now,
        )

    @property
    def open(self) -> list[Candidate]:
        return [replace(one, seen_at=0.0) for one in self.scene.candidates.open()]

    def choice(self) -> int | None:
        chosen = self.strategy.choose(self.open)
        return None if chosen is None else chosen.number

    def intend(self, index: int, prover: int = 9) -> None:
        one = self.open[index]
        self.intents.note(
            ProvingIntent(number=one.number, batch_hash=one.batch_hash, prover=bytes([prover]) * 20, expires_at=100)
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_with_nothing_known_the_oldest_is_taken(desk: Desk) -> None:
    assert desk.choice() == 1
    assert desk.strategy.reason == "batch 1 is worth 1000 wei at a chance of 1.00"


def test_batches_that_others_work_on_are_worth_less(desk: Desk) -> None:
    desk.intend(0)
    desk.intend(1)
    assert desk.choice() == 3


def test_no_race_is_run_that_is_worth_too_little_and_the_reason_says_what_was_wanted() -> None:
    desk = Desk(least=1001)
    assert desk.choice() is None
    assert desk.strategy.reason.endswith("worth 1000 wei at a chance of 1.00, wanted 1001")


def test_a_spike_of_gas_prices_makes_it_sit_out_until_it_is_over(desk: Desk) -> None:
    desk.experience.prices.win_gas = 100
    desk.experience.prices.gas_price = Wei(11)
    assert desk.choice() is None
    desk.experience.prices.gas_price = Wei(9)
    assert desk.choice() == 1


def test_energy_counts_for_every_thread(desk: Desk) -> None:
    desk.experience.odds.ours.add(10.0)
    desk.experience.prices.energy_per_core_second = Wei(40)
    assert desk.strategy.value(desk.open[0]) == 1000 - 10 * 2 * 40


def test_without_open_batches_there_is_no_choice(desk: Desk) -> None:
    assert desk.strategy.choose([]) is None
    assert desk.strategy.reason == "no batch is open"


def result(desk: Desk, outcome: Outcome, *, finished: bool = True, is_resent: bool = False) -> RaceResult:
    return RaceResult(
        candidate=desk.open[0],
        end=End(outcome, "POE-RAC-001", ""),
        winner=None,
        started_at=0.5,
        finished=FinishedProof(proof=PROOF, at=1.0) if finished else None,
        is_resent=is_resent,
        core_seconds=1.0,
        ended_at=2.0,
        receipt=RECEIPT if outcome is Outcome.WON else None,
    )


def test_our_times_and_gas_are_learnt_from_our_races(desk: Desk) -> None:
    desk.experience.prices.win_gas = WIN_GAS
    desk.experience.note_race(result(desk, Outcome.WON))
    assert desk.experience.odds.ours.median() == PROOF.seconds
    assert desk.experience.prices.win_gas == WIN_GAS + (RECEIPT.gas_used - WIN_GAS) // 10


def test_one_dear_win_does_not_keep_us_from_racing_for_ever(desk: Desk) -> None:
    """A rival's proofs that wait behind ours can treble the gas of a win, once."""
    desk.experience.prices.gas_price = Wei(1)
    desk.experience.prices.reward, desk.experience.prices.win_gas = Wei(600_000), WIN_GAS
    dear = replace(RECEIPT, gas_used=1_060_000)
    desk.experience.note_race(replace(result(desk, Outcome.WON, is_resent=True), receipt=dear))
    assert desk.choice() == 1


@pytest.mark.parametrize("outcome", [Outcome.LATE, Outcome.CANCELLED])
def test_what_late_proofs_cost_and_how_often_they_are_sent_is_learnt(desk: Desk, outcome: Outcome) -> None:
    prices = desk.experience.prices
    desk.experience.note_race(replace(result(desk, Outcome.LATE), burnt_gas=48_000))
    assert prices.late_share == pytest.approx(0.1)
    desk.experience.note_race(result(desk, outcome))
    assert prices.late_share == pytest.approx(0.09)
    assert prices.late_gas == 48_000


def test_a_proof_sent_again_or_never_finished_is_no_new_time(desk: Desk) -> None:
    desk.experience.note_race(result(desk, Outcome.WON, is_resent=True))
    desk.experience.note_race(result(desk, Outcome.CANCELLED, finished=False))
    assert len(desk.experience.odds.ours) == 0


def see(experience: Experience, scene: Scene, number: int, *, payee: bytes, old_root: int | None = None) -> None:
    execution = scene.candidates.replica.execution(scene.candidates.open()[number - 1].number)
    assert execution is not None
    root = execution.old_root if old_root is None else old_root
    event = accepted(number, root, execution.new_root, payee=payee, submitter=payee)  # type: ignore[arg-type]
    update = scene.updates[-1]
    experience.note_l1(replace(update, events=(event,)), scene.candidates)


def test_rivals_times_are_learnt_from_the_batches_they_win(desk: Desk) -> None:
    seen_at = desk.scene.candidates.open()[0].seen_at
    desk.now = seen_at + 4.0
    see(desk.experience, desk.scene, 1, payee=RIVAL)
    assert desk.experience.odds.theirs.median() == pytest.approx(4.0)


def test_our_own_wins_and_proofs_on_other_roots_are_no_rivals_times(desk: Desk) -> None:
    see(desk.experience, desk.scene, 1, payee=OURS)
    see(desk.experience, desk.scene, 1, payee=RIVAL, old_root=12345)
    assert len(desk.experience.odds.theirs) == 0
