"""Racers: hints from anybody, bounded so that a flood of them costs neither memory nor the sight of real races."""

from __future__ import annotations

from poe.rollup.types import Address, BatchNumber, Hash
from poe.web.racers import LONGEST_SECONDS, MAX_BATCHES, MAX_RACERS, Racers
from tests.fakes_web import PAYEES, START, an_intent, hash_of

A, B = PAYEES[:2]


def is_real(number: BatchNumber, batch_hash: Hash) -> bool:
    return hash_of(number) == batch_hash


def test_racers_are_told_in_the_order_in_which_they_spoke() -> None:
    racers = Racers(is_real)
    assert racers.note(an_intent(1, B), START)
    assert racers.note(an_intent(1, A), START + 1)
    assert [(racer.prover, racer.since) for racer in racers.of(BatchNumber(1), hash_of(1))] == [
        (B, START),
        (A, START + 1),
    ]


def test_a_repeated_intent_moves_the_end_and_not_the_beginning() -> None:
    racers = Racers(is_real)
    racers.note(an_intent(1, A, until=START + 10), START)
    assert racers.note(an_intent(1, A, until=START + 40), START + 9)
    assert not racers.note(an_intent(1, A, until=START + 40), START + 9)
    (racer,) = racers.of(BatchNumber(1), hash_of(1))
    assert (racer.since, racer.until) == (START, START + 40)


def test_an_intent_that_says_for_ever_ends() -> None:
    racers = Racers(is_real)
    racers.note(an_intent(1, A, until=START + 10**9), START)
    (racer,) = racers.of(BatchNumber(1), hash_of(1))
    assert racer.until == START + LONGEST_SECONDS


def test_a_crowd_on_one_batch_is_cut_off() -> None:
    racers = Racers(is_real)
    told = [racers.note(an_intent(1, Address(i.to_bytes(20))), START) for i in range(MAX_RACERS + 5)]
    assert told == [True] * MAX_RACERS + [False] * 5
    assert len(racers.of(BatchNumber(1), hash_of(1))) == MAX_RACERS


def test_a_flood_of_invented_batches_does_not_push_out_a_real_one() -> None:
    racers = Racers(is_real)
    racers.note(an_intent(1, A), START)
    for i in range(3 * MAX_BATCHES):
        racers.note(an_intent(2, B, of=Hash(i.to_bytes(32))), START)
    assert len(racers.of(BatchNumber(1), hash_of(1))) == 1
    assert sum(bool(racers.of(BatchNumber(2), Hash(i.to_bytes(32)))) for i in range(3 * MAX_BATCHES)) < MAX_BATCHES


def test_the_oldest_real_batch_makes_room_for_a_new_one() -> None:
    racers = Racers(is_real)
    for number in range(1, MAX_BATCHES + 2):
        racers.note(an_intent(number, A), START)
    assert racers.of(BatchNumber(1), hash_of(1)) == []
    assert racers.of(BatchNumber(MAX_BATCHES + 1), hash_of(MAX_BATCHES + 1))
