"""Which batch a prover picks, and what it knows of others' picks."""

from __future__ import annotations

import pytest

from poe.net.interface import ProvingIntent
from poe.prover import intents as intents_module
from poe.prover.candidates import Candidate
from poe.prover.intents import LONGEST_SECONDS, PATIENCE_SECONDS, IntentBook
from poe.prover.strategy import LeastContested, OldestFirst
from poe.rollup.batch import batch_hash
from poe.rollup.types import BatchNumber
from tests.fakes_l1 import a_batch
from tests.fakes_prover import Scene


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(clock: Clock) -> IntentBook:
    return IntentBook(clock)


@pytest.fixture
def open_batches() -> list[Candidate]:
    scene = Scene()
    scene.post(1, [5, 6, 7])
    return scene.candidates.open()


def intent(salt: int, prover: int, *, expires_at: int = 1050) -> ProvingIntent:
    return ProvingIntent(
        number=BatchNumber(1), batch_hash=batch_hash(a_batch(salt)), prover=bytes([prover]) * 20, expires_at=expires_at
    )


def count(book: IntentBook, salt: int) -> int:
    return book.count(batch_hash(a_batch(salt)))


def chosen(strategy: OldestFirst | LeastContested, candidates: list[Candidate]) -> int | None:
    found = strategy.choose(candidates)
    return None if found is None else found.number


def test_oldest_first_takes_the_lowest_number(open_batches: list[Candidate]) -> None:
    assert chosen(OldestFirst(), open_batches[1:]) == 2


def test_nothing_open_means_sitting_out(book: IntentBook) -> None:
    assert chosen(OldestFirst(), []) is None
    assert chosen(LeastContested(book), []) is None


def test_without_intents_least_contested_is_the_oldest(book: IntentBook, open_batches: list[Candidate]) -> None:
    assert chosen(LeastContested(book), open_batches) == 1


def test_least_contested_leaves_batches_that_others_work_on(book: IntentBook, open_batches: list[Candidate]) -> None:
    book.note(intent(5, 1))
    assert chosen(LeastContested(book), open_batches) == 2
    book.note(intent(6, 2))
    assert chosen(LeastContested(book), open_batches) == 3


def test_among_equally_contested_the_oldest_is_taken(book: IntentBook, open_batches: list[Candidate]) -> None:
    for salt, prover in ((5, 1), (6, 2), (7, 3)):
        book.note(intent(salt, prover))
    assert chosen(LeastContested(book), open_batches) == 1


def test_a_contested_batch_is_raced_for_when_it_is_the_only_one(
    book: IntentBook, open_batches: list[Candidate]
) -> None:
    for prover in range(50):
        book.note(intent(5, prover))
    assert chosen(LeastContested(book), open_batches[:1]) == 1


def test_a_prover_counts_once_a_batch(book: IntentBook) -> None:
    for _ in range(3):
        book.note(intent(5, 1))
    book.note(intent(5, 2))
    assert (count(book, 5), count(book, 6)) == (2, 0)


def test_an_intent_expires(book: IntentBook, clock: Clock) -> None:
    book.note(intent(5, 1, expires_at=1010))
    clock.now = 1009.9
    assert count(book, 5) == 1
    clock.now = 1010
    assert count(book, 5) == 0


def test_an_intent_cannot_hold_a_batch_for_long(book: IntentBook, clock: Clock) -> None:
    book.note(intent(5, 1, expires_at=10**9))
    clock.now += LONGEST_SECONDS
    assert count(book, 5) == 0


def test_a_newer_intent_replaces_the_older(book: IntentBook, clock: Clock) -> None:
    book.note(intent(5, 1, expires_at=1100))
    book.note(intent(5, 1, expires_at=1001))
    clock.now = 1002
    assert count(book, 5) == 0


def test_a_flood_of_intents_is_bounded(book: IntentBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents_module, "MAX_INTENTS", 3)
    for prover in range(10):
        book.note(intent(5, prover))
    assert count(book, 5) == 3


def test_a_flood_of_claims_on_other_batches_does_not_begin_patience_anew(
    book: IntentBook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intents_module, "MAX_INTENTS", 3)
    for round_ in range(10):
        book.note(intent(5, 1, expires_at=5000))
        assert count(book, 5) == (round_ == 0)
        clock.now += PATIENCE_SECONDS + 1
        for other in range(100, 110):
            book.note(intent(other, 1, expires_at=5000))


def test_claims_that_are_long_past_make_room(book: IntentBook, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intents_module, "MAX_INTENTS", 1)
    book.note(intent(5, 1, expires_at=5000))
    book.note(intent(6, 1, expires_at=5000))
    assert (count(book, 5), count(book, 6)) == (1, 0)
    clock.now += intents_module.REMEMBERED_SECONDS + 1
    book.note(intent(6, 1, expires_at=5000))
    assert (count(book, 5), count(book, 6)) == (0, 1)


def test_a_claimed_batch_that_stays_open_is_open_to_all_again(
    book: IntentBook, clock: Clock, open_batches: list[Candidate]
) -> None:
    book.note(intent(5, 1))
    clock.now += PATIENCE_SECONDS
    book.note(intent(5, 2, expires_at=5000))
    assert chosen(LeastContested(book), open_batches) == 2
    clock.now += 1
    book.note(intent(5, 3, expires_at=5000))
    assert chosen(LeastContested(book), open_batches) == 1
