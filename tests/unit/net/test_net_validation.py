"""What becomes of gossip: reject the provably false, ignore the old, early and repeated, deliver once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poe.errors import NetError
from poe.net.interface import BatchAnnouncement, ProvingIntent, Verdict
from poe.net.messages import encode_announcement, encode_intent
from poe.net.seats import Seats
from poe.net.validation import Gate, Rules, TokenBuckets, judge_intent
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Shape
from tests.fakes_net import DOMAIN, SHAPE, SequencerKey, make_batch, make_intent, recover

NOW = 1_000_000.0
KEY = SequencerKey()
OTHER = SequencerKey(2)
STRANGER = SequencerKey(3)
RULES = Rules(domain=DOMAIN, shape=SHAPE, recover=recover)
ORIGIN = b"origin"


class Harness:
    """A gate with what it delivered and a clock that stands still."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.now = NOW
        self.announcements: list[BatchAnnouncement] = []
        self.intents: list[ProvingIntent] = []
        self.gate = Gate(
            rules,
            clock=lambda: self.now,
            on_announcement=self.announcements.append,
            on_intent=self.intents.append,
        )
        self.gate.seats.set([KEY.address, OTHER.address], [KEY.address])

    def announce(self, announcement: BatchAnnouncement, origin: bytes = ORIGIN) -> Verdict:
        return self.gate.judge(self.gate.batch_topic, origin, encode_announcement(announcement))

    def intend(self, intent: ProvingIntent) -> Verdict:
        return self.gate.judge(self.gate.intent_topic, ORIGIN, encode_intent(intent))


@pytest.fixture
def harness() -> Harness:
    return Harness()


def intent_at(expires_at: float, number: int = 1) -> ProvingIntent:
    return replace(make_intent(number), expires_at=int(expires_at))


def test_a_signed_announcement_is_accepted_and_delivered(harness: Harness) -> None:
    announcement = KEY.announce(1, make_batch(1))
    assert harness.announce(announcement) is Verdict.ACCEPT
    assert harness.announcements == [announcement]


def test_a_key_that_never_had_a_seat_is_rejected(harness: Harness) -> None:
    assert harness.announce(STRANGER.announce(1, make_batch(1))) is Verdict.REJECT
    assert harness.announcements == []


def test_a_sequencer_whose_turn_is_not_near_is_ignored_until_it_is(harness: Harness) -> None:
    announcement = OTHER.announce(1, make_batch(1))
    assert harness.announce(announcement) is Verdict.IGNORE
    harness.gate.seats.set([KEY.address, OTHER.address], [OTHER.address])
    assert harness.announce(announcement) is Verdict.ACCEPT
    assert harness.announcements == [announcement]


def test_one_that_left_its_seat_is_ignored_and_not_held_against_whoever_passes_it_on(harness: Harness) -> None:
    harness.gate.seats.set([OTHER.address], [OTHER.address])
    assert harness.announce(KEY.announce(1, make_batch(1))) is Verdict.IGNORE
    assert harness.announce(STRANGER.announce(1, make_batch(1))) is Verdict.REJECT


def test_before_l1_has_told_who_has_a_seat_nobody_is_accepted_or_rejected() -> None:
    harness = Harness()
    harness.gate.seats = Seats()
    assert harness.announce(STRANGER.announce(1, make_batch(1))) is Verdict.IGNORE
    assert harness.announce(replace(KEY.announce(1, make_batch(1)), signature=bytes(65))) is Verdict.REJECT


def test_when_all_have_left_nobody_is_accepted(harness: Harness) -> None:
    harness.gate.seats.set([], [])
    assert harness.announce(KEY.announce(1, make_batch(1))) is Verdict.IGNORE
    assert harness.announce(STRANGER.announce(1, make_batch(1))) is Verdict.REJECT


def test_former_sequencers_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe.net.seats.MAX_FORMER", 3)
    seats, accounts = Seats(), [Address(bytes([number]) * 20) for number in range(5)]
    for account in accounts:
        seats.set([account, accounts[-1]], [account])
    assert [seats.judge(account) for account in accounts] == [
        Verdict.REJECT,
        Verdict.REJECT,
        Verdict.IGNORE,
        Verdict.IGNORE,
        Verdict.ACCEPT,
    ]


def test_another_rollups_signature_is_rejected(harness: Harness) -> None:
    announcement = KEY.announce(1, make_batch(1), domain=FieldElement(DOMAIN + 1))
    assert harness.announce(announcement) is Verdict.REJECT


@given(st.binary(min_size=65, max_size=65))
def test_a_random_signature_is_rejected(signature: bytes) -> None:
    announcement = replace(KEY.announce(1, make_batch(1)), signature=signature)
    assert Harness().announce(announcement) is Verdict.REJECT


def test_another_shape_is_rejected(harness: Harness) -> None:
    announcement = KEY.announce(1, make_batch(1, Shape(slots=5, depth=5)))
    assert harness.announce(announcement) is Verdict.REJECT


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (35, Verdict.IGNORE),
        (36, Verdict.ACCEPT),
        (100, Verdict.ACCEPT),
        (108, Verdict.ACCEPT),
        (109, Verdict.IGNORE),
        (2**64 - 1, Verdict.IGNORE),
    ],
)
def test_only_numbers_near_the_head_are_accepted(harness: Harness, number: int, verdict: Verdict) -> None:
    harness.gate.set_head(BatchNumber(100))
    assert harness.announce(KEY.announce(number, make_batch(1))) is verdict


def test_signatures_are_not_checked_far_from_the_head() -> None:
    def must_not_be_called(digest: Hash, signature: bytes) -> None:
        raise AssertionError("an expensive check came first")

    harness = Harness(replace(RULES, recover=must_not_be_called))
    assert harness.announce(KEY.announce(500, make_batch(1))) is Verdict.IGNORE


def test_the_same_content_is_delivered_once_whoever_repeats_it(harness: Harness) -> None:
    announcement = KEY.announce(1, make_batch(1))
    assert harness.announce(announcement) is Verdict.ACCEPT
    assert harness.announce(announcement, b"other origin") is Verdict.IGNORE
    assert harness.announcements == [announcement]


def test_the_first_contradiction_is_delivered_and_counted_and_no_further_one(harness: Harness) -> None:
    first, second, third = (KEY.announce(1, make_batch(seed)) for seed in (1, 2, 3))
    assert [harness.announce(each) for each in (first, second, third, second)] == [
        Verdict.ACCEPT,
        Verdict.ACCEPT,
        Verdict.IGNORE,
        Verdict.IGNORE,
    ]
    assert harness.announcements == [first, second]
    assert harness.gate.equivocations == 1


def test_a_forged_contradiction_does_not_use_up_the_place_of_a_true_one(harness: Harness) -> None:
    harness.announce(KEY.announce(1, make_batch(1)))
    assert harness.announce(STRANGER.announce(1, make_batch(2))) is Verdict.REJECT
    assert harness.announce(KEY.announce(1, make_batch(3))) is Verdict.ACCEPT
    assert harness.gate.equivocations == 1


def test_two_sequencers_batches_of_one_number_are_both_delivered_and_are_no_equivocation(harness: Harness) -> None:
    harness.gate.seats.set([KEY.address, OTHER.address], [KEY.address, OTHER.address])
    announcements = [key.announce(1, make_batch(seed)) for seed, key in enumerate((KEY, OTHER, KEY, OTHER))]
    assert [harness.announce(each) for each in announcements] == [Verdict.ACCEPT] * 4
    assert harness.announcements == announcements
    assert harness.gate.equivocations == 2


def test_another_batch_on_another_parent_is_no_equivocation(harness: Harness) -> None:
    """A reorg of L1 gave the number another parent."""
    first = KEY.announce(1, make_batch(1), parent_hash=Hash(b"a" * 32))
    assert harness.announce(first) is Verdict.ACCEPT
    assert harness.announce(KEY.announce(1, make_batch(2), parent_hash=Hash(b"b" * 32))) is Verdict.ACCEPT
    assert harness.gate.equivocations == 0


def test_a_content_that_another_sequencer_signs_again_is_not_delivered_again(harness: Harness) -> None:
    harness.gate.seats.set([KEY.address, OTHER.address], [KEY.address, OTHER.address])
    assert harness.announce(KEY.announce(1, make_batch(1))) is Verdict.ACCEPT
    assert harness.announce(OTHER.announce(1, make_batch(1))) is Verdict.IGNORE


def test_what_leaves_the_window_is_forgotten(harness: Harness) -> None:
    for number in range(1, 9):
        harness.announce(KEY.announce(number, make_batch(number)))
    harness.gate.set_head(BatchNumber(70))
    assert set(harness.gate._heard) == {6, 7, 8}


def test_garbage_is_rejected_on_every_topic(harness: Harness) -> None:
    for topic in harness.gate.topics:
        assert harness.gate.judge(topic, ORIGIN, b"\xffgarbage") is Verdict.REJECT


def test_an_oversize_message_is_rejected(harness: Harness) -> None:
    assert harness.gate.judge(harness.gate.batch_topic, ORIGIN, bytes(4097)) is Verdict.REJECT


def test_an_origin_that_floods_is_ignored_and_others_are_not(harness: Harness) -> None:
    raw = encode_announcement(KEY.announce(1, make_batch(1)))
    for _ in range(64):
        harness.gate.judge(harness.gate.batch_topic, b"flooder", raw)
    fresh = KEY.announce(2, make_batch(2))
    assert harness.announce(fresh, b"flooder") is Verdict.IGNORE
    assert harness.announce(fresh, b"honest") is Verdict.ACCEPT
    harness.now += 0.05
    assert harness.announce(KEY.announce(3, make_batch(3)), b"flooder") is Verdict.ACCEPT


def test_a_fresh_intent_is_delivered_once(harness: Harness) -> None:
    intent = intent_at(NOW + 30)
    assert [harness.intend(intent), harness.intend(intent)] == [Verdict.ACCEPT, Verdict.IGNORE]
    assert harness.intents == [intent]


@pytest.mark.parametrize(
    ("expires_at", "number", "verdict"),
    [
        (NOW, 1, Verdict.IGNORE),
        (NOW + 1, 1, Verdict.ACCEPT),
        (NOW + 600, 1, Verdict.ACCEPT),
        (NOW + 601, 1, Verdict.IGNORE),
        (2**64 - 1, 1, Verdict.IGNORE),
        (NOW + 1, 9, Verdict.IGNORE),
    ],
)
def test_an_intent_is_a_hint_and_never_rejected(expires_at: float, number: int, verdict: Verdict) -> None:
    assert judge_intent(intent_at(expires_at, number), head=BatchNumber(0), now=NOW) is verdict


def test_remembered_intents_are_bounded(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe.net.validation.MAX_INTENTS", 3)
    for seconds in range(1, 10):
        harness.intend(intent_at(NOW + seconds))
    assert len(harness.gate._intents) == 3


def test_our_own_announcement_must_be_one_that_peers_accept(harness: Harness) -> None:
    harness.gate.check_own(KEY.announce(900, make_batch(1)))
    with pytest.raises(NetError, match="wrong shape or signer"):
        harness.gate.check_own(STRANGER.announce(1, make_batch(1)))


def test_a_bucket_refills_to_its_burst_and_no_further() -> None:
    buckets = TokenBuckets(rate=2, burst=3, keys=10)
    assert [buckets.take(b"k", 0) for _ in range(4)] == [True, True, True, False]
    assert [buckets.take(b"k", 0.5) for _ in range(2)] == [True, False]
    assert [buckets.take(b"k", 1000) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_steps_back_gives_no_tokens() -> None:
    buckets = TokenBuckets(rate=1, burst=1, keys=10)
    assert [buckets.take(b"k", 100), buckets.take(b"k", 0), buckets.take(b"k", 0.5)] == [True, False, False]


def test_the_least_recently_used_bucket_is_forgotten() -> None:
    buckets = TokenBuckets(rate=0.001, burst=1, keys=2)
    for key in (b"a", b"b", b"c"):
        assert buckets.take(key, 0)
    assert not buckets.take(b"c", 0)
    assert buckets.take(b"a", 0)
