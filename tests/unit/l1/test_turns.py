"""Whose turn it is, block by block, as Seats.sol has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.l1.interface import ChainUpdate, SequencerJoined
from poe.l1.ledger import Ledger
from poe.l1.turns import DUE_BLOCKS, Turns, due_at, turns_of
from poe.rollup.types import Address
from tests.fakes import NOWHERE, FakeFollower, FakeL1

A, B, C = (Address(bytes([letter]) * 20) for letter in b"abc")


def turns(*postings: int, window: int = 8) -> Turns:
    return Turns(seats=(A, B, C), window=window, postings=postings)


def may(turns: Turns, block: int) -> list[Address]:
    return [who for who in (A, B, C) if turns.may_post(who, block)]


@pytest.mark.parametrize(("block", "holder"), [(0, A), (7, A), (8, B), (15, B), (16, C), (23, C), (24, A), (240, A)])
def test_turns_pass_with_each_window(block: int, holder: Address) -> None:
    assert turns().holder(block) == holder


def test_without_seats_nobody_may_post() -> None:
    empty = Turns(seats=(), window=8)
    assert empty.holder(5) is None
    assert not empty.may_post(A, 5)


def test_half_a_window_of_silence_opens_it_to_every_seat() -> None:
    assert may(turns(), 24 + 3) == [A]
    assert may(turns(), 24 + 4) == [A, B, C]


@pytest.mark.parametrize(
    ("postings", "block", "is_open"),
    [
        ((26,), 29, False),  # 3 blocks after the last posting
        ((26,), 30, True),
        ((23,), 27, False),  # the first half is not over
        ((23,), 28, True),
        ((27,), 30, False),
        ((27,), 31, True),
        ((26, 30), 31, True),  # whoever posted in 30 did so after silence: the window stays open
        ((26, 30, 31), 31, True),
        ((26, 29, 30), 31, False),
        ((26, 30), 32, False),  # another window
    ],
)
def test_silence_counts_from_the_last_posting_and_an_open_window_stays_open(
    postings: tuple[int, ...], block: int, is_open: bool
) -> None:
    assert turns(*postings).is_open(block) is is_open


@pytest.mark.parametrize(("window", "half"), [(1, 1), (2, 1), (5, 3), (8, 4)])
def test_half_a_window_is_rounded_up(window: int, half: int) -> None:
    start = 30 * window
    opened = [block for block in range(start, start + window) if turns(window=window).is_open(block)]
    assert opened == list(range(start + half, start + window))


def test_one_that_has_no_seat_may_never_post() -> None:
    stranger = Address(b"z" * 20)
    assert not any(turns().may_post(stranger, block) for block in range(100))


@given(st.sets(st.integers(0, 60)), st.integers(1, 9), st.integers(0, 70))
def test_somebody_may_always_post_and_whoevers_turn_it_is_always_may(posts: set[int], window: int, block: int) -> None:
    rule = turns(*sorted(post for post in posts if post <= block), window=window)
    holder = rule.holder(block)
    assert holder is not None
    assert rule.may_post(holder, block)
    assert rule.posters([block]) in (frozenset({holder}), frozenset({A, B, C}))


def test_the_ledger_tells_seats_and_the_postings_that_matter() -> None:
    l1 = FakeL1()
    l1.join(A)
    follower, ledger = FakeFollower(l1), Ledger(l1._parameters)
    update = follower.step()
    assert update is not None
    ledger.apply(update)
    assert turns_of(ledger) == Turns(seats=(l1.account, A), window=10, postings=())
    assert due_at(ledger, 10 - DUE_BLOCKS - 3) == {l1.account, A}
    assert due_at(ledger, 10) == {A}


def test_a_seat_that_a_reorg_takes_back_has_no_turn() -> None:
    l1 = FakeL1()
    ledger = Ledger(l1._parameters)
    follower = FakeFollower(l1)
    l1.join(A)
    ledger.apply(follower.step() or pytest.fail("nothing"))
    l1.reorg(1)
    ledger.apply(follower.step() or pytest.fail("nothing"))
    assert turns_of(ledger).seats == (l1.account,)
    joined = SequencerJoined(origin=NOWHERE, sequencer=B, bond=l1._parameters.bond)
    ledger.apply(ChainUpdate(head=l1.head, rolled_back_to=None, events=(joined,)))
    assert turns_of(ledger).seats == (l1.account, B)
