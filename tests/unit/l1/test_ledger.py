"""The ledger: what events add up to, refusal of impossible ones, and rollbacks that leave no trace."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.errors import BadAnswer
from poe.l1 import exit_mode
from poe.l1.interface import AlarmRaised, ArbiterEvent, BlockRef, ChainUpdate, Deposited, LogOrigin
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Hash
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    REWARD,
    accepted,
    alarm_raised,
    batch_refunded,
    bond_changed,
    bond_released,
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

DEPLOYED = PARAMETERS.deployed_at_block


def block(number: int, salt: int = 0) -> BlockRef:
    return BlockRef(
        number=number,
        hash=Hash(bytes((salt,)) + number.to_bytes(31)),
        parent_hash=Hash(bytes((salt,)) + (number - 1).to_bytes(31)),
        timestamp=number,
    )


def origin(number: int, index: int = 0) -> LogOrigin:
    return LogOrigin(block=block(number), tx_hash=Hash(bytes(32)), log_index=index)


def update(number: int, *events: ArbiterEvent, rolled_back_to: int | None = None) -> ChainUpdate:
    return ChainUpdate(head=block(number), rolled_back_to=rolled_back_to, events=events)


def observed(ledger: Ledger) -> object:
    """Everything a role can see."""
    head, batch_hash = ledger.head()
    numbers = [BatchNumber(n) for n in range(head + 2)]
    return (
        head,
        batch_hash,
        [ledger.batch(n) for n in numbers],
        [dict(ledger.accepted(n)) for n in numbers],
        ledger.open_batches(),
        ledger.pending_entries(),
        [ledger.are_exits_credited(n) for n in numbers],
        ledger.queue_end,
        ledger.finalized_number,
        ledger.finalized_root,
        dict(ledger.wins()),
        dict(ledger.credits()),
        ledger.exit_mode,
        ledger.exit_mode_due_at(),
        ledger.void_batches(),
        ledger.void_entries(),
        [ledger.has_left(AccountIndex(account)) for account in range(8)],
        ledger.left_count,
        ledger.sequencers,
        dict(ledger.bonds),
        ledger.pending_awards(),
    )


@pytest.fixture
def ledger() -> Ledger:
    """Two batches; the second proven on the root that a proof of the first will leave."""
    first = sequenced(1, GENESIS_HASH, origin=origin(5))
    second = sequenced(2, first.batch_hash, salt=1, origin=origin(6))
    made = Ledger(PARAMETERS)
    made.apply(update(5, first))
    made.apply(update(6, second, accepted(2, 1001, 1002, tip=3, origin=origin(6, 1))))
    return made


def test_a_new_ledger_is_at_genesis() -> None:
    ledger = Ledger(PARAMETERS)
    assert ledger.head() == (0, GENESIS_HASH)
    assert (ledger.finalized_number, ledger.finalized_root) == (0, GENESIS_ROOT)
    assert ledger.open_batches() == []
    assert ledger.batch(BatchNumber(0)) is None
    assert not ledger.is_sequenced(BatchNumber(0), GENESIS_HASH)


def test_sequenced_batches_are_held_whole(ledger: Ledger) -> None:
    second = ledger.batch(BatchNumber(2))
    assert second is not None
    assert ledger.head() == (2, second.batch_hash)
    assert ledger.is_sequenced(BatchNumber(2), second.batch_hash)
    assert not ledger.is_sequenced(BatchNumber(1), second.batch_hash)
    assert not ledger.is_sequenced(BatchNumber(3), second.batch_hash)


def test_a_proof_behind_an_unproven_batch_leaves_it_open(ledger: Ledger) -> None:
    assert ledger.open_batches() == [1, 2]
    assert ledger.accepted(BatchNumber(2))[FieldElement(1001)].payee == BOB
    assert ledger.accepted(BatchNumber(1)) == {}


def test_a_proof_on_the_canonical_root_closes_all_it_connects(ledger: Ledger) -> None:
    ledger.apply(update(7, accepted(1, GENESIS_ROOT, 1001, origin=origin(7))))
    assert ledger.open_batches() == []


def test_a_proof_on_a_wrong_root_closes_nothing(ledger: Ledger) -> None:
    ledger.apply(update(7, accepted(1, 555, 1001, origin=origin(7))))
    assert ledger.open_batches() == [1, 2]


def test_finality_pays_the_payee_less_the_tip_and_counts_wins(ledger: Ledger) -> None:
    ledger.apply(
        update(
            7,
            accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
            finalized(1, 1001, origin=origin(7, 1)),
            finalized(2, 1002, origin=origin(7, 2)),
        )
    )
    assert (ledger.finalized_number, ledger.finalized_root) == (2, 1002)
    assert ledger.wins() == {BOB: 2}
    assert ledger.credits() == {BOB: 2 * REWARD - 3, ALICE: 3}


def test_a_withdrawal_empties_the_credit(ledger: Ledger) -> None:
    proven = (accepted(1, GENESIS_ROOT, 1001, origin=origin(7)), finalized(1, 1001, origin=origin(7, 1)))
    ledger.apply(update(7, *proven))
    ledger.apply(update(8, withdrawn(BOB, REWARD, origin=origin(8))))
    assert ledger.credits() == {}
    assert ledger.wins() == {BOB: 1}


def test_deposits_wait_until_a_batch_drains_them() -> None:
    ledger = Ledger(PARAMETERS)
    entries = [deposited(i, origin=origin(4, i)) for i in range(3)]
    ledger.apply(update(4, *entries))
    ledger.apply(update(5, sequenced(1, GENESIS_HASH, queue_end=2, origin=origin(5))))
    assert ledger.pending_deposits() == entries[2:]
    assert ledger.queue_end == 2
    ledger.apply(update(5, rolled_back_to=4))
    assert ledger.pending_deposits() == entries
    assert ledger.queue_end == 0


def test_entries_of_all_kinds_wait_in_one_queue() -> None:
    ledger = Ledger(PARAMETERS)
    entries = [deposited(0, origin=origin(4)), forced_exit(1, origin=origin(4, 1))]
    ledger.apply(update(4, *entries))
    later = [forced_transaction(2, origin=origin(5)), deposited(3, origin=origin(5, 1))]
    ledger.apply(update(5, *later))
    assert ledger.pending_entries() == entries + later
    assert ledger.pending_deposits() == [entries[0], later[1]]
    ledger.apply(update(6, sequenced(1, GENESIS_HASH, deposits=1, forced=1, queue_end=3, origin=origin(6))))
    assert ledger.pending_entries() == later[1:]
    ledger.apply(update(6, rolled_back_to=4))
    assert ledger.pending_entries() == entries
    ledger.apply(update(6, forced_transaction(2, origin=origin(6))))
    assert len(ledger.pending_entries()) == 3


def test_exits_are_credited_in_wei_to_each_address_and_undone(ledger: Ledger) -> None:
    proven = (accepted(1, GENESIS_ROOT, 1001, origin=origin(7)), finalized(1, 1001, origin=origin(7, 1)))
    ledger.apply(update(7, *proven))
    before = observed(ledger)
    ledger.apply(update(8, credited(1, (0, ALICE, 5), (2, ALICE, 7), (3, BOB, 1), origin=origin(8))))
    assert ledger.are_exits_credited(BatchNumber(1))
    assert ledger.credits() == {ALICE: 12 * 10**9, BOB: REWARD + 10**9}
    ledger.apply(update(8, rolled_back_to=7))
    assert observed(ledger) == before


def test_a_withdrawal_may_hold_queue_fees_that_no_event_told(ledger: Ledger) -> None:
    """They go to whoever posted the batch; a withdrawal takes all, so nothing is left either way."""
    ledger.apply(update(7, withdrawn(ALICE, 12345, origin=origin(7))))
    proven = (accepted(1, GENESIS_ROOT, 1001, origin=origin(8)), finalized(1, 1001, origin=origin(8, 1)))
    ledger.apply(update(8, *proven, withdrawn(BOB, REWARD + 5, origin=origin(8, 2))))
    assert ledger.credits() == {}
    ledger.apply(update(8, rolled_back_to=7))
    ledger.apply(update(8, *proven))
    assert ledger.credits() == {BOB: REWARD}


IMPOSSIBLE = {
    "a batch that skips a number": lambda: [sequenced(4, GENESIS_HASH, origin=origin(7))],
    "a batch that comes again": lambda: [sequenced(2, GENESIS_HASH, origin=origin(7))],
    "a batch on another parent": lambda: [sequenced(3, GENESIS_HASH, origin=origin(7))],
    "a queue that skips an entry": lambda: [deposited(2, origin=origin(7))],
    "a proof of no batch": lambda: [accepted(3, 1, 2, origin=origin(7))],
    "a second proof on one root": lambda: [accepted(2, 1001, 7, origin=origin(7))],
    "finality without a proof": lambda: [finalized(1, 1001, origin=origin(7))],
    "finality out of order": lambda: [finalized(2, 1002, origin=origin(7))],
    "finality of another root": lambda: [
        accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
        finalized(1, 9, origin=origin(7, 1)),
    ],
    "finality for another payee": lambda: [
        accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
        finalized(1, 1001, payee=ALICE, origin=origin(7, 1)),
    ],
    "a withdrawal of less than there is": lambda: [
        accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
        finalized(1, 1001, origin=origin(7, 1)),
        withdrawn(BOB, REWARD - 1, origin=origin(7, 2)),
    ],
    "a forced entry that skips one": lambda: [forced_transaction(2, origin=origin(7))],
    "exits of a batch that is not final": lambda: [credited(1, (0, ALICE, 1), origin=origin(7))],
    "exits credited twice": lambda: [
        accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
        finalized(1, 1001, origin=origin(7, 1)),
        credited(1, (0, ALICE, 1), origin=origin(7, 2)),
        credited(1, (0, ALICE, 1), origin=origin(7, 3)),
    ],
    "a late proof of a final batch": lambda: [
        accepted(1, GENESIS_ROOT, 1001, origin=origin(7)),
        finalized(1, 1001, origin=origin(7, 1)),
        accepted(1, 77, 78, origin=origin(7, 2)),
    ],
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_events_are_refused_and_change_nothing(ledger: Ledger, case: str) -> None:
    before = observed(ledger)
    with pytest.raises(BadAnswer, match="POE-L1-007"):
        ledger.apply(update(7, deposited(0, origin=origin(7)), *IMPOSSIBLE[case]()))
    assert observed(ledger) == before


def test_a_queue_end_beyond_the_queue_is_refused(ledger: Ledger) -> None:
    _, parent = ledger.head()
    with pytest.raises(BadAnswer, match="queue"):
        ledger.apply(update(7, sequenced(3, parent, queue_end=1, origin=origin(7))))


def test_a_rollback_to_before_the_deployment_starts_over(ledger: Ledger) -> None:
    ledger.apply(update(DEPLOYED - 1, rolled_back_to=DEPLOYED - 1))
    assert observed(ledger) == observed(Ledger(PARAMETERS))


def test_a_rollback_and_new_events_come_in_one_update(ledger: Ledger) -> None:
    first = ledger.batch(BatchNumber(1))
    assert first is not None
    other = sequenced(2, first.batch_hash, salt=9, origin=origin(6))
    ledger.apply(update(6, other, rolled_back_to=5))
    assert ledger.head() == (2, other.batch_hash)
    assert ledger.accepted(BatchNumber(2)) == {}


def test_a_rollback_deeper_than_kept_is_refused_but_not_one_at_the_limit() -> None:
    ledger = Ledger(PARAMETERS, kept_blocks=10)
    ledger.apply(update(5, deposited(0, origin=origin(5))))
    ledger.apply(update(6, deposited(1, origin=origin(6))))
    ledger.apply(update(15))  # block 5 can no longer be undone, block 6 can
    ledger.apply(update(15, rolled_back_to=5))
    assert len(ledger.pending_deposits()) == 1
    with pytest.raises(BadAnswer, match="deeper"):
        ledger.apply(update(15, rolled_back_to=4))


def many_batches(count: int, *, kept: int) -> Ledger:
    ledger = Ledger(PARAMETERS, kept_batches=kept)
    for number in range(1, count + 1):
        at = 10 + number
        root = GENESIS_ROOT + number
        ledger.apply(
            update(
                at,
                sequenced(number, ledger.head()[1], salt=number, origin=origin(at)),
                accepted(number, root - 1, root, origin=origin(at, 1)),
                finalized(number, root, origin=origin(at, 2)),
            )
        )
    return ledger


def test_long_final_batches_are_forgotten_but_their_hashes_are_not() -> None:
    ledger = many_batches(20, kept=5)
    assert ledger.batch(BatchNumber(14)) is None
    assert ledger.accepted(BatchNumber(14)) == {}
    assert ledger.batch(BatchNumber(15)) is not None
    old = many_batches(14, kept=50).head()
    assert ledger.is_sequenced(*old)


def test_forgotten_batches_come_back_with_the_rollback_that_needs_them() -> None:
    ledger = many_batches(20, kept=5)
    ledger.apply(update(23, rolled_back_to=23))
    fresh = many_batches(13, kept=5)
    fresh.apply(update(23))
    assert observed(ledger) == observed(fresh)


def test_unproven_batches_are_never_forgotten() -> None:
    ledger = Ledger(PARAMETERS, kept_batches=2)
    for number in range(1, 10):
        batch = sequenced(number, ledger.head()[1], salt=number, origin=origin(10 + number))
        ledger.apply(update(10 + number, batch))
    assert all(ledger.batch(BatchNumber(number)) is not None for number in range(1, 10))


def test_a_long_update_keeps_all_its_own_batches_readable() -> None:
    ledger, parent, events = Ledger(PARAMETERS, kept_batches=2), GENESIS_HASH, []
    for number in range(1, 10):
        root = GENESIS_ROOT + number
        batch = sequenced(number, parent, salt=number, origin=origin(5, 3 * number))
        parent = batch.batch_hash
        events += [
            batch,
            accepted(number, root - 1, root, origin=origin(5, 3 * number + 1)),
            finalized(number, root, origin=origin(5, 3 * number + 2)),
        ]
    ledger.apply(update(5, *events))
    assert all(ledger.batch(BatchNumber(number)) is not None for number in range(1, 10))


def a_block_of_events(rng: random.Random, ledger: Ledger, number: int) -> tuple[ArbiterEvent, ...]:
    """Some events that the arbiter could emit next; the ledger takes them as they are drawn."""
    drawn: list[ArbiterEvent] = []
    for index in range(rng.randrange(4)):
        event = _draw(rng, ledger, origin(number, index))
        if event is not None:
            events = [event, _end_of(event, ledger)] if isinstance(event, AlarmRaised) else [event]
            ledger.apply(update(number, *events))
            drawn += events
    return tuple(drawn)


def _draw(rng: random.Random, ledger: Ledger, at: LogOrigin) -> ArbiterEvent | None:
    head, parent = ledger.head()
    queue = ledger.pending_entries()
    if ledger.exit_mode is not None and rng.random() < 0.9:
        return _draw_ending(rng, ledger, at)
    match rng.randrange(9) if ledger.exit_mode is None else rng.choice((4, 5, 7)):
        case 0:
            make = rng.choice((deposited, forced_exit, forced_transaction))
            return make(ledger.queue_end + len(queue), origin=at)
        case 1:
            end = ledger.queue_end + rng.randrange(len(queue) + 1)
            return sequenced(head + 1, parent, salt=rng.randrange(2**32), queue_end=end, origin=at)
        case 2 if head > ledger.finalized_number:
            number = rng.randint(ledger.finalized_number + 1, head)
            root = GENESIS_ROOT + number - 1 + rng.choice((0, 0, 10_000 + rng.randrange(9)))
            if FieldElement(root) in ledger.accepted(BatchNumber(number)):
                return None
            payee = rng.choice((ALICE, BOB))
            return accepted(number, root, GENESIS_ROOT + number, payee=payee, tip=rng.randrange(9), origin=at)
        case 3:
            number = ledger.finalized_number + 1
            proof = ledger.accepted(BatchNumber(number)).get(ledger.finalized_root)
            return proof and finalized(number, proof.new_root, payee=proof.payee, origin=at)
        case 4 if ledger.credits():
            payee = rng.choice(sorted(ledger.credits()))
            return withdrawn(payee, ledger.credits()[payee] + rng.choice((0, 3)), origin=at)
        case 5 if ledger.finalized_number:
            number = rng.randint(1, ledger.finalized_number)
            exits = [(slot, rng.choice((ALICE, BOB)), slot) for slot in range(rng.randrange(4))]
            return None if ledger.are_exits_credited(BatchNumber(number)) else credited(number, *exits, origin=at)
        case 6 if rng.random() < 0.3:
            number, final = ledger.finalized_number, ledger.batch(ledger.finalized_number)
            end = 0 if final is None else final.queue_end
            is_told = final is not None or number == 0
            return exit_mode_entered(number, ledger.finalized_root, queue_end=end, origin=at) if is_told else None
        case 7:
            return _draw_seat(rng, ledger, at)
        case 8 if rng.random() < 0.3 and ledger.finalized_number:
            number = rng.randint(1, ledger.finalized_number)
            proofs = ledger.accepted(BatchNumber(number))
            proof = proofs.get(FieldElement(GENESIS_ROOT + number - 1))
            is_told = number == 1 or ledger.batch(BatchNumber(number - 1)) is not None
            if proof is None or not is_told:
                return None
            return alarm_raised(number, proof.old_root, proof.new_root, 9, bounty=rng.randrange(3), origin=at)
    return None


def _end_of(alarm: AlarmRaised, ledger: Ledger) -> ArbiterEvent:
    """Exit mode as the alarm's own transaction enters it."""
    before = ledger.batch(BatchNumber(alarm.number - 1))
    end = 0 if before is None else before.queue_end
    return exit_mode_entered(alarm.number - 1, alarm.old_root, queue_end=end, origin=alarm.origin)


def _draw_seat(rng: random.Random, ledger: Ledger, at: LogOrigin) -> ArbiterEvent | None:
    seats, gone = ledger.sequencers, sorted(set(ledger.bonds) - set(ledger.sequencers))
    match rng.randrange(5):
        case 0 if free := sorted({ALICE, BOB, Address(b"\x0c" * 20)} - set(ledger.bonds)):
            return joined(rng.choice(free), bond=rng.randrange(1, 9), origin=at)
        case 1 if seats:
            return gave_up(rng.choice(seats), origin=at)
        case 2 if ledger.bonds:
            return bond_changed(rng.choice(sorted(ledger.bonds)), rng.randrange(9), rng.randrange(2), origin=at)
        case 3 if gone:
            return bond_released(gone[0], ledger.bonds[gone[0]], origin=at)
        case 4 if ledger.bonds and rng.random() < 0.5:
            lost = rng.choice(sorted(ledger.bonds))
            return slashed(lost, rng.choice((ALICE, BOB)), ledger.bonds[lost] // 2, origin=at)
    return None


def _draw_ending(rng: random.Random, ledger: Ledger, at: LogOrigin) -> ArbiterEvent | None:
    match rng.randrange(3):
        case 0 if batches := ledger.void_batches():
            return batch_refunded(rng.choice(batches).number, poster=rng.choice((ALICE, BOB)), origin=at)
        case 1 if entries := ledger.void_entries():
            entry = rng.choice(entries)
            amount = entry.amount * 10**9 if isinstance(entry, Deposited) else 0
            beneficiary = exit_mode.beneficiary_of(entry) or rng.choice((ALICE, BOB))
            return entry_refunded(entry.queue_index, beneficiary, amount + rng.randrange(9), origin=at)
        case 2 if not ledger.has_left(AccountIndex(account := rng.randrange(8))):
            return left(account, rng.choice((ALICE, BOB)), rng.randrange(9), origin=at)
    return None


def replay(updates: Sequence[ChainUpdate], *, kept_batches: int) -> Ledger:
    ledger = Ledger(PARAMETERS, kept_batches=kept_batches)
    for step in updates:
        ledger.apply(step)
    return ledger


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((1, 3, 4096)))
def test_rollbacks_in_any_order_leave_what_the_canonical_events_alone_give(seed: int, kept: int) -> None:
    """One ledger lives through reorgs of random depth; a fresh one gets only the blocks that survived."""
    rng = random.Random(seed)
    lived = Ledger(PARAMETERS, kept_batches=kept)
    canonical: list[ChainUpdate] = []
    for _ in range(rng.randrange(1, 30)):
        undone = rng.randrange(len(canonical) + 1) if canonical and rng.random() < 0.3 else 0
        del canonical[len(canonical) - undone :]
        number = DEPLOYED + len(canonical)
        scratch = replay(canonical, kept_batches=kept)
        step = update(number, *a_block_of_events(rng, scratch, number))
        lived.apply(ChainUpdate(head=step.head, rolled_back_to=number - 1 if undone else None, events=step.events))
        canonical.append(step)
        assert observed(lived) == observed(replay(canonical, kept_batches=kept))
