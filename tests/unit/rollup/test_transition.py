"""What batches do: the shared vectors, rules one at a time, and properties of any batch whatever."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.eddsa import derive_public_key
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.errors import InputError
from poe.rollup.batch import EMPTY_SLOT, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import State
from poe.rollup.transaction import ExitRequest, Transfer, Word0
from poe.rollup.transition import BatchResult, apply_batch
from poe.rollup.types import (
    Account,
    AccountIndex,
    Address,
    Batch,
    Exit,
    FieldElement,
    Gwei,
    Header,
    Shape,
    SlotOutcome,
)

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "vectors" / "transition.json").read_text()
)["cases"]

DOMAIN = FieldElement(777)
SHAPE = Shape(slots=4, depth=3)
SECRETS = [bytes([i]) * 32 for i in range(3)]
KEYS = [derive_public_key(secret) for secret in SECRETS]
EXIT = Address(b"\5" * 20)


def _account(owner: int, balance: int = 0, nonce: int = 0) -> Account:
    x, y = KEYS[owner]
    return Account(
        public_key_x=x, public_key_y=y, balance=Gwei(balance), nonce=nonce, exit_address=int.from_bytes(EXIT, "big")
    )


def _state(*balances: int) -> State:
    state = State(SHAPE.depth)
    for owner, balance in enumerate(balances):
        state = state.with_account(owner, _account(owner, balance))
    return state


def _send(sender: int, recipient: int, amount: int, fee: int = 0, nonce: int = 0) -> bytes:
    transfer = Transfer(
        sender=AccountIndex(sender),
        recipient=AccountIndex(recipient),
        amount=Gwei(amount),
        fee=Gwei(fee),
        nonce=nonce,
    )
    return transfer.sign(SECRETS[sender], DOMAIN).slot


def _deposit(account: int, amount: int, owner: int = 0) -> bytes:
    return deposit_slot(AccountIndex(account), Gwei(amount), KEYS[owner], EXIT)


def _leave(sender: int, amount: int, fee: int = 0, nonce: int = 0) -> bytes:
    request = ExitRequest(sender=AccountIndex(sender), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce)
    return request.sign(SECRETS[sender], DOMAIN).slot


def _force_out(account: int, amount: int, asked_by: Address = EXIT) -> bytes:
    return forced_exit_slot(AccountIndex(account), Gwei(amount), asked_by)


def _paid(slot: int, amount: int) -> Exit:
    return Exit(slot=slot, address=EXIT, amount=Gwei(amount))


def _batch(
    *transfers: bytes, deposits: tuple[bytes, ...] = (), forced: tuple[bytes, ...] = (), fee_account: int = 63
) -> Batch:
    return seal_batch(
        SHAPE, deposits=deposits, forced_exits=forced, transfers=transfers, fee_account=AccountIndex(fee_account)
    )


def _apply(state: State, *transfers: bytes, fee_account: int = 63) -> tuple[State, BatchResult]:
    return apply_batch(state, _batch(*transfers, fee_account=fee_account), DOMAIN)


def _balances(state: State) -> list[int]:
    return [account.balance for _, account in sorted(state.accounts.items())]


def _read_accounts(depth: int, accounts: list[dict[str, str]]) -> State:
    state = State(depth)
    for entry in accounts:
        values = {name: int(value, 16) for name, value in entry.items()}
        index = values.pop("index")
        state = state.with_account(index, Account(**values))  # type: ignore[arg-type]
    return state


def _encode(leaving: Exit) -> dict[str, str]:
    slot, amount = ("0x" + to_word(value).hex() for value in (leaving.slot, leaving.amount))
    return {"slot": slot, "address": "0x" + leaving.address.hex(), "amount": amount}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_batch_does_what_the_vectors_say(case: dict[str, Any]) -> None:
    number = {name: int(case[name], 16) for name in ("slots", "depth", "deposits", "forced", "fee_account")}
    shape = Shape(slots=number["slots"], depth=number["depth"])
    header = Header(
        shape=shape,
        deposits=number["deposits"],
        forced=number["forced"],
        fee_account=AccountIndex(number["fee_account"]),
    )
    before = _read_accounts(shape.depth, case["accounts"])
    assert before.root == int(case["old_root"], 16)
    batch = Batch(header=header, data=bytes.fromhex(case["data"][2:]))
    after, result = apply_batch(before, batch, FieldElement(int(case["domain"], 16)))
    assert list(result.outcomes) == case["outcomes"]
    assert (result.fees, result.burnt) == (int(case["fees"], 16), int(case["burnt"], 16))
    assert [_encode(leaving) for leaving in result.exits] == case["exits"]
    assert after.accounts == _read_accounts(shape.depth, case["accounts_after"]).accounts
    assert after.root == int(case["new_root"], 16)


def test_vectors_hold_every_outcome() -> None:
    assert {outcome for case in CASES for outcome in case["outcomes"]} == set(SlotOutcome)


def test_transfer_moves_amount_and_fee_and_counts() -> None:
    state, result = _apply(_state(100, 10, 0), _send(0, 1, 30, 7), fee_account=2)
    assert _balances(state) == [63, 40, 7]
    assert [state.accounts[AccountIndex(i)].nonce for i in range(3)] == [1, 0, 0]
    assert result.outcomes == (SlotOutcome.APPLIED, *(SlotOutcome.EMPTY,) * 3)
    assert (result.fees, result.burnt) == (7, 0)


@pytest.mark.parametrize(
    ("fee_account", "balances", "burnt"),
    [(0, [100], 0), (1, [93], 7), (63, [93], 7), (64, [93], 7), (2**48 - 1, [93], 7)],
)
def test_self_transfer_costs_the_fee_alone(fee_account: int, balances: list[int], burnt: int) -> None:
    state, result = _apply(_state(100), _send(0, 0, 90, 7), fee_account=fee_account)
    assert _balances(state) == balances
    assert result.burnt == burnt
    assert state.accounts[AccountIndex(0)].nonce == 1


def test_self_transfer_needs_the_whole_amount_and_fee() -> None:
    assert _apply(_state(100), _send(0, 0, 93, 7))[1].outcomes[0] is SlotOutcome.APPLIED
    assert _apply(_state(100), _send(0, 0, 94, 7))[1].outcomes[0] is SlotOutcome.INSUFFICIENT_BALANCE


@pytest.mark.parametrize(("fee_account", "balances"), [(0, [70, 30, 0]), (1, [63, 37, 0]), (2, [63, 30, 7])])
def test_fees_go_to_whoever_the_header_names(fee_account: int, balances: list[int]) -> None:
    state, _ = _apply(_state(100, 0, 0), _send(0, 1, 30, 7), fee_account=fee_account)
    assert _balances(state) == balances


def test_fees_cannot_be_spent_in_the_batch_that_pays_them() -> None:
    _, result = _apply(_state(100, 0), _send(0, 1, 0, 50), _send(1, 0, 1), fee_account=1)
    assert result.outcomes[:2] == (SlotOutcome.APPLIED, SlotOutcome.INSUFFICIENT_BALANCE)


@pytest.mark.parametrize(("room", "burnt"), [(7, 0), (6, 7)])
def test_fees_are_burnt_whole_when_they_do_not_fit(room: int, burnt: int) -> None:
    state, result = _apply(_state(100, 0, 2**96 - 1 - room), _send(0, 1, 30, 7), fee_account=2)
    assert result.burnt == burnt
    assert state.accounts[AccountIndex(2)].balance == 2**96 - 1 - room + 7 - burnt


def test_overflow_is_judged_before_a_self_transfer_pays() -> None:
    almost = _state(2**96 - 5)
    assert _apply(almost, _send(0, 0, 5, 5))[1].outcomes[0] is SlotOutcome.BALANCE_OVERFLOW
    assert _apply(almost, _send(0, 0, 4, 5))[1].outcomes[0] is SlotOutcome.APPLIED


def test_a_signature_of_another_domain_does_nothing() -> None:
    state = _state(100, 0)
    after, result = apply_batch(state, _batch(_send(0, 1, 1)), FieldElement(DOMAIN + 1))
    assert result.outcomes[0] is SlotOutcome.BAD_SIGNATURE
    assert after == state


def test_exit_moves_amount_and_fee_out_and_counts() -> None:
    state, result = _apply(_state(100, 10), _leave(0, 30, 7), fee_account=1)
    assert _balances(state) == [63, 17]
    assert state.accounts[AccountIndex(0)].nonce == 1
    assert (result.exits, result.fees, result.burnt) == ((_paid(0, 30),), 7, 0)


def test_the_fee_account_gets_the_fee_of_its_own_exit_back() -> None:
    state, result = _apply(_state(100), _leave(0, 93, 7), fee_account=0)
    assert (_balances(state), result.exits) == ([7], (_paid(0, 93),))


def test_exit_needs_the_whole_amount_and_fee() -> None:
    assert _apply(_state(100), _leave(0, 93, 7))[1].outcomes[0] is SlotOutcome.APPLIED
    after, result = _apply(_state(100), _leave(0, 94, 7))
    assert (result.outcomes[0], result.exits) == (SlotOutcome.INSUFFICIENT_BALANCE, ())
    assert after == _state(100)


def test_exits_are_told_in_slot_order_with_their_slots() -> None:
    batch = _batch(_send(0, 1, 1), _leave(1, 11), _leave(0, 5, nonce=1), forced=(_force_out(0, 20),))
    state, result = apply_batch(_state(100, 10), batch, DOMAIN)
    assert result.exits == (_paid(0, 20), _paid(2, 11), _paid(3, 5))
    assert _balances(state) == [74, 0]


def test_forced_exit_leaves_the_nonce_and_pays_no_fee() -> None:
    state, result = apply_batch(_state(100), _batch(_leave(0, 40, 1), forced=(_force_out(0, 59),)), DOMAIN)
    assert result.outcomes[:2] == (SlotOutcome.APPLIED, SlotOutcome.APPLIED)
    assert state.account(0) == _account(0, 0, nonce=1)
    assert result.fees == 1


@pytest.mark.parametrize(
    ("slot", "outcome"),
    [
        (_force_out(1, 0), SlotOutcome.SENDER_MISSING),
        (_force_out(64, 0), SlotOutcome.SENDER_MISSING),
        (_force_out(0, 101, Address(bytes(20))), SlotOutcome.INSUFFICIENT_BALANCE),
        (_force_out(0, 100, Address(bytes(20))), SlotOutcome.NOT_EXIT_ADDRESS),
        (_leave(0, 100), SlotOutcome.NOT_EXIT_ADDRESS),
        (EMPTY_SLOT, SlotOutcome.NOT_EXIT_ADDRESS),
    ],
)
def test_a_forced_exit_that_breaks_a_rule_does_nothing(slot: bytes, outcome: SlotOutcome) -> None:
    after, result = apply_batch(_state(100), _batch(forced=(slot,)), DOMAIN)
    assert (result.outcomes[0], result.exits, after) == (outcome, (), _state(100))


def test_a_forced_exits_slot_elsewhere_needs_a_signature() -> None:
    after, result = _apply(_state(100), _force_out(0, 5))
    assert (result.outcomes[0], after) == (SlotOutcome.BAD_SIGNATURE, _state(100))


def test_deposit_makes_an_account_with_reduced_words() -> None:
    slot = b"".join(to_word(word + FIELD_ORDER) for word in split_words(_deposit(9, 4)))
    state, result = apply_batch(State(3), _batch(deposits=(slot,)), DOMAIN)
    assert state.account(9) == _account(0, 4)
    assert result.outcomes[0] is SlotOutcome.APPLIED


def test_deposit_into_an_account_changes_its_balance_alone() -> None:
    before = State(3).with_account(9, _account(1, 10, nonce=6))
    state, _ = apply_batch(before, _batch(deposits=(_deposit(9, 4, owner=2),)), DOMAIN)
    assert state.account(9) == _account(1, 14, nonce=6)


def test_a_deposit_may_make_an_account_with_nothing() -> None:
    state, _ = apply_batch(State(3), _batch(deposits=(EMPTY_SLOT,)), DOMAIN)
    made = state.account(0)
    assert made == Account(public_key_x=0, public_key_y=0, balance=Gwei(0), nonce=0, exit_address=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"deposits": 5}, "deposits is 5, shape 4x3 has 4 slots"),
        ({"deposits": -1}, "deposits is -1"),
        ({"forced": 5}, "forced is 5, shape 4x3 has 4 slots behind the deposits"),
        ({"deposits": 3, "forced": 2}, "forced is 2, shape 4x3 has 1 slots behind the deposits"),
        ({"forced": -1}, "forced is -1"),
        ({"fee_account": 2**48}, "fee_account is"),
    ],
)
def test_a_header_the_contract_refuses_is_refused(change: dict[str, Any], message: str) -> None:
    batch = _batch()
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        apply_batch(State(3), replace(batch, header=replace(batch.header, **change)), DOMAIN)


def test_a_deposit_outside_the_tree_is_refused() -> None:
    with pytest.raises(InputError, match="deposit to account 64, outside a tree of depth 3"):
        apply_batch(State(3), _batch(deposits=(_deposit(64, 1),)), DOMAIN)


def test_a_deposit_that_makes_an_account_without_an_address_is_refused() -> None:
    wide = _deposit(9, 4)[:96] + to_word(2**160)
    with pytest.raises(InputError, match="which is no address"):
        apply_batch(State(3), _batch(deposits=(wide,)), DOMAIN)
    state, _ = apply_batch(State(3).with_account(9, _account(0, 1)), _batch(deposits=(wide,)), DOMAIN)
    assert state.account(9) == _account(0, 5)


def test_a_deposit_beyond_the_largest_balance_is_refused() -> None:
    with pytest.raises(InputError, match="deposit amount 1 takes account 0"):
        apply_batch(_state(2**96 - 1), _batch(deposits=(_deposit(0, 1),)), DOMAIN)


def test_a_batch_of_another_depth_is_a_bug() -> None:
    with pytest.raises(ValueError, match="shape 4x3 on a state of depth 5"):
        apply_batch(State(5), _batch(), DOMAIN)


# Slots of every sort: transfers signed with the nonce that is next, other nonces, nearly right words, and noise.
words0 = st.builds(
    Word0,
    kind=st.sampled_from([1, 1, 2, 0, 2, 3, 255]),
    sender=st.sampled_from([0, 1, 5, 64]),
    recipient=st.sampled_from([0, 1, 5, 65]),
    amount=st.integers(0, 200),
    fee=st.integers(0, 20),
    nonce=st.integers(0, 2),
    reserved=st.sampled_from([0, 0, 0, 1]),
)
unsigned_slots = st.builds(lambda word, rest: to_word(word.pack()) + rest, words0, st.binary(min_size=96, max_size=96))
other_slots = st.one_of(unsigned_slots, st.binary(min_size=128, max_size=128), st.just(EMPTY_SLOT))
forced_exits = st.one_of(
    st.builds(_force_out, st.integers(0, 3), st.integers(0, 120), st.sampled_from([EXIT, EXIT, Address(bytes(20))])),
    other_slots,
)
deposits = st.builds(_deposit, st.sampled_from([0, 1, 3, 63]), st.integers(0, 2**64 - 1), st.integers(0, 2))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    funded = tuple(draw(deposits) for _ in range(draw(st.sampled_from([0, 0, 1, 3]))))
    forced = tuple(draw(forced_exits) for _ in range(draw(st.sampled_from([0, 0, 1]))))
    nonces = [0, 0, 0]
    slots: list[bytes] = []
    while len(funded) + len(forced) + len(slots) < SHAPE.slots:
        if draw(st.integers(0, 4)) == 4:
            slots.append(draw(other_slots))
            continue
        sender, recipient = draw(st.integers(0, 2)), draw(st.sampled_from([0, 1, 2, 2, 3]))
        amount, fee = draw(st.integers(0, 90)), draw(st.integers(0, 30))
        skipped = draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
        nonce, is_exit = nonces[sender] + skipped, draw(st.sampled_from([False, False, True]))
        slot = _leave(sender, amount, fee, nonce) if is_exit else _send(sender, recipient, amount, fee, nonce)
        spoiled = draw(st.sampled_from([False] * 7 + [True]))
        slots.append(slot[:96] + to_word(1) if spoiled else slot)
        nonces[sender] += not (skipped or spoiled)
    return _batch(
        *slots, deposits=funded, forced=forced, fee_account=draw(st.sampled_from([0, 1, 2, 3, 63, 64, 2**48 - 1]))
    )


states = st.builds(_state, *[st.sampled_from([1000, 100, 0, 2**96 - 50])] * 3)
properties = settings(derandomize=True, deadline=None, max_examples=60)


@properties
@given(states, batches())
def test_every_batch_has_a_next_state_and_conserves_every_gwei(before: State, batch: Batch) -> None:
    try:
        after, result = apply_batch(before, batch, DOMAIN)
    except InputError as error:
        assert "takes account" in str(error)  # noqa: PT017 - the one deposit that these batches may not hold
        return
    deposited = sum(Word0.unpack(split_words(slot)[0]).amount for slot in batch.slots[: batch.header.deposits])
    left = sum(leaving.amount for leaving in result.exits)
    assert after.total_balance() + result.burnt + left == before.total_balance() + deposited
    assert result.burnt in (0, result.fees)
    assert len(result.outcomes) == SHAPE.slots
    assert all(0 <= account.balance < 2**96 for account in after.accounts.values())


@properties
@given(states, st.binary(min_size=512, max_size=512), st.integers(0, 2**48 - 1))
def test_noise_does_nothing(before: State, data: bytes, fee_account: int) -> None:
    header = Header(shape=SHAPE, deposits=0, forced=0, fee_account=AccountIndex(fee_account))
    after, result = apply_batch(before, Batch(header=header, data=data), DOMAIN)
    assert after == before
    assert (result.fees, result.burnt) == (0, 0)
    assert SlotOutcome.APPLIED not in result.outcomes


@properties
@given(states, batches(), st.lists(st.integers(0, 4), min_size=16, max_size=16))
def test_a_word_plus_multiples_of_r_means_the_word(before: State, batch: Batch, multiples: list[int]) -> None:
    words = [word % FIELD_ORDER for word in split_words(batch.data)]
    aliased = [word + times * FIELD_ORDER for word, times in zip(words, multiples, strict=True)]
    other = replace(batch, data=b"".join(map(to_word, aliased)))
    try:
        expected = apply_batch(before, batch, DOMAIN)
    except InputError:
        with pytest.raises(InputError):
            apply_batch(before, other, DOMAIN)
        return
    assert apply_batch(before, other, DOMAIN) == expected


@properties
@given(states, batches())
def test_only_applied_slots_change_anything(before: State, batch: Batch) -> None:
    """Dropping every slot that was a no-op gives the same state and exits: no account has exit address 0."""
    try:
        after, result = apply_batch(before, batch, DOMAIN)
    except InputError:
        return
    kept = [
        slot if outcome is SlotOutcome.APPLIED else EMPTY_SLOT
        for slot, outcome in zip(batch.slots, result.outcomes, strict=True)
    ]
    again, repeated = apply_batch(before, replace(batch, data=b"".join(kept)), DOMAIN)
    assert (again, repeated.exits) == (after, result.exits)


@properties
@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 50))
def test_self_transfer_is_right_to_the_gwei(balance: int, amount: int, fee: int) -> None:
    after, result = _apply(_state(balance), _send(0, 0, amount, fee))
    affordable = balance >= amount + fee
    assert (result.outcomes[0] is SlotOutcome.APPLIED) is affordable
    assert _balances(after) == [balance - fee if affordable else balance]
