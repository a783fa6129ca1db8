"""A ledger that drops bodies: all else is as in one that keeps them, at a fraction of the memory, through any reorg."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace

import pytest

from poe.errors import BadAnswer
from poe.l1.interface import ArbiterEvent, BlockRef, ChainUpdate, LogOrigin
from poe.l1.ledger import Ledger
from poe.rollup.types import SLOT_BYTES, BatchNumber, Hash
from tests.fakes_l1 import ALICE, BOB, GENESIS_ROOT, PARAMETERS, SHAPE, accepted, finalized, sequenced

START = PARAMETERS.deployed_at_block
KEPT = 4


def step(number: int, *events: ArbiterEvent, rolled_back_to: int | None = None) -> ChainUpdate:
    """One L1 block."""
    ref = BlockRef(number=number, hash=Hash(number.to_bytes(32)), parent_hash=Hash(bytes(32)), timestamp=number)
    placed = tuple(
        replace(event, origin=LogOrigin(block=ref, tx_hash=Hash(bytes(32)), log_index=index))
        for index, event in enumerate(events)
    )
    return ChainUpdate(head=ref, rolled_back_to=rolled_back_to, events=placed)


def won(number: int) -> list[ArbiterEvent]:
    """A proof by BOB, landed by ALICE for a tip, and finality."""
    old, new = GENESIS_ROOT + number - 1, GENESIS_ROOT + number
    return [accepted(number, old, new, payee=BOB, submitter=ALICE, tip=2), finalized(number, new, payee=BOB)]


def grow(ledger: Ledger, first: int, last: int) -> None:
    """Batch n is posted, proven and final in block START + n."""
    for number in range(first, last + 1):
        ledger.apply(step(START + number, sequenced(number, ledger.head()[1], salt=number), *won(number)))


def lean(**kept: int) -> Ledger:
    return Ledger(PARAMETERS, keeps_bodies=False, **{"kept_batches": KEPT, **kept})


def facts(ledger: Ledger) -> tuple[object, ...]:
    """What a ledger knows besides bodies."""
    head = ledger.head()
    proofs = [dict(ledger.accepted(BatchNumber(number))) for number in range(1, head[0] + 1)]
    money = dict(ledger.wins()), dict(ledger.credits())
    return head, ledger.finalized_number, ledger.finalized_root, proofs, money, ledger.open_batches(), ledger.queue_end


def test_recent_batches_are_whole_and_older_ones_are_gone() -> None:
    ledger = lean()
    grow(ledger, 1, 12)
    known = [number for number in range(1, 13) if ledger.batch(BatchNumber(number)) is not None]
    assert known == [8, 9, 10, 11, 12]
    posting = ledger.batch(BatchNumber(12))
    assert posting is not None
    assert (posting.batch_hash, posting.number) == (ledger.head()[1], 12)
    assert posting.parent_hash == ledger.batch(BatchNumber(11)).batch_hash  # type: ignore[union-attr]


def test_a_deep_rollback_brings_back_everything_but_bodies() -> None:
    ledger, whole, fresh = lean(), Ledger(PARAMETERS, kept_batches=KEPT), lean()
    for one in (ledger, whole):
        grow(one, 1, 12)
        one.apply(step(START + 6, rolled_back_to=START + 6))
    grow(fresh, 1, 6)
    fresh.apply(step(START + 6))
    assert facts(ledger) == facts(whole) == facts(fresh)
    assert [whole.batch(BatchNumber(n)) is None for n in range(1, 7)] == [True, True, False, False, False, False]
    assert all(ledger.batch(BatchNumber(n)) is None for n in range(1, 7))


def test_after_a_deep_rollback_the_chain_goes_on_and_bodies_are_known_again() -> None:
    ledger, straight = lean(), lean()
    grow(ledger, 1, 12)
    ledger.apply(step(START + 6, rolled_back_to=START + 6))
    grow(ledger, 7, 20)
    grow(straight, 1, 20)
    assert facts(ledger) == facts(straight)
    assert [ledger.batch(BatchNumber(n)) for n in range(1, 21)] == [
        straight.batch(BatchNumber(n)) for n in range(1, 21)
    ]


def test_finality_alone_can_be_taken_back_from_a_batch_without_its_body() -> None:
    """Posted in one block, final in the next: the rollback reopens batches that the ledger had forgotten."""
    ledger, parent = lean(), Ledger(PARAMETERS).head()[1]
    posted = []
    for number in range(1, 13):
        posted.append(sequenced(number, parent, salt=number))
        parent = posted[-1].batch_hash
    ledger.apply(step(START + 1, *posted))
    ledger.apply(step(START + 2, *(event for number in range(1, 13) for event in won(number))))
    ledger.apply(step(START + 3))
    assert ledger.batch(BatchNumber(1)) is None
    ledger.apply(step(START + 1, rolled_back_to=START + 1))
    assert ledger.open_batches() == list(range(1, 13))
    assert ledger.exit_mode_due_at() is not None
    ledger.apply(step(START + 2, *(event for number in range(1, 13) for event in won(number))))
    assert (ledger.finalized_number, ledger.wins()) == (12, {BOB: 12})


def test_a_refused_update_leaves_nothing_behind() -> None:
    ledger = lean()
    grow(ledger, 1, 12)
    before = facts(ledger)
    good = sequenced(13, ledger.head()[1], salt=13)
    with pytest.raises(BadAnswer, match="finalizes next"):
        ledger.apply(step(START + 13, good, *won(13), finalized(15, GENESIS_ROOT + 15, payee=BOB)))
    assert facts(ledger) == before
    grow(ledger, 13, 13)
    assert ledger.finalized_number == 13


def test_what_a_rollback_needs_takes_less_than_a_batch_body() -> None:
    """64 blocks of 20 batches: the records of a ledger that keeps no bodies, by batch."""
    batches = 20

    def traced(ledger: Ledger) -> int:
        tracemalloc.start()
        number, parent = 0, ledger.head()[1]
        for block in range(64):
            events: list[ArbiterEvent] = []
            for _ in range(batches):
                number += 1
                posting = sequenced(number, parent, salt=number % 256)
                body = replace(posting.batch, data=bytes(bytearray(posting.batch.data)))
                parent = posting.batch_hash
                events += [replace(posting, batch=body), *won(number)]
            ledger.apply(step(START + block, *events))
        events.clear()
        del posting, body
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held // number

    traced(lean())  # what the first run alone allocates
    slim, full = traced(lean(kept_batches=batches)), traced(Ledger(PARAMETERS, kept_batches=batches))
    assert full - slim > 0.9 * SHAPE.slots * SLOT_BYTES, (slim, full)
    assert slim < 2600, f"{slim} bytes a batch on {sys.version}"
