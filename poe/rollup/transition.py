"""What a batch does to the accounts: docs/protocol.md, section 4, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poe.crypto import eddsa
from poe.crypto.field import reduce
from poe.errors import InputError
from poe.rollup.state import BALANCE_BITS, State
from poe.rollup.transaction import INDEX_BITS, MAX_NONCE, Word0, message_of, require_bits, slot_words
from poe.rollup.types import Account, AccountIndex, Batch, FieldElement, Gwei, SlotKind, SlotOutcome

BALANCE_LIMIT = 1 << BALANCE_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """One outcome a slot; the fees paid in the batch, and how much of them was burnt (all or nothing), in gwei."""

    outcomes: tuple[SlotOutcome, ...]
    fees: Gwei
    burnt: Gwei


def apply_batch(state: State, batch: Batch, domain: FieldElement) -> tuple[State, BatchResult]:
    """The state after a batch. Total over what the contract lets be posted: any user data gives a next state.

    InputError for a header or a deposit that the contract refuses: no such batch can exist.
    """
    _require_postable(state, batch)
    outcomes, fees = [], 0
    for position, slot in enumerate(batch.slots):
        if position < batch.header.deposits:
            state = apply_deposit(state, slot)
            outcomes.append(SlotOutcome.APPLIED)
            continue
        outcome = judge_transfer(state, slot, domain)
        outcomes.append(outcome)
        if outcome is SlotOutcome.APPLIED:
            state = apply_transfer(state, slot)
            fees += Word0.unpack(slot_words(slot)[0]).fee
    state, burnt = pay_fees(state, batch.header.fee_account, fees)
    return state, BatchResult(outcomes=tuple(outcomes), fees=Gwei(fees), burnt=Gwei(burnt))


def apply_deposit(state: State, slot: bytes) -> State:
    """Credit the account, or create it with the slot's key and exit address. Position alone makes a deposit."""
    w0, key_x, key_y, exit_address = slot_words(slot)
    fields = Word0.unpack(w0)
    if fields.recipient >= 4**state.depth:
        raise InputError(f"deposit to account {fields.recipient}, outside a tree of depth {state.depth}")
    account = state.account(fields.recipient) or Account(
        public_key_x=reduce(key_x),
        public_key_y=reduce(key_y),
        balance=Gwei(0),
        nonce=0,
        exit_address=reduce(exit_address),
    )
    if account.balance + fields.amount >= BALANCE_LIMIT:
        raise InputError(f"deposit amount {fields.amount} takes account {fields.recipient} to 2^{BALANCE_BITS}")
    return _credit(state, fields.recipient, account, fields.amount)


def judge_transfer(state: State, slot: bytes, domain: FieldElement) -> SlotOutcome:
    """The first rule that a slot after the deposits breaks, or APPLIED."""
    w0, r8_x, r8_y, s = slot_words(slot)
    fields = Word0.unpack(w0)
    # `account` is None outside the tree too.
    sender, recipient = state.account(fields.sender), state.account(fields.recipient)
    if fields.kind == SlotKind.EMPTY:
        return SlotOutcome.EMPTY
    if fields.kind != SlotKind.TRANSFER:
        return SlotOutcome.UNKNOWN_KIND
    if fields.reserved:
        return SlotOutcome.RESERVED_BITS
    if sender is None:
        return SlotOutcome.SENDER_MISSING
    if recipient is None:
        return SlotOutcome.RECIPIENT_MISSING
    if fields.nonce != sender.nonce:
        return SlotOutcome.WRONG_NONCE
    if sender.nonce == MAX_NONCE:
        return SlotOutcome.NONCE_EXHAUSTED
    if sender.balance < fields.amount + fields.fee:
        return SlotOutcome.INSUFFICIENT_BALANCE
    if recipient.balance + fields.amount >= BALANCE_LIMIT:
        return SlotOutcome.BALANCE_OVERFLOW
    key = (sender.public_key_x, sender.public_key_y)
    if not eddsa.verify(key, (r8_x, r8_y), s, message_of(w0, domain)):
        return SlotOutcome.BAD_SIGNATURE
    return SlotOutcome.APPLIED


def apply_transfer(state: State, slot: bytes) -> State:
    """Debit the sender and grow its nonce, then credit the recipient, who may be the sender."""
    fields = Word0.unpack(slot_words(slot)[0])
    sender = state.accounts[AccountIndex(fields.sender)]
    balance = Gwei(sender.balance - fields.amount - fields.fee)
    debited = replace(sender, balance=balance, nonce=sender.nonce + 1)
    state = state.with_account(fields.sender, debited)
    return _credit(state, fields.recipient, state.accounts[AccountIndex(fields.recipient)], fields.amount)


def pay_fees(state: State, fee_account: AccountIndex, fees: int) -> tuple[State, int]:
    """Credit the fee account; where it cannot take the fees they are burnt. Returns the state and what was burnt."""
    account = state.account(fee_account)
    if account is None or account.balance + fees >= BALANCE_LIMIT:
        return state, fees
    return _credit(state, fee_account, account, fees), 0


def _credit(state: State, index: int, account: Account, amount: int) -> State:
    return state.with_account(index, replace(account, balance=Gwei(account.balance + amount)))


def _require_postable(state: State, batch: Batch) -> None:
    """InputError where the contract reverts; ValueError when the batch is of another tree."""
    header = batch.header
    if header.shape.depth != state.depth:
        raise ValueError(f"batch of shape {header.shape} on a state of depth {state.depth}")
    if not 0 <= header.deposits <= header.shape.slots:
        raise InputError(f"deposits is {header.deposits}, shape {header.shape} has {header.shape.slots} slots")
    if header.forced != 0:
        raise InputError(f"forced is {header.forced}, wanted 0 in this version")
    require_bits("fee_account", header.fee_account, INDEX_BITS)
