"""No account can be bricked: whatever its key, nonce and balance, its exit address gets the money out, and nothing that
a stranger posts touches it (docs/protocol.md, section 4).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from poe.rollup.batch import deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.transaction import MAX_NONCE, Word0, slot_words
from poe.rollup.types import Account, AccountIndex, Address, Batch, FieldElement, Gwei, Shape, SlotKind, SlotOutcome
from tests.differential import judges
from tests.differential.court import disputed, hear, report
from tests.differential.grammar import (
    ALICE,
    DEPTH,
    LAST_NONCE,
    NO_NONCE,
    OFF_CURVE,
    SMALL,
    Case,
    address_of,
    draw_case,
    genesis,
    key_of,
    sign,
    slot_of,
)
from tests.differential.judges import Evidence, Judge

DOMAIN = FieldElement(99)
BOTH: dict[str, Judge] = {"specification": judges.specification, "executor": judges.executor}
MAX_EXIT = 2**64 - 1
STRANGER_BATCHES = 150


def play(case: Case) -> Evidence:
    """Specification and executor agree; what they agree on."""
    evidence = Evidence(case)
    verdicts = hear(BOTH, evidence)
    assert not disputed(verdicts), report(case, verdicts, "locked out")
    return evidence


def batch_of(*, deposits: Sequence[bytes] = (), forced: Sequence[bytes] = (), users: Sequence[bytes] = ()) -> Batch:
    slots = len(deposits) + len(forced) + len(users)
    shape = Shape(slots=slots, depth=DEPTH)
    fee_account = AccountIndex(ALICE)
    return seal_batch(shape, deposits=deposits, forced_exits=forced, transfers=users, fee_account=fee_account)


@pytest.mark.parametrize("index", sorted(genesis().accounts))
def test_the_exit_address_of_any_account_gets_its_money_out_without_its_key(index: AccountIndex) -> None:
    """One entry moves 2^64 - 1 gwei at most, which is more than all ether there is."""
    balance = genesis().accounts[index].balance
    amount = Gwei(min(balance, MAX_EXIT))
    asked = forced_exit_slot(index, amount, address_of(index))
    evidence = play(Case(genesis(), batch_of(forced=[asked, asked]), DOMAIN))
    assert evidence.specified.exits[0].amount == amount
    assert evidence.specified.exits[0].address == address_of(index)
    left = evidence.after.accounts[index]
    paid = sum(leaving.amount for leaving in evidence.specified.exits)
    assert left == replace(genesis().accounts[index], balance=Gwei(balance - paid)), "nonce, key and address stay"


def test_an_account_whose_nonces_are_used_up_can_sign_no_more_and_leaves_by_a_forced_exit() -> None:
    """The last valid nonce is 2^32 - 2: it takes the nonce to its maximum, from where nothing signed applies."""

    def signed(nonce: int, kind: SlotKind) -> bytes:
        word = Word0(kind=kind, sender=LAST_NONCE, recipient=ALICE, amount=10, fee=0, nonce=nonce).pack()
        return slot_of(word, *sign(LAST_NONCE, word, DOMAIN))

    used_up = play(Case(genesis(), batch_of(users=[signed(MAX_NONCE - 1, SlotKind.TRANSFER)]), DOMAIN))
    assert used_up.specified.outcomes == (SlotOutcome.APPLIED,)
    assert used_up.after.accounts[AccountIndex(LAST_NONCE)].nonce == MAX_NONCE
    more = [signed(nonce, kind) for kind in (SlotKind.TRANSFER, SlotKind.EXIT) for nonce in (MAX_NONCE, 0)]
    stuck = play(Case(used_up.after, batch_of(users=more), DOMAIN))
    assert set(stuck.specified.outcomes) == {SlotOutcome.NONCE_EXHAUSTED, SlotOutcome.WRONG_NONCE}
    assert stuck.after == used_up.after
    asked = forced_exit_slot(AccountIndex(LAST_NONCE), Gwei(4990), address_of(LAST_NONCE))
    gone = play(Case(used_up.after, batch_of(forced=[asked]), DOMAIN))
    assert gone.specified.outcomes == (SlotOutcome.APPLIED,)
    assert gone.after.accounts[AccountIndex(LAST_NONCE)].balance == 0


@pytest.mark.parametrize("index", [SMALL, OFF_CURVE, NO_NONCE])
def test_a_deposit_to_an_account_that_cannot_sign_is_credited_and_comes_out(index: int) -> None:
    account, address = AccountIndex(index), address_of(index)
    paid_in = deposit_slot(account, Gwei(77), key_of(index), address)
    asked = forced_exit_slot(account, Gwei(5077), address)
    evidence = play(Case(genesis(), batch_of(deposits=[paid_in], forced=[asked]), DOMAIN))
    assert evidence.specified.outcomes == (SlotOutcome.APPLIED,) * 2
    assert evidence.after.accounts[account].balance == 0


def _mine(case: Case, outcomes: tuple[SlotOutcome, ...]) -> tuple[Counter[int], Counter[int]]:
    """Signed slots that applied, and gwei paid, by account."""
    signed, paid, header = Counter[int](), Counter[int](), case.batch.header
    for position, (slot, outcome) in enumerate(zip(case.batch.slots, outcomes, strict=True)):
        fields = Word0.unpack(slot_words(slot)[0])
        if position < header.deposits or outcome is not SlotOutcome.APPLIED:
            continue
        is_forced = position < header.deposits + header.forced
        signed[fields.sender] += not is_forced
        paid[fields.sender] += fields.amount + (0 if is_forced else fields.fee)
    return signed, paid


def _identity(account: Account) -> tuple[int, int, int]:
    return account.public_key_x, account.public_key_y, account.exit_address


def test_nothing_but_its_own_slots_takes_from_an_account_or_uses_its_nonces() -> None:
    """Whatever is drawn: key and exit address never change, nonces count signed slots, others can only add money."""
    draw, state, touched = random.Random(17), genesis(), Counter[str]()
    for number in range(STRANGER_BATCHES):
        state = state if number % 5 else genesis()
        evidence = Evidence(draw_case(draw, state, DOMAIN, slots=4))
        outcomes = evidence.executed.outcomes
        signed, paid = _mine(evidence.case, outcomes)
        after = {i: evidence.native.account(i) for i in state.accounts}
        for index, before in state.accounts.items():
            now = after[index]
            assert now is not None
            assert _identity(now) == _identity(before)
            assert now.nonce == before.nonce + signed[index]
            assert now.balance >= before.balance - paid[index]
            touched["spent" if paid[index] else "left alone"] += 1
        assert evidence.specified.outcomes == outcomes
        state = evidence.after
    assert min(touched.values()) > 50, f"too tame: {touched}"


def test_an_exit_goes_to_the_accounts_own_address_and_nowhere_else() -> None:
    """Of every exit that drawn batches emit, signed or forced."""
    draw, seen = random.Random(23), 0
    for _ in range(STRANGER_BATCHES):
        evidence = Evidence(draw_case(draw, genesis(), DOMAIN, slots=4))
        for leaving in evidence.executed.exits:
            fields = Word0.unpack(slot_words(evidence.case.batch.slots[leaving.slot])[0])
            held = evidence.native.account(AccountIndex(fields.sender))
            assert held is not None
            assert leaving.address == Address(held.exit_address.to_bytes(20))
            assert leaving.amount == fields.amount
            seen += 1
    assert seen > 20, f"too tame: {seen} exits"
