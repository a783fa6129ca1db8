"""The Rust core does what the plain specification says: hashes, signatures, roots, transitions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.backend import native
from poe.backend.interface import SignedMessage
from poe.backend.native import NativeSignatures, NativeState
from poe.backend.reference import ReferenceSignatures
from poe.crypto import babyjubjub, eddsa
from poe.crypto.babyjubjub import SUBGROUP_ORDER, Point
from poe.crypto.field import FIELD_ORDER, to_word
from poe.crypto.poseidon import poseidon
from poe.errors import InputError
from poe.rollup.state import BALANCE_BITS, State
from poe.rollup.transaction import MAX_NONCE, Word0, message_of
from poe.rollup.transition import apply_batch
from poe.rollup.types import (
    SLOT_BYTES,
    Account,
    AccountIndex,
    Batch,
    FieldElement,
    Gwei,
    Header,
    Shape,
    SlotKind,
    SlotOutcome,
)

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "eddsa.json").read_text())
DEPTH = 3
DOMAIN = FieldElement(2024)
OUTSIDE = 4**DEPTH + 1
"""Its low digits name account 1."""

elements = st.one_of(st.integers(0, FIELD_ORDER - 1), st.sampled_from([0, 1, FIELD_ORDER - 1, SUBGROUP_ORDER]))
addresses = st.one_of(st.integers(0, 2**160 - 1), st.sampled_from([0, 2**160 - 1]))
words = st.one_of(st.integers(0, 2**256 - 1), elements, st.just(FIELD_ORDER))
exhaustively = settings(derandomize=True, deadline=None, max_examples=200)


# --- hashes ---------------------------------------------------------------------------------------------------


@exhaustively
@given(st.lists(elements, min_size=1, max_size=16))
def test_hashes_agree(inputs: list[int]) -> None:
    assert native.poseidon(inputs) == poseidon(inputs)


# --- signatures -----------------------------------------------------------------------------------------------

_POINTS: list[Point] = sorted(
    {(int(pair[0], 16), int(pair[1], 16)) for case in VECTORS["cases"] for pair in (case["public_key"], case["r8"])}
)
"""Good points, points of small order, of mixed order, off the curve, and unreduced ones."""


def _is_torsion(point: Point) -> bool:
    return babyjubjub.is_on_curve(point) and babyjubjub.has_small_order(point)


TORSION = [point for point in _POINTS if _is_torsion(point)]


@st.composite
def signed_messages(draw: st.DrawFn) -> SignedMessage:
    """A true signature, then up to three things done to it."""
    secret, message = draw(st.binary(min_size=32, max_size=32)), draw(elements)
    r8_x, r8_y, s = native.sign(secret, message)
    signed = SignedMessage(public_key=native.derive_public_key(secret), r8=(r8_x, r8_y), s=s, message=message)
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=3)):
        signed = change(draw, signed)
    return signed


def _lift(draw: st.DrawFn, word: int) -> int:
    """The same residue, as another word."""
    return word % FIELD_ORDER + FIELD_ORDER * draw(st.integers(0, 4))


def _lift_all(draw: st.DrawFn, m: SignedMessage) -> SignedMessage:
    key, r8 = (tuple(_lift(draw, word) for word in pair) for pair in (m.public_key, m.r8))
    return SignedMessage(public_key=key, r8=r8, s=_lift(draw, m.s), message=_lift(draw, m.message))  # type: ignore[arg-type]


def _twist(draw: st.DrawFn, point: Point) -> Point:
    """Plus a point of small order, where the curve has a sum."""
    reduced = (point[0] % FIELD_ORDER, point[1] % FIELD_ORDER)
    return babyjubjub.add(reduced, draw(st.sampled_from(TORSION))) if babyjubjub.is_on_curve(reduced) else point


def _grow_s(draw: st.DrawFn, m: SignedMessage) -> SignedMessage:
    return replace(m, s=m.s % FIELD_ORDER + SUBGROUP_ORDER * draw(st.integers(1, 7)))


CHANGES: list[Callable[[st.DrawFn, SignedMessage], SignedMessage]] = [
    _lift_all,
    _grow_s,
    lambda draw, m: replace(m, public_key=_twist(draw, m.public_key)),
    lambda draw, m: replace(m, r8=_twist(draw, m.r8)),
    lambda draw, m: replace(m, public_key=draw(st.sampled_from(_POINTS))),
    lambda draw, m: replace(m, r8=draw(st.sampled_from(_POINTS))),
    lambda draw, m: replace(m, r8=(m.r8[0], draw(words))),
    lambda draw, m: replace(m, s=draw(words)),
    lambda draw, m: replace(m, message=draw(words)),
]


def test_points_of_every_small_order_are_tried() -> None:
    def order(point: Point) -> int:
        return next(n for n in (1, 2, 4, 8) if babyjubjub.multiply(point, n) == babyjubjub.IDENTITY)

    assert {order(point) for point in TORSION} == {1, 2, 4, 8}


@exhaustively
@given(st.binary(min_size=32, max_size=32), elements)
def test_keys_and_signatures_agree(secret: bytes, message: int) -> None:
    assert native.derive_public_key(secret) == eddsa.derive_public_key(secret)
    expected = eddsa.sign(secret, message)
    assert native.sign(secret, message) == (*expected.r8, expected.s)


@exhaustively
@given(st.lists(signed_messages(), max_size=4))
def test_verdicts_on_signatures_agree(messages: list[SignedMessage]) -> None:
    assert NativeSignatures().verify(messages) == ReferenceSignatures().verify(messages)


# --- roots ----------------------------------------------------------------------------------------------------

accounts = st.builds(
    Account,
    public_key_x=elements,
    public_key_y=elements,
    balance=st.integers(0, 2**BALANCE_BITS - 1).map(Gwei),
    nonce=st.integers(0, MAX_NONCE),
    exit_address=addresses,
)


@settings(exhaustively, max_examples=60)
@given(st.integers(1, 24), st.data())
def test_roots_agree(depth: int, data: st.DataObject) -> None:
    indices = st.integers(0, 4**depth - 1).map(AccountIndex)
    chosen = data.draw(st.dictionaries(indices, accounts, max_size=6))
    reference = State(depth, chosen)
    state = NativeState(depth, accounts=chosen)
    assert (state.root, state.total_balance()) == (reference.root, reference.total_balance())


# --- transitions ----------------------------------------------------------------------------------------------


def _secret(owner: int) -> bytes:
    return bytes([owner + 1]) * 32


@cache
def _key(owner: int) -> Point:
    return native.derive_public_key(_secret(owner))


def _owned(owner: int, balance: int, nonce: int) -> Account:
    x, y = _key(owner)
    return Account(public_key_x=x, public_key_y=y, balance=Gwei(balance), nonce=nonce, exit_address=owner)


def _genesis() -> State:
    """0 to 2 ordinary, 3 about to run out of nonces, 4 with none left, 5 full, 6 with a key of small order."""
    found = {owner: _owned(owner, 1000 * (owner + 1), owner) for owner in range(3)}
    found[3] = _owned(3, 5000, MAX_NONCE - 1)
    found[4] = _owned(4, 5000, MAX_NONCE)
    found[5] = _owned(5, 2**BALANCE_BITS - 100, 0)
    found[6] = replace(_owned(6, 5000, 0), public_key_x=0, public_key_y=1)
    return State(DEPTH, {AccountIndex(index): account for index, account in found.items()})


def _slot(fields: Word0) -> bytes:
    """A slot whose word 0 is signed by its sender, whoever that is."""
    word = fields.pack()
    signature = native.sign(_secret(fields.sender % 4**DEPTH), message_of(word, DOMAIN))
    return b"".join(map(to_word, (word, *signature)))


def _transfer(**changes: int) -> Word0:
    base = Word0(kind=SlotKind.TRANSFER, sender=0, recipient=1, amount=10, fee=1, nonce=0)
    return replace(base, **changes)


def _exit(**changes: int) -> Word0:
    return replace(_transfer(kind=SlotKind.EXIT, recipient=0), **changes)


def _forced_exit(account: int, amount: int, asked_by: int) -> bytes:
    """The contract's slot, but that `asked_by` may be any word."""
    word = _exit(sender=account, amount=amount, fee=0).pack()
    return b"".join(map(to_word, (word, asked_by, 0, 0)))


CASES: dict[SlotOutcome, list[bytes]] = {
    SlotOutcome.APPLIED: [
        *(_slot(_transfer(**change)) for change in ({}, {"recipient": 0}, {"amount": 999})),
        *(
            _slot(_exit(**change))
            for change in ({}, {"amount": 0}, {"amount": 999}, {"sender": 5, "amount": 2**64 - 1})
        ),
        *(_slot(_exit(recipient=to)) for to in (7, OUTSIDE, 2**48 - 1)),
    ],
    SlotOutcome.EMPTY: [bytes(SLOT_BYTES), _slot(_transfer(kind=0)), to_word(FIELD_ORDER) * 4],
    SlotOutcome.UNKNOWN_KIND: [_slot(_transfer(kind=kind)) for kind in (3, 4, 255)],
    SlotOutcome.RESERVED_BITS: [_slot(_transfer(reserved=1)), _slot(_exit(reserved=1 << 20))],
    SlotOutcome.SENDER_MISSING: [_slot(_transfer(sender=7)), *(_slot(_exit(sender=i)) for i in (7, OUTSIDE))],
    SlotOutcome.RECIPIENT_MISSING: [_slot(_transfer(recipient=7)), _slot(_transfer(recipient=OUTSIDE))],
    SlotOutcome.WRONG_NONCE: [_slot(_transfer(nonce=1)), _slot(_exit(sender=2, nonce=1))],
    SlotOutcome.NONCE_EXHAUSTED: [_slot(change(sender=4, nonce=MAX_NONCE)) for change in (_transfer, _exit)],
    SlotOutcome.INSUFFICIENT_BALANCE: [
        _slot(_transfer(amount=1000)),
        *(_slot(_exit(amount=amount)) for amount in (1000, 2**64 - 1)),
    ],
    SlotOutcome.BALANCE_OVERFLOW: [
        _slot(_transfer(recipient=5, amount=100)),
        _slot(_transfer(sender=5, recipient=5, amount=100)),
    ],
    SlotOutcome.BAD_SIGNATURE: [
        _slot(_transfer())[:-1] + b"\0",
        _slot(_transfer())[:32] + bytes(96),
        _slot(_transfer(sender=6)),
        _slot(_exit(sender=6)),
        _slot(_exit())[:-1] + b"\0",
        to_word(_exit().pack()) + _slot(_transfer())[32:],
        _forced_exit(0, 5, 0),
    ],
}

FORCED_CASES: dict[SlotOutcome, list[bytes]] = {
    SlotOutcome.APPLIED: [_forced_exit(2, amount, 2) for amount in (0, 3000)] + [_forced_exit(4, 5000, 4)],
    SlotOutcome.SENDER_MISSING: [_forced_exit(index, 0, 1) for index in (7, OUTSIDE, 2**48 - 1)],
    SlotOutcome.INSUFFICIENT_BALANCE: [_forced_exit(2, amount, 1) for amount in (3001, 2**64 - 1)],
    SlotOutcome.NOT_EXIT_ADDRESS: [
        _forced_exit(2, 3000, 1),
        _forced_exit(2, 0, 2**160 + 2),
        _slot(_exit(sender=2, nonce=2)),
        bytes(SLOT_BYTES)[:63] + b"\1" + bytes(64),
    ],
}
"""Slots in a forced exit's place."""


def _execute_both(genesis: State, batches: list[Batch]) -> None:
    """Run the batches on both; compare all there is to see after each, then undo them one by one."""
    state, reference, roots = NativeState(DEPTH, accounts=genesis.accounts), genesis, [genesis.root]
    for batch in batches:
        execution = state.execute(batch, DOMAIN)
        reference, result = apply_batch(reference, batch, DOMAIN)
        assert execution.outcomes == result.outcomes
        assert execution.exits == result.exits
        assert (execution.fees, execution.burnt) == (result.fees, result.burnt)
        assert (execution.old_root, execution.new_root) == (roots[-1], reference.root)
        assert (state.root, state.total_balance()) == (reference.root, reference.total_balance())
        assert {i: a for i in map(AccountIndex, range(4**DEPTH)) if (a := state.account(i))} == reference.accounts
        roots.append(state.root)
    for root in reversed(roots[:-1]):
        state.rollback(1)
        assert state.root == root


def _batch(slots: list[bytes], *, deposits: int = 0, forced: int = 0, fee_account: int = 2) -> Batch:
    shape = Shape(slots=len(slots), depth=DEPTH)
    header = Header(shape=shape, deposits=deposits, forced=forced, fee_account=AccountIndex(fee_account))
    return Batch(header=header, data=b"".join(slots))


def test_every_outcome_has_a_case() -> None:
    assert set(CASES) | set(FORCED_CASES) == set(SlotOutcome)


@pytest.mark.parametrize(
    ("forced", "outcome", "slot"),
    [
        (forced, outcome, slot)
        for forced, cases in enumerate((CASES, FORCED_CASES))
        for outcome, slots in cases.items()
        for slot in slots
    ],
)
def test_each_outcome_is_reached_by_both(forced: int, outcome: SlotOutcome, slot: bytes) -> None:
    batch = _batch([slot], forced=forced)
    assert apply_batch(_genesis(), batch, DOMAIN)[1].outcomes == (outcome,)
    _execute_both(_genesis(), [batch])


@st.composite
def word_zeros(draw: st.DrawFn) -> Word0:
    """Mostly plausible transfers and exits of the genesis accounts; now and then a field of any value."""
    index = st.one_of(st.integers(0, 7), st.sampled_from([OUTSIDE, 4**DEPTH - 1, 2**48 - 1]))
    sender = draw(index)
    holder = _genesis().account(sender)
    near = holder.nonce if holder else 0
    return Word0(
        kind=draw(st.sampled_from([SlotKind.TRANSFER] * 6 + [SlotKind.EXIT] * 4 + list(SlotKind) + [255])),
        sender=sender,
        recipient=draw(index),
        amount=draw(st.one_of(st.integers(0, 2000), st.integers(0, 2**64 - 1))),
        fee=draw(st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))),
        nonce=draw(st.one_of(st.integers(near, min(near + 2, MAX_NONCE)), st.integers(0, MAX_NONCE))),
        reserved=draw(st.sampled_from([0] * 9 + [1, 3 << 19])),
    )


@st.composite
def slots(draw: st.DrawFn) -> bytes:
    """A signed slot, a case from above, one with a word replaced or lifted by r, or 128 bytes of anything."""
    slot = draw(
        st.one_of(
            word_zeros().map(_slot),
            st.sampled_from([slot for cases in (CASES, FORCED_CASES) for found in cases.values() for slot in found]),
            st.binary(min_size=SLOT_BYTES, max_size=SLOT_BYTES),
        )
    )
    at = 32 * draw(st.integers(0, 3))
    word = int.from_bytes(slot[at : at + 32], "big")
    kept, lifted = word, (word % FIELD_ORDER) + FIELD_ORDER
    chosen = draw(st.sampled_from([kept] * 4 + [lifted] * 2 + [draw(words)]))
    return slot[:at] + to_word(chosen) + slot[at + 32 :]


@st.composite
def deposits(draw: st.DrawFn) -> bytes:
    """What the contract would write, and aliased words that it would not."""
    amount = draw(st.one_of(st.integers(0, 5000), st.just(2**64 - 1)))
    to = draw(st.sampled_from([0, 1, 6, 7, 8, 4**DEPTH - 1]))
    fields = _transfer(kind=draw(st.sampled_from([3, 3, 1, 0])), recipient=to, amount=amount, sender=0, fee=0)
    return b"".join(map(to_word, (fields.pack(), draw(words), draw(words), _lift(draw, draw(addresses)))))


@st.composite
def forced_exits(draw: st.DrawFn) -> bytes:
    """What the contract would write, mostly by the right address, some of it aliased, and slots that it would not."""
    account = draw(st.sampled_from([*range(9), OUTSIDE]))
    holder = _genesis().account(account)
    balance = min(holder.balance, 2**64 - 1) if holder else 0
    amount = draw(st.one_of(st.integers(0, balance), st.sampled_from([balance, 2**64 - 1])))
    asked_by = draw(st.sampled_from([account] * 6 + [account + 1, draw(words)]))
    slot = _forced_exit(account, amount, _lift(draw, asked_by))
    return draw(st.sampled_from([slot] * 6 + [draw(slots())]))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Up to two deposits, up to two forced exits, then up to four slots."""
    paid_in, forced = draw(st.lists(deposits(), max_size=2)), draw(st.lists(forced_exits(), max_size=2))
    rest = draw(st.lists(slots(), min_size=1, max_size=4))
    fee_account = draw(st.sampled_from([*range(9), OUTSIDE, 2**48 - 1]))
    return _batch(paid_in + forced + rest, deposits=len(paid_in), forced=len(forced), fee_account=fee_account)


@exhaustively
@given(st.lists(batches(), min_size=1, max_size=4))
def test_transitions_agree_on_any_batches(chain: list[Batch]) -> None:
    _execute_both(_genesis(), chain)


@pytest.mark.parametrize(
    ("slot", "why"),
    [
        (_transfer(recipient=4**DEPTH), "outside"),
        (_transfer(recipient=5, amount=100), r"2\^96"),
        (_transfer(recipient=8), "exit address"),
    ],
)
def test_both_refuse_a_deposit_that_cannot_be_credited(slot: Word0, why: str) -> None:
    batch = _batch([_slot(_transfer(amount=1)), _slot(slot)], deposits=2)
    state = NativeState(DEPTH, accounts=_genesis().accounts)
    with pytest.raises(InputError, match=why):
        apply_batch(_genesis(), batch, DOMAIN)
    with pytest.raises(InputError, match=why):
        state.execute(batch, DOMAIN)
    assert (state.root, state.height) == (_genesis().root, 0)
