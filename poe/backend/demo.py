"""A batch and a state made from nothing, to try a proving key on and to show to other programs."""

from __future__ import annotations

from poe.backend import native
from poe.backend.interface import ProofJob
from poe.rollup import statement
from poe.rollup.batch import batch_hash, deposit_slot, seal_batch
from poe.rollup.transaction import SignedTransfer, Transfer
from poe.rollup.types import Account, AccountIndex, Address, BatchNumber, Gwei, Shape, Wei

SECRET = bytes(range(32))
SOMEBODY = Address(b"\x01" * 20)
DEPOSIT = Gwei(10**9)
NO_CHAIN = 0


def demo_job(shape: Shape) -> ProofJob:
    """A deposit, then transfers of its account to itself in the other slots; the arbiter is on chain 0, nowhere."""
    version = int.from_bytes(native.circuit_info(shape).hash)
    domain = statement.domain(NO_CHAIN, SOMEBODY, version)
    key = native.derive_public_key(SECRET)
    transfers = []
    for nonce in range(shape.slots - 1):
        account = AccountIndex(0)
        transfer = Transfer(sender=account, recipient=account, amount=Gwei(2), fee=Gwei(1), nonce=nonce)
        x, y, s = native.sign(SECRET, native.poseidon([domain, transfer.word]))
        transfers.append(SignedTransfer(transfer=transfer, r8=(x, y), s=s).slot)
    deposit = deposit_slot(AccountIndex(0), DEPOSIT, key, SOMEBODY)
    batch = seal_batch(shape, deposits=[deposit], transfers=transfers, fee_account=AccountIndex(0))
    execution = native.NativeState(shape.depth).execute(batch, domain)
    words = statement.statement_words(
        domain=domain,
        old_root=execution.old_root,
        new_root=execution.new_root,
        context=statement.context(BatchNumber(1), batch_hash(batch), SOMEBODY, Wei(0)),
        batch=batch,
    )
    return ProofJob(trace=execution.trace, statement=words)


def demo_state(depth: int) -> native.NativeState:
    """A state whose only account, number 0, is the one that `demo_job` deposits for."""
    key_x, key_y = native.derive_public_key(SECRET)
    exit_address = int.from_bytes(SOMEBODY, "big")
    account = Account(public_key_x=key_x, public_key_y=key_y, balance=DEPOSIT, nonce=0, exit_address=exit_address)
    return native.NativeState(depth, accounts={AccountIndex(0): account})
