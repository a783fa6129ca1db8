"""Decoding of the arbiter's logs: exact round trip, and refusal of everything not exactly so."""

from __future__ import annotations

import dataclasses

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from poe.l1.abi import load_artifact
from poe.l1.answers import RawLog, raw_log
from poe.l1.events import EventDecoder
from poe.l1.interface import ArbiterEvent
from poe.l1.ledger import GENESIS_HASH
from poe.rollup.types import FIELD_ORDER, AccountIndex, Gwei, Wei
from tests.fakes_l1 import (
    ALICE,
    BOB,
    NOWHERE,
    SHAPE,
    FakeChain,
    accepted,
    alarm_raised,
    award_waits,
    awarded,
    batch_refunded,
    bond_changed,
    bond_released,
    contends,
    credited,
    deposited,
    entry_refunded,
    exit_mode_entered,
    finalized,
    forced_exit,
    forced_transaction,
    gave_up,
    joined,
    left,
    sequenced,
    slashed,
    withdrawn,
)

DECODER = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
EVENTS: dict[str, ArbiterEvent] = {
    "Deposited": deposited(3),
    "ForcedExitQueued": forced_exit(4),
    "ForcedTransactionQueued": forced_transaction(5),
    "BatchSequenced": sequenced(1, GENESIS_HASH, salt=9, queue_end=2),
    "ProofAccepted": accepted(1, 5, 6, tip=7),
    "BatchFinalized": finalized(1, 6),
    "ExitsCredited": credited(1, (0, ALICE, 5), (3, BOB, 2**64 - 1)),
    "Withdrawn": withdrawn(ALICE, 2**200),
    "ExitModeEntered": exit_mode_entered(0, FIELD_ORDER - 1, queue_end=2**64 - 1),
    "BatchRefunded": batch_refunded(9),
    "EntryRefunded": entry_refunded(7, BOB, 2**90),
    "Left": left(SHAPE.capacity - 1, ALICE, 2**96 - 1),
    "SequencerJoined": joined(ALICE, bond=2**96 - 1),
    "BondChanged": bond_changed(BOB, 5, 7),
    "BondReleased": bond_released(BOB, 2**96 - 1),
    "SequencerSlashed": slashed(ALICE, BOB, 9),
    "ProofContends": contends(3, FIELD_ORDER - 1, BOB, tip=2**96 - 1),
    "AwardWaits": award_waits(3, 2**64 - 1),
    "Awarded": awarded(3, ALICE),
    "AlarmRaised": alarm_raised(3, 5, 6, FIELD_ORDER - 1, bounty=2**255),
}


def posted(event: ArbiterEvent) -> tuple[RawLog, FakeChain]:
    chain = FakeChain()
    chain.mine(event)
    return raw_log(chain.blocks[-1].logs[0]), chain


def decoded(log: RawLog) -> ArbiterEvent:
    (event,) = DECODER.decode(log, FakeChain().head)
    return event


@pytest.mark.parametrize("name", EVENTS)
def test_what_the_arbiter_emits_decodes_to_the_event(name: str) -> None:
    log, chain = posted(EVENTS[name])
    (event,) = DECODER.decode(log, chain.head)
    assert event.origin.block == chain.head
    assert event.origin.tx_hash == log.tx_hash
    assert dataclasses.replace(event, origin=EVENTS[name].origin) == EVENTS[name]


@pytest.mark.parametrize("name", EVENTS)
def test_a_byte_more_or_less_is_refused(name: str) -> None:
    log, _ = posted(EVENTS[name])
    for data in (log.data + b"\0", log.data[:-1], log.data + bytes(32), b""):
        with pytest.raises(ValueError, match=r"."):
            decoded(dataclasses.replace(log, data=data))


@pytest.mark.parametrize("name", EVENTS)
def test_a_topic_more_or_less_is_refused(name: str) -> None:
    log, _ = posted(EVENTS[name])
    for topics in ((), log.topics[:-1], (*log.topics, bytes(32))):
        with pytest.raises(ValueError, match="topic"):
            decoded(dataclasses.replace(log, topics=topics))


@pytest.mark.parametrize("name", EVENTS)
def test_a_dirty_topic_is_refused(name: str) -> None:
    """Numbers of 64 bits and addresses fill a topic's low end only."""
    log, _ = posted(EVENTS[name])
    dirty = (log.topics[0], b"\x01" + log.topics[1][1:], *log.topics[2:])
    with pytest.raises(ValueError, match="ABI"):
        decoded(dataclasses.replace(log, topics=dirty))


def test_an_unknown_event_is_refused() -> None:
    log, _ = posted(EVENTS["Withdrawn"])
    with pytest.raises(ValueError, match="no event"):
        decoded(dataclasses.replace(log, topics=(bytes(32), *log.topics[1:])))


def test_a_batch_hash_that_is_not_the_datas_is_refused() -> None:
    log, _ = posted(EVENTS["BatchSequenced"])
    with pytest.raises(ValueError, match="hash"):
        decoded(dataclasses.replace(log, topics=(*log.topics[:2], bytes(32))))


def _with_values(name: str, *values: object) -> RawLog:
    log, _ = posted(EVENTS[name])
    kind = next(kind for kind in load_artifact("Arbiter").events.values() if kind.name == name)
    return dataclasses.replace(log, data=encode(kind.data, values))


@pytest.mark.parametrize(
    "log",
    [
        _with_values("Deposited", FIELD_ORDER, 1, ALICE, 5),
        _with_values("Deposited", 1, FIELD_ORDER, ALICE, 5),
        _with_values("Deposited", 1, 1, bytes(20), 5),
        _with_values("Deposited", 1, 1, ALICE, 0),
        _with_values("ProofAccepted", FIELD_ORDER, 1, ALICE, 0),
        _with_values("ProofAccepted", 1, FIELD_ORDER, ALICE, 0),
        _with_values("BatchFinalized", FIELD_ORDER, 0),
        _with_values("BatchSequenced", bytes(32), (SHAPE.slots + 1, 0, 0), bytes(512), 0, 0),
        _with_values("BatchSequenced", bytes(32), (0, SHAPE.slots + 1, 0), bytes(512), 0, 0),
        _with_values("BatchSequenced", bytes(32), (2, SHAPE.slots - 1, 0), bytes(512), 0, 0),
        _with_values("BatchSequenced", bytes(32), (0, 0, 0), bytes(511), 0, 0),
        _with_values("ExitModeEntered", FIELD_ORDER, 0),
        _with_values("ExitsCredited", [1 << 232]),
        _with_values("ExitsCredited", [SHAPE.slots << 224]),
        _with_values("ExitsCredited", [1 << 224, 1 << 224]),
        _with_values("ExitsCredited", [1 << 224, 0]),
        _with_values("AlarmRaised", FIELD_ORDER, 1, 1, 0),
        _with_values("AlarmRaised", 1, FIELD_ORDER, 1, 0),
        _with_values("AlarmRaised", 1, 1, FIELD_ORDER, 0),
    ],
)
def test_values_out_of_range_are_refused(log: RawLog) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(log)


def test_an_account_outside_the_tree_is_refused() -> None:
    log, _ = posted(EVENTS["Deposited"])
    outside = SHAPE.capacity.to_bytes(32)
    with pytest.raises(ValueError, match="outside the tree"):
        decoded(dataclasses.replace(log, topics=(*log.topics[:2], outside)))
    log, _ = posted(EVENTS["Left"])
    with pytest.raises(ValueError, match="outside the tree"):
        decoded(dataclasses.replace(log, topics=(log.topics[0], outside, log.topics[2])))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_may_have_forced_exits(count: int) -> None:
    event = sequenced(1, GENESIS_HASH, deposits=1, forced=count)
    assert dataclasses.replace(decoded(posted(event)[0]), origin=event.origin) == event


def test_a_forced_exit_of_an_account_that_cannot_exist_is_an_entry_all_the_same() -> None:
    """The arbiter takes it, so to leave it out would put the whole queue out of step."""
    event = dataclasses.replace(forced_exit(0), account=AccountIndex(2**48 - 1), amount=Gwei(0))
    assert dataclasses.replace(decoded(posted(event)[0]), origin=event.origin) == event


@pytest.mark.parametrize(
    "name",
    [
        "BatchSequenced",
        "ProofAccepted",
        "BatchFinalized",
        "ExitsCredited",
        "BatchRefunded",
        "AwardWaits",
        "Awarded",
        "AlarmRaised",
    ],
)
def test_batch_zero_is_refused(name: str) -> None:
    log, _ = posted(EVENTS[name])
    with pytest.raises(ValueError, match="from 1"):
        decoded(dataclasses.replace(log, topics=(log.topics[0], bytes(32), *log.topics[2:])))


def _proved(new_root: int = 6, reward: int = 9) -> RawLog:
    """`BatchProved` of batch 3 for Bob: old root, new root, submitter, tip, reward."""
    kind = next(kind for kind in load_artifact("Arbiter").events.values() if kind.name == "BatchProved")
    log, _ = posted(EVENTS["ProofAccepted"])
    topics = (kind.topic, (3).to_bytes(32), bytes(12) + BOB)
    return dataclasses.replace(log, topics=topics, data=encode(kind.data, (5, new_root, ALICE, 7, reward)))


def test_a_proof_that_is_final_at_once_is_two_events_by_one_log() -> None:
    proof, final = DECODER.decode(_proved(), FakeChain().head)
    assert dataclasses.replace(proof, origin=NOWHERE) == accepted(3, 5, 6, tip=7)
    assert dataclasses.replace(final, origin=NOWHERE) == dataclasses.replace(finalized(3, 6), reward=Wei(9))
    assert proof.origin == final.origin


def test_a_proof_that_is_final_at_once_is_decoded_strictly() -> None:
    log = _proved()
    for bad in (_proved(new_root=FIELD_ORDER), dataclasses.replace(log, data=log.data[:-32])):
        with pytest.raises(ValueError, match=r"."):
            DECODER.decode(bad, FakeChain().head)


def test_a_seat_given_up_is_told_by_its_topic_alone() -> None:
    event = gave_up(BOB)
    log, _ = posted(event)
    assert dataclasses.replace(decoded(log), origin=NOWHERE) == event
    with pytest.raises(ValueError, match="ABI"):
        decoded(dataclasses.replace(log, data=bytes(32)))


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=2000))
def test_any_data_decodes_or_is_a_value_error(name: str, data: bytes) -> None:
    log, _ = posted(EVENTS[name])
    try:
        event = decoded(dataclasses.replace(log, data=data))
    except ValueError:
        return
    assert type(event).__name__ == name


@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_a_changed_byte_never_decodes_to_the_same_event(name: str, draw: st.DataObject) -> None:
    log, _ = posted(EVENTS[name])
    data = bytearray(log.data)
    data[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    try:
        event = decoded(dataclasses.replace(log, data=bytes(data)))
    except ValueError:
        return
    assert dataclasses.replace(event, origin=EVENTS[name].origin) != EVENTS[name]
