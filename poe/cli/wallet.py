"""What a user of the rollup needs: L2 keys, signatures, the arbiter for one account, the state out of L1 alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from poe.assembly.chain import require_our_circuits, require_sound_keys
from poe.backend import native
from poe.cli.passwords import load_account
from poe.config import split_urls
from poe.errors import BadAnswer, InputError, L1Unreachable, Reverted
from poe.l1.abi import load_artifact
from poe.l1.contract import Arbiter
from poe.l1.endpoints import Endpoints, connect_endpoints
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import ArbiterEvent, ArbiterParameters, ChainUpdate, Receipt
from poe.l1.keys import Signer, read_secret, write_secret
from poe.l1.ledger import Ledger
from poe.l1.views import ArbiterViews
from poe.rollup import statement
from poe.rollup.transaction import (
    INDEX_BITS,
    ExitRequest,
    SignedExit,
    SignedTransaction,
    SignedTransfer,
    Transfer,
    require_bits,
)
from poe.rollup.types import AccountIndex, Address, BatchNumber, Exit, FieldElement
from poe.sequencer.client import BAD_ANSWER, RpcClient

HISTORY_SECONDS = 600.0
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """One arbiter on one chain; `domain` separates its signatures from any other rollup's."""

    rpc: Endpoints
    parameters: ArbiterParameters
    domain: FieldElement

    @classmethod
    async def connect(cls, rpc_url: str, chain_id: int, arbiter: Address) -> Rollup:
        """L1Unreachable or WrongChain when the arbiter is not there."""
        rpc = connect_endpoints(split_urls(rpc_url))
        await rpc.require_chain(chain_id)
        parameters = await ArbiterViews(rpc, arbiter).parameters()
        domain = statement.domain(parameters.chain_id, parameters.address, parameters.circuit_version)
        return cls(rpc=rpc, parameters=parameters, domain=domain)

    @property
    def decoder(self) -> EventDecoder:
        """Of the arbiter's logs."""
        return EventDecoder(load_artifact("Arbiter"), shape=self.parameters.shape)

    def require_sound(self) -> None:
        """BackendError or ConfigError for an arbiter that no money should go to: foreign circuits, forgeable keys."""
        require_our_circuits(self.parameters)
        require_sound_keys(self.parameters)

    async def client(self, key_file: Path) -> Arbiter:
        """The arbiter's calls for the account of a key file."""
        signer = Signer(load_account(key_file))
        return await Arbiter.connect(self.rpc, self.parameters.address, signer, chain_id=self.parameters.chain_id)

    async def credit_of(self, address: Address) -> int:
        """What an L1 account can withdraw, in Wei."""
        return int(await self.view("creditOf", address))

    async def next_final(self) -> BatchNumber:
        """The first batch that is not final."""
        return BatchNumber(await self.view("finalizedNumber") + 1)

    async def view(self, name: str, *arguments: object) -> Any:
        """One of the arbiter's read-only calls."""
        return await ArbiterViews(self.rpc, self.parameters.address).view(name, *arguments)

    async def event_of(self, arbiter: Arbiter, receipt: Receipt) -> ArbiterEvent:
        """The one event of a transaction of ours."""
        events = await arbiter.events_of(receipt, self.decoder)
        if len(events) != 1:
            raise BadAnswer(f"transaction 0x{receipt.tx_hash.hex()} has {len(events)} events of the arbiter, wanted 1")
        return events[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that L1 has ordered, executed: the state after the last batch, and every batch's exits.

    In exit mode only the final batches count.
    """

    ledger: Ledger
    state: native.NativeState
    exits: Mapping[BatchNumber, tuple[Exit, ...]]


async def read_history(rollup: Rollup) -> History:
    """Follow L1 from the deployment to its head and execute; no sequencer is asked, none can hide or invent anything.

    L1Unreachable when the head is not reached in time; BackendError when the arbiter's circuit is not ours.
    """
    ledger = await read_ledger(rollup)
    state, exits = execute(rollup, ledger, ledger.finalized_number if ledger.exit_mode else ledger.head()[0])
    return History(ledger=ledger, state=state, exits=exits)


def execute(
    rollup: Rollup, ledger: Ledger, last: BatchNumber
) -> tuple[native.NativeState, dict[BatchNumber, tuple[Exit, ...]]]:
    """The state after L1's batches up to the last, and the exits of each; BackendError when the circuit is not ours."""
    require_our_circuits(rollup.parameters)
    state, exits = native.NativeState(rollup.parameters.shape.depth, history=1), {}
    for number in range(1, last + 1):
        ordered = ledger.batch(BatchNumber(number))
        if ordered is None:
            raise LookupError(f"the ledger holds no body of batch {number}")
        exits[ordered.number] = state.execute(ordered.batch, rollup.domain).exits
    return state, exits


async def credit_due_exits(arbiter: Arbiter, history: History, number: int | None) -> list[BatchNumber]:
    """Credit the exits of one batch (any refusal is an error), or of all that are due; returns the batches."""
    if number is not None:
        exits = history.exits.get(BatchNumber(number))
        if not exits:
            raise InputError(f"batch {number} has no exits, or L1 has not ordered it", field="number")
        await arbiter.credit_exits(BatchNumber(number), exits)
        return [BatchNumber(number)]
    credited = []
    for final in range(1, history.ledger.finalized_number + 1):
        batch = BatchNumber(final)
        if not history.exits[batch] or history.ledger.are_exits_credited(batch):
            continue
        try:
            await arbiter.credit_exits(batch, history.exits[batch])
        except Reverted as refusal:
            if refusal.name != "ExitsNotDue":
                raise
            break  # nor are those of later batches
        credited.append(batch)
    return credited


async def read_ledger(rollup: Rollup, *, also: Callable[[ChainUpdate], None] | None = None) -> Ledger:
    """What L1's events add up to from the deployment to its head; L1Unreachable when that is not reached in time.

    `also` hears of each step.
    """
    ledger = Ledger(rollup.parameters, kept_batches=2**62)
    follower = ChainFollower(rollup.rpc, rollup.parameters, rollup.decoder)
    with trio.move_on_after(HISTORY_SECONDS):
        async with aclosing(follower.updates()) as updates:
            async for update in updates:
                ledger.apply(update)
                if also is not None:
                    also(update)
                if follower.is_caught_up:
                    return ledger
    raise L1Unreachable(f"{rollup.rpc.endpoint} did not tell its history within {HISTORY_SECONDS:.0f} s")


def require_index(account: int) -> AccountIndex:
    """The index of an account; InputError when there can be none such."""
    require_bits("--account", account, INDEX_BITS)
    return AccountIndex(account)


def load_l2_secret(path: Path) -> bytes:
    """The 32-byte secret in a file that only its owner can read; ConfigError otherwise."""
    return read_secret(path)


def create_l2_secret(path: Path) -> bytes:
    """Make a secret and write it, mode 0600; an existing file is never touched."""
    secret = secrets.token_bytes(SECRET_BYTES)
    write_secret(path, secret)
    return secret


def show_public_key(secret: bytes) -> str:
    """The public key of a secret as 128 hex digits, x then y."""
    x, y = native.derive_public_key(secret)
    return f"0x{x:064x}{y:064x}"


def sign(secret: bytes, transaction: Transfer | ExitRequest, domain: FieldElement) -> SignedTransaction:
    """The transaction as its sender sends it."""
    x, y, s = native.sign(secret, native.poseidon([domain, transaction.word]))
    if isinstance(transaction, ExitRequest):
        return SignedExit(exit=transaction, r8=(x, y), s=s)
    return SignedTransfer(transfer=transaction, r8=(x, y), s=s)


def as_json(signed: SignedTransaction) -> dict[str, Any]:
    """The transaction as `poe_sendTransaction` takes it."""
    of = signed.transaction
    kind = {"kind": "exit"} if isinstance(of, ExitRequest) else {"kind": "transfer", "to": of.recipient}
    signature = {"r8x": str(signed.r8[0]), "r8y": str(signed.r8[1]), "s": str(signed.s)}
    numbers = {"from": of.sender, "amount": str(of.amount), "fee": str(of.fee), "nonce": of.nonce}
    return {**kind, **numbers, "signature": signature}


@dataclass(frozen=True, slots=True, kw_only=True)
class L2Account:
    """An account as somebody tells it; `next_nonce` is the first for which nothing waits."""

    index: AccountIndex
    public_key: tuple[int, int]
    balance_gwei: int
    next_nonce: int
    exit_address: Address

    def require_owner(self, secret: bytes) -> None:
        """InputError unless the account's key is that of the secret."""
        if native.derive_public_key(secret) != self.public_key:
            raise InputError(f"account {self.index} has another key than the key file", field="account")


async def ask_account(client: RpcClient, index: AccountIndex) -> L2Account:
    """The account as the sequencer knows it; InputError when there is none."""
    answer = await client.call("poe_getAccount", index)
    if answer is None:
        raise _no_account(index)
    try:
        x, y = answer["publicKey"]
        return L2Account(
            index=index,
            public_key=(int(x), int(y)),
            balance_gwei=int(answer["balance"]),
            next_nonce=int(answer["nextNonce"]),
            exit_address=Address(bytes.fromhex(answer["exitAddress"][2:])),
        )
    except (TypeError, KeyError, ValueError):
        raise InputError(f"the sequencer told an account of {str(answer)[:80]}", code=BAD_ANSWER) from None


def account_in(state: native.NativeState, index: AccountIndex) -> L2Account:
    """The account after the last batch on L1; InputError when there is none."""
    held = state.account(index)
    if held is None:
        raise _no_account(index)
    return L2Account(
        index=index,
        public_key=(held.public_key_x, held.public_key_y),
        balance_gwei=held.balance,
        next_nonce=held.nonce,
        exit_address=Address(held.exit_address.to_bytes(20, "big")),
    )


async def depositor(rollup: Rollup, index: AccountIndex) -> tuple[tuple[int, int], Address]:
    """Key and exit address of an account as L1 knows them, its first deposit drained or not; InputError for none."""
    history = await read_history(rollup)
    for waiting in history.ledger.pending_deposits():
        if waiting.account == index:
            return (waiting.public_key_x, waiting.public_key_y), Address(waiting.exit_address.to_bytes(20))
    held = account_in(history.state, index)
    return held.public_key, held.exit_address


def _no_account(index: AccountIndex) -> InputError:
    return InputError(f"there is no account {index}", field="account", fix="a deposit's account appears with a batch")
