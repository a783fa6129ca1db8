"""Deposits = balances + burnt + exits, to the gwei, after every one of many random batches."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

from poe.crypto.babyjubjub import Point
from poe.crypto.eddsa import derive_public_key
from poe.rollup.batch import deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import State
from poe.rollup.transaction import ExitRequest, Transfer, Word0, slot_words
from poe.rollup.transition import BatchResult, apply_batch
from poe.rollup.types import AccountIndex, Address, Batch, FieldElement, Gwei, Shape, SlotKind, SlotOutcome

DOMAIN = FieldElement(31)
SHAPE = Shape(slots=8, depth=2)
INDICES = range(18)
"""What slots name; the last two lie outside the tree."""
TRANSACTIONS = 1_000


def _secret(index: int) -> bytes:
    return bytes([index + 1]) * 32


@cache
def _key(index: int) -> Point:
    return derive_public_key(_secret(index))


def _address(index: int) -> Address:
    return Address(bytes([index + 1]) * 20)


def _amount(rng: random.Random, balance: int, fee: int) -> Gwei:
    """Amounts at the edges of what can be paid beside a fee, and all between."""
    edges = [0, balance, max(0, balance - fee), balance + 1, rng.randrange(2**64)]
    amount = rng.choice([*edges, rng.randrange(balance // 4 + 1), rng.randrange(balance // 4 + 1)])
    return Gwei(min(amount, 2**64 - 1))


def _balance(state: State, index: int) -> int:
    account = state.account(index)
    return account.balance if account else 0


def _deposit(rng: random.Random) -> bytes:
    index = rng.choice(INDICES[:-2])
    return deposit_slot(
        AccountIndex(index), Gwei(rng.choice([rng.randrange(2**40), 2**64 - 1])), _key(index), _address(index)
    )


def _forced_exit(rng: random.Random, state: State) -> bytes:
    index = rng.choice(INDICES)
    amount = _amount(rng, _balance(state, index), 0)
    return forced_exit_slot(AccountIndex(index), amount, _address(rng.choice([index] * 7 + [index + 1])))


def _transaction(rng: random.Random, state: State, earlier: Counter[int]) -> bytes:
    """A signed transfer or exit; `earlier` counts those of its sender in this batch."""
    sender = rng.choice(INDICES)
    account, fee = state.account(sender), Gwei(rng.choice([0, rng.randrange(100), rng.randrange(2**32)]))
    nonce = (account.nonce if account else 0) + earlier[sender] + rng.choice([0] * 15 + [1])
    earlier[sender] += 1
    amount = _amount(rng, _balance(state, sender), fee)
    request: Transfer | ExitRequest
    if rng.randrange(5) < 2:
        request = ExitRequest(sender=AccountIndex(sender), amount=amount, fee=fee, nonce=nonce)
    else:
        recipient = AccountIndex(rng.choice([sender, *rng.sample(INDICES, 4)]))
        request = Transfer(sender=AccountIndex(sender), recipient=recipient, amount=amount, fee=fee, nonce=nonce)
    return request.sign(_secret(sender), DOMAIN).slot


def _batch(rng: random.Random, state: State) -> Batch:
    deposits = [_deposit(rng) for _ in range(rng.choice([0, 0, 1, 2]))]
    forced = [_forced_exit(rng, state) for _ in range(rng.choice([0, 0, 1, 2]))]
    earlier: Counter[int] = Counter()
    users = [_transaction(rng, state, earlier) for _ in range(SHAPE.slots - len(deposits) - len(forced))]
    fee_account = AccountIndex(rng.choice([*INDICES, 2**48 - 1]))
    return seal_batch(SHAPE, deposits=deposits, forced_exits=forced, transfers=users, fee_account=fee_account)


def _count(batch: Batch, result: BatchResult) -> Counter[str]:
    """What happened, by name."""
    seen, header = Counter[str](), batch.header
    for position, (slot, outcome) in enumerate(zip(batch.slots, result.outcomes, strict=True)):
        if outcome is not SlotOutcome.APPLIED or position < header.deposits:
            continue
        fields = Word0.unpack(slot_words(slot)[0])
        if position < header.deposits + header.forced:
            seen["forced exits"] += 1
            continue
        seen["exits" if fields.kind == SlotKind.EXIT else "transfers"] += 1
        seen["self-transfers"] += fields.kind == SlotKind.TRANSFER and fields.sender == fields.recipient
        seen["paid own fees"] += fields.fee > 0 and fields.sender == header.fee_account
    seen["burnt"] += result.burnt > 0
    return seen


def test_a_thousand_random_transactions_conserve_every_gwei() -> None:
    rng, state = random.Random(7), State(SHAPE.depth)
    deposited = burnt = left = done = 0
    seen: Counter[str] = Counter()
    while done < TRANSACTIONS:
        batch = _batch(rng, state)
        state, result = apply_batch(state, batch, DOMAIN)
        done += SHAPE.slots - batch.header.deposits
        deposited += sum(Word0.unpack(slot_words(slot)[0]).amount for slot in batch.slots[: batch.header.deposits])
        burnt += result.burnt
        left += sum(leaving.amount for leaving in result.exits)
        assert deposited == state.total_balance() + burnt + left
        found = _count(batch, result)
        assert len(result.exits) == found["exits"] + found["forced exits"]
        seen += found
    names = ("transfers", "self-transfers", "exits", "forced exits", "paid own fees", "burnt")
    assert all(seen[name] >= 3 for name in names), f"too tame: {seen}"
