"""What a user does once the rollup has ended, out of L1 alone: the final state, membership proofs, refunds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from poe.backend import native
from poe.backend.interface import MembershipProof
from poe.backend.keys import find_membership_key
from poe.cli.wallet import L2Account, Rollup, account_in, execute, read_ledger
from poe.errors import BackendError, BadAnswer, InputError, Reverted
from poe.l1.contract import Arbiter
from poe.l1.deploy import require_secure_key
from poe.l1.interface import BatchRefunded, BatchSequenced, EntryRefunded, QueueEntry
from poe.l1.ledger import Ledger
from poe.rollup.types import AccountIndex, Address
from poe.sequencer.queue import lay_out

Result = TypeVar("Result")

NOT_ENDED = "POE-INP-020"
ALREADY_LEFT = "POE-INP-021"
NO_ACCOUNT = "POE-INP-022"
NOTHING_VOID = "POE-INP-023"
NOT_DUE = "POE-INP-024"

FINALIZED_A_CALL = 8
MAX_FINALIZING_CALLS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalState:
    """The state after the last final batch of a rollup in exit mode, with all that L1 told."""

    ledger: Ledger
    state: native.NativeState


async def read_ended(rollup: Rollup) -> Ledger:
    """All that L1 told; InputError unless the rollup is in exit mode."""
    ledger = await read_ledger(rollup)
    if ledger.exit_mode is None:
        raise InputError(
            "the rollup has not ended", fix="`poe arbiter exit-mode` ends it once that is due", code=NOT_ENDED
        )
    return ledger


async def read_final_state(rollup: Rollup) -> FinalState:
    """Execute the final batches; BadAnswer when that does not give the root that the arbiter holds."""
    ledger = await read_ended(rollup)
    state, _ = execute(rollup, ledger, ledger.finalized_number)
    held = await rollup.view("stateRoot")
    if not state.root == ledger.finalized_root == held:
        raise BadAnswer(
            f"the final batches of {rollup.rpc.endpoint} give root {state.root:#066x}, the arbiter holds {held:#066x}",
            fix="the endpoint leaves out or invents logs; use another one",
        )
    return FinalState(ledger=ledger, state=state)


def leaving(final: FinalState, account: AccountIndex) -> L2Account:
    """An account that can leave; InputError when the final state has none, or it has left."""
    if final.state.account(account) is None:
        raise InputError(
            f"the final state has no account {account}",
            field="account",
            fix="a deposit that no final batch took up is refunded with `poe tx refund`",
            code=NO_ACCOUNT,
        )
    if final.ledger.has_left(account):
        raise InputError(f"account {account} has left already", field="account", code=ALREADY_LEFT)
    return account_in(final.state, account)


def all_leaving(final: FinalState, *, public_key: tuple[int, int] | None, exit_address: Address) -> list[L2Account]:
    """The accounts of a key, or those of an exit address if no key is given, that hold anything and have not left.

    InputError when there are none. The arbiter numbers accounts in a row: the first that is missing ends them.
    """
    found, index = [], AccountIndex(0)
    while final.state.account(index) is not None:
        held = account_in(final.state, index)
        is_ours = held.public_key == public_key if public_key else held.exit_address == exit_address
        if is_ours and held.balance_gwei and not final.ledger.has_left(index):
            found.append(held)
        index = AccountIndex(index + 1)
    if not found:
        whose = "of this key" if public_key else f"with exit address 0x{exit_address.hex()}"
        what = f"the final state has no account {whose} that holds anything and has not left"
        raise InputError(what, code=NO_ACCOUNT)
    return found


async def prove_membership(
    rollup: Rollup, final: FinalState, account: AccountIndex, key_cache: Path | None
) -> MembershipProof:
    """Prove that the final state holds the account; finds or makes the proving key, which takes some seconds once."""
    parameters = rollup.parameters
    find = partial(find_membership_key, parameters.shape.depth, parameters.membership_key_words, key_cache)
    key = await trio.to_thread.run_sync(find, abandon_on_cancel=True)
    if key.verifying_key_words != parameters.membership_key_words:
        raise BackendError(
            f"our membership key {key.path} does not belong to the arbiter's",
            fix="import the one that the arbiter was deployed with: `poe circuit import-key --membership`",
            code="POE-BCK-004",
        )
    require_secure_key(key.provenance, parameters.chain_id)
    prove = partial(native.prove_membership, key.path, final.state, account)
    return await trio.to_thread.run_sync(prove, abandon_on_cancel=True)


async def leave_all(
    rollup: Rollup, arbiter: Arbiter, final: FinalState, accounts: Sequence[L2Account], key_cache: Path | None
) -> list[dict[str, Any]]:
    """Prove and send for each account; what each was credited. Anybody may be quicker: the credit is the same."""
    told = []
    for held in accounts:
        proof = await prove_membership(rollup, final, held.index, key_cache)
        leaves = partial(arbiter.leave, proof.account, proof.exit_address, proof.balance, proof.words)
        receipt = await unless_done(leaves, "AlreadyLeft")
        told.append(
            {
                "account": held.index,
                "exit_address": "0x" + held.exit_address.hex(),
                "balance_gwei": held.balance_gwei,
                "tx": None if receipt is None else "0x" + receipt.tx_hash.hex(),
            }
        )
    return told


async def unless_done(call: Callable[[], Awaitable[Result]], refusal: str) -> Result | None:
    """What a call gives; None if the arbiter refuses it since somebody else has done the same. Else one who runs ahead
    of a transaction of ours could stop all that were to follow it."""
    try:
        return await call()
    except Reverted as error:
        if error.name != refusal:
            raise
        return None


def void_entry(ledger: Ledger, index: int) -> QueueEntry:
    """A queue entry that can be refunded; InputError when there is none such."""
    for entry in ledger.void_entries():
        if entry.queue_index == index:
            return entry
    raise InputError(f"queue entry {index} is no void one, or it is refunded", field="entry", code=NOTHING_VOID)


def void_batch(ledger: Ledger, number: int) -> BatchSequenced:
    """A batch that can be refunded; InputError when there is none such."""
    for batch in ledger.void_batches():
        if batch.number == number:
            return batch
    raise InputError(f"batch {number} is no void one, or it is refunded", field="batch", code=NOTHING_VOID)


async def refund_entry(rollup: Rollup, arbiter: Arbiter, entry: QueueEntry) -> dict[str, Any]:
    """Give back what a void entry paid; who was credited how much."""
    (slot,) = lay_out([entry]).slots
    event = await rollup.event_of(arbiter, receipt := await arbiter.refund_entry(entry.queue_index, slot))
    if not isinstance(event, EntryRefunded):
        raise BadAnswer(f"a refund emitted {type(event).__name__}")
    tx = "0x" + receipt.tx_hash.hex()
    return {"entry": entry.queue_index, "address": "0x" + event.beneficiary.hex(), "wei": event.amount, "tx": tx}


async def refund_batch(rollup: Rollup, arbiter: Arbiter, batch: BatchSequenced) -> dict[str, Any]:
    """Give back a void batch's reward; who was credited how much."""
    event = await rollup.event_of(arbiter, receipt := await arbiter.refund_batch(batch.number))
    if not isinstance(event, BatchRefunded):
        raise BadAnswer(f"a refund emitted {type(event).__name__}")
    tx = "0x" + receipt.tx_hash.hex()
    return {"batch": batch.number, "address": "0x" + event.poster.hex(), "wei": event.reward, "tx": tx}


async def end_rollup(rollup: Rollup, arbiter: Arbiter) -> Ledger:
    """Finalize what is ready and enter exit mode; what L1 tells then. InputError when it is not due."""
    for _ in range(MAX_FINALIZING_CALLS):
        if not await arbiter.is_accepted(await rollup.next_final(), await arbiter.state_root()):
            break
        await arbiter.finalize(FINALIZED_A_CALL)
    try:
        await arbiter.enter_exit_mode()
    except Reverted as refusal:
        if refusal.name != "ExitModeNotDue":
            raise
        ledger = await read_ledger(rollup)
        head = (await rollup.rpc.latest()).number
        raise InputError(when_due(ledger, head), code=NOT_DUE) from None
    return await read_ledger(rollup)


def when_due(ledger: Ledger, head: int) -> str:
    """One line on whether and when the rollup may be ended."""
    if ledger.exit_mode is not None:
        return f"the rollup ended in block {ledger.exit_mode.origin.block.number}"
    due_at = ledger.exit_mode_due_at()
    if due_at is None:
        return "exit mode is not due: no batch and no queue entry waits"
    if due_at > head:
        return f"exit mode is due from block {due_at} on, unless what waits is posted or proven before; now is {head}"
    return f"exit mode is due since block {due_at}"
