"""What a batch does to the accounts: docs/protocol.md, section 4, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

from poe.crypto import eddsa
from poe.crypto.field import reduce
from poe.errors import InputError
from poe.rollup.batch import ADDRESS_BYTES
from poe.rollup.state import BALANCE_BITS, State
from poe.rollup.transaction import INDEX_BITS, MAX_NONCE, Word0, message_of, require_bits, slot_words
from poe.rollup.types import Account, AccountIndex, Address, Batch, Exit, FieldElement, Gwei, SlotKind, SlotOutcome

BALANCE_LIMIT = 1 << BALANCE_BITS
ADDRESS_LIMIT = 1 << 8 * ADDRESS_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """One outcome a slot; the exits in slot order; the fees paid, and how much of them was burnt (all or nothing)."""

    outcomes: tuple[SlotOutcome, ...]
    exits: tuple[Exit, ...]
    fees: Gwei
    burnt: Gwei


@dataclass(frozen=True, slots=True)
class SlotResult:
    """The state after a slot, what became of the slot, the fee it paid and the exit it emitted."""

    state: State
    outcome: SlotOutcome = SlotOutcome.APPLIED
    fee: int = 0
    exit: Exit | None = None


def apply_batch(state: State, batch: Batch, domain: FieldElement) -> tuple[State, BatchResult]:
    """The state after a batch. Total over what the contract lets be posted: any user data gives a next state.

    InputError for a header or a deposit that the contract refuses: no such batch can exist.
    """
    _require_postable(state, batch)
    results = []
    for position in range(batch.header.shape.slots):
        results.append(apply_slot(state, batch, position, domain))
        state = results[-1].state
    fees = sum(result.fee for result in results)
    state, burnt = pay_fees(state, batch.header.fee_account, fees)
    return state, BatchResult(
        outcomes=tuple(result.outcome for result in results),
        exits=tuple(result.exit for result in results if result.exit is not None),
        fees=Gwei(fees),
        burnt=Gwei(burnt),
    )


def apply_slot(state: State, batch: Batch, position: int, domain: FieldElement) -> SlotResult:
    """One slot. Its position alone makes it a deposit, a forced exit, or a user's transfer or exit."""
    header, slot = batch.header, batch.slots[position]
    if position < header.deposits:
        return SlotResult(apply_deposit(state, slot))
    is_forced = position < header.deposits + header.forced
    outcome = judge_forced_exit(state, slot) if is_forced else judge_transaction(state, slot, domain)
    if outcome is not SlotOutcome.APPLIED:
        return SlotResult(state, outcome)
    fields = Word0.unpack(slot_words(slot)[0])
    if is_forced:
        # The queue entry is used once, so nothing can be replayed: no fee, and the nonce stays.
        return apply_exit(state, position, fields.sender, fields.amount)
    state = charge_sender(state, fields)
    if fields.kind == SlotKind.EXIT:
        return replace(apply_exit(state, position, fields.sender, fields.amount), fee=fields.fee)
    return SlotResult(apply_transfer(state, fields), fee=fields.fee)


def apply_deposit(state: State, slot: bytes) -> State:
    """Credit the account, or create it with the slot's key and exit address. Position alone makes a deposit."""
    w0, key_x, key_y, exit_address = slot_words(slot)
    fields = Word0.unpack(w0)
    if fields.recipient >= 4**state.depth:
        raise InputError(f"deposit to account {fields.recipient}, outside a tree of depth {state.depth}")
    if (account := state.account(fields.recipient)) is None:
        account = _create_account(key_x, key_y, exit_address)
    if account.balance + fields.amount >= BALANCE_LIMIT:
        raise InputError(f"deposit amount {fields.amount} takes account {fields.recipient} to 2^{BALANCE_BITS}")
    return _credit(state, fields.recipient, account, fields.amount)


def _create_account(key_x: int, key_y: int, exit_address: int) -> Account:
    address = reduce(exit_address)
    if address >= ADDRESS_LIMIT:
        raise InputError(f"deposit with exit address {address:#x}, which is no address")
    return Account(
        public_key_x=reduce(key_x), public_key_y=reduce(key_y), balance=Gwei(0), nonce=0, exit_address=address
    )


def judge_transaction(state: State, slot: bytes, domain: FieldElement) -> SlotOutcome:
    """The first rule that a transfer or an exit breaks, or APPLIED. An exit does not read the recipient."""
    w0, r8_x, r8_y, s = slot_words(slot)
    fields = Word0.unpack(w0)
    is_transfer = fields.kind == SlotKind.TRANSFER
    # `account` is None outside the tree too.
    sender, recipient = state.account(fields.sender), state.account(fields.recipient)
    if fields.kind == SlotKind.EMPTY:
        return SlotOutcome.EMPTY
    if fields.kind not in (SlotKind.TRANSFER, SlotKind.EXIT):
        return SlotOutcome.UNKNOWN_KIND
    if fields.reserved:
        return SlotOutcome.RESERVED_BITS
    if sender is None:
        return SlotOutcome.SENDER_MISSING
    if is_transfer and recipient is None:
        return SlotOutcome.RECIPIENT_MISSING
    if fields.nonce != sender.nonce:
        return SlotOutcome.WRONG_NONCE
    if sender.nonce == MAX_NONCE:
        return SlotOutcome.NONCE_EXHAUSTED
    if sender.balance < fields.amount + fields.fee:
        return SlotOutcome.INSUFFICIENT_BALANCE
    if is_transfer and recipient is not None and recipient.balance + fields.amount >= BALANCE_LIMIT:
        return SlotOutcome.BALANCE_OVERFLOW
    key = (sender.public_key_x, sender.public_key_y)
    if not eddsa.verify(key, (r8_x, r8_y), s, message_of(w0, domain)):
        return SlotOutcome.BAD_SIGNATURE
    return SlotOutcome.APPLIED


def judge_forced_exit(state: State, slot: bytes) -> SlotOutcome:
    """The first rule that a forced exit breaks, or APPLIED. Kind, reserved bits, fee and nonce are not read."""
    w0, asked_by, _, _ = slot_words(slot)
    fields = Word0.unpack(w0)
    account = state.account(fields.sender)
    if account is None:
        return SlotOutcome.SENDER_MISSING
    if account.balance < fields.amount:
        return SlotOutcome.INSUFFICIENT_BALANCE
    if reduce(asked_by) != account.exit_address:
        return SlotOutcome.NOT_EXIT_ADDRESS
    return SlotOutcome.APPLIED


def charge_sender(state: State, fields: Word0) -> State:
    """The sender pays the fee and its nonce grows."""
    sender = state.accounts[AccountIndex(fields.sender)]
    balance = Gwei(sender.balance - fields.fee)
    return state.with_account(fields.sender, replace(sender, balance=balance, nonce=sender.nonce + 1))


def apply_transfer(state: State, fields: Word0) -> State:
    """Take the amount from the sender, then credit the recipient, who may be the sender."""
    state = _credit(state, fields.sender, state.accounts[AccountIndex(fields.sender)], -fields.amount)
    return _credit(state, fields.recipient, state.accounts[AccountIndex(fields.recipient)], fields.amount)


def apply_exit(state: State, position: int, index: int, amount: int) -> SlotResult:
    """Take the amount from the account and out of the rollup."""
    account = state.accounts[AccountIndex(index)]
    address = Address(account.exit_address.to_bytes(ADDRESS_BYTES, "big"))
    leaving = Exit(slot=position, address=address, amount=Gwei(amount))
    return SlotResult(_credit(state, index, account, -amount), exit=leaving)


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
    free = header.shape.slots - header.deposits
    if not 0 <= header.forced <= free:
        raise InputError(f"forced is {header.forced}, shape {header.shape} has {free} slots behind the deposits")
    require_bits("fee_account", header.fee_account, INDEX_BITS)
