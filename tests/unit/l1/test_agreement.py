"""Votes of endpoints: what a majority can do, what a minority cannot, whatever it says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.l1.agreement import (
    SETTLED_BLOCKS,
    STALE_BLOCKS,
    STALE_SECONDS,
    compared_height,
    judge,
    majority,
    standing_still,
)
from poe.l1.interface import BlockRef
from poe.l1.quorum import logs_ballot, read_votes, receipt_ballot
from poe.rollup.types import Hash

NOW = 1_700_000_000.0
HONEST = 1000


def head(number: int, *, age: float = 0.0) -> BlockRef:
    return BlockRef(number=number, hash=Hash(bytes(32)), parent_hash=Hash(bytes(32)), timestamp=int(NOW - age))


def test_only_more_than_half_is_a_majority() -> None:
    assert majority({1: "a", 2: "a", 3: "b"}, of=3) == "a"
    assert majority({1: "a", 2: "b"}, of=2) is None
    assert majority({1: "a", 2: "a", 3: "b", 4: "b"}, of=4) is None
    assert majority({1: "a"}, of=2) is None, "the other was there and had no answer"
    assert majority({1: "a"}, of=1) == "a"
    assert majority({}, of=0) is None


@given(st.dictionaries(st.integers(1, 8), st.sampled_from("abc"), min_size=1))
def test_a_majority_is_what_most_say_and_there_is_at_most_one(votes: dict[int, str]) -> None:
    winner = majority(votes, len(votes))
    counts = {value: list(votes.values()).count(value) for value in votes.values()}
    assert winner == next((value for value, count in counts.items() if 2 * count > len(votes)), None)


@given(
    honest=st.lists(st.integers(HONEST - 2, HONEST), min_size=2, max_size=5),
    lies=st.lists(st.integers(0, 2**64 - 1), max_size=4),
    seed=st.integers(0, 1000),
)
def test_fewer_heads_than_the_honest_move_the_compared_height_by_little(
    honest: list[int], lies: list[int], seed: int
) -> None:
    """The honest majority is always near the middle, and compares at a height that each of it has."""
    lies = lies[: len(honest) - 1]
    heads = [*honest, *lies]
    random.Random(seed).shuffle(heads)
    height, near = compared_height({place: head(number) for place, number in enumerate(heads)})
    assert {place for place, number in enumerate(heads) if HONEST - 2 <= number <= HONEST} <= near
    assert HONEST - 2 - 2 * STALE_BLOCKS - SETTLED_BLOCKS <= height <= min(honest)


@given(st.dictionaries(st.integers(1, 8), st.sampled_from("abcd")), st.sets(st.integers(1, 8)))
def test_a_verdict_splits_the_voters_and_trusts_more_than_half_or_none(hashes: dict[int, str], more: set[int]) -> None:
    voters = frozenset(hashes) | more
    verdict = judge(hashes, voters)
    assert verdict.trusted | verdict.dissenting == voters
    assert not verdict.trusted & verdict.dissenting
    assert not verdict.trusted or 2 * len(verdict.trusted) > len(voters)
    assert verdict.is_agreed == bool(verdict.trusted)
    assert len({hashes[place] for place in verdict.trusted}) <= 1


@pytest.mark.parametrize(
    ("behind", "age", "stands"),
    [(0, 3600, False), (1, 3600, True), (50, STALE_SECONDS - 1, False), (50, STALE_SECONDS + 2, True), (1, 0, False)],
)
def test_whoever_is_behind_with_an_old_head_stands_still(behind: int, age: float, stands: bool) -> None:
    heads = {1: head(HONEST), 2: head(HONEST - behind, age=age)}
    assert standing_still(heads, NOW) == (frozenset({2}) if stands else frozenset())


def test_one_that_claims_a_block_more_on_a_quiet_chain_leaves_nobody_out() -> None:
    heads = {1: head(HONEST, age=9999), 2: head(HONEST, age=9999), 3: head(HONEST + 1)}
    assert standing_still(heads, NOW) == frozenset()


def test_a_chain_without_blocks_stands_still_as_a_whole_and_nobody_is_left_out() -> None:
    assert standing_still({1: head(9, age=9999), 2: head(9, age=9999)}, NOW) == frozenset()
    assert standing_still({}, NOW) == frozenset()


def test_young_chains_are_compared_at_their_genesis() -> None:
    assert compared_height({1: head(0), 2: head(1)}) == (0, frozenset({1, 2}))


@pytest.mark.parametrize("params", [[], ["x"], [7], [{"blockHash": 7}], [{}], [None]])
def test_odd_questions_have_a_ballot_all_the_same(params: list[object]) -> None:
    assert logs_ballot(params).block is None
    assert receipt_ballot(params).patience_seconds > 0


@pytest.mark.parametrize("answer", [None, 7, "0x", {}, [{}], [None]])
def test_malformed_logs_are_no_vote(answer: object) -> None:
    votes, malformed = read_votes({1: answer, 2: []}, logs_ballot([{}]))
    assert (votes, list(malformed)) == ({2: ()}, [1])


@pytest.mark.parametrize("answer", [7, "0x", {}, []])
def test_a_malformed_receipt_is_no_vote_and_none_is_one(answer: object) -> None:
    votes, malformed = read_votes({1: answer, 2: None}, receipt_ballot(["0x12"]))
    assert (list(votes), list(malformed)) == ([2], [1])
