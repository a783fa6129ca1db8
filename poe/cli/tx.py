"""`poe tx`: what a user does, on L2 through a sequencer, on L1 without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App, Parameter

from poe.cli import exit_mode
from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup
    from poe.rollup.transaction import ExitRequest, Transfer
    from poe.rollup.types import AccountIndex, Gwei

app = App(name="tx", help="Deposit, transfer, exit; past a sequencer if need be.")
app.command(exit_mode.leave)
app.command(exit_mode.refund)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class SendFlags:
    """What every transaction through a sequencer needs.

    Parameters
    ----------
    l2_key
        Key file of the sender.
    account
        Index of the sender's account.
    amount_gwei
        What is moved.
    fee_gwei
        What the sequencer gains besides.
    nonce
        The account's next free one if not given.
    sequencer_url
        The sequencer's JSON-RPC endpoint.
    """

    l2_key: Path
    account: int
    amount_gwei: int
    fee_gwei: int = 0
    nonce: int | None = None
    sequencer_url: str


@app.command
def deposit(
    *,
    rollup: RollupFlags = RollupFlags(),
    l1_key: Path,
    amount_gwei: int,
    l2_key: Path | None = None,
    account: int | None = None,
    exit_address: str | None = None,
) -> None:
    """Pay ETH in: queue a deposit that creates an L2 account, or one into an account that there is.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that pays the amount, the queue's fee and gas.
    amount_gwei
        What the account is credited.
    l2_key
        Key file of a new account's owner.
    account
        Index of the account to top up instead; anyone may.
    exit_address
        L1 address that a new account's exits pay to, and that may force one; the paying account if not given.
    """
    from poe.assembly.chain import parse_address
    from poe.backend.native import derive_public_key
    from poe.cli.wallet import depositor, load_l2_secret
    from poe.errors import InputError

    if (l2_key is None) == (account is None) or (account is not None and exit_address is not None):
        fix = "--l2-key makes a new account, --account tops one up and keeps its exit address"
        raise InputError("give either --l2-key or --account", field="l2-key", fix=fix)
    public_key = None if l2_key is None else derive_public_key(load_l2_secret(l2_key))
    exits_to = None if exit_address is None else parse_address(exit_address, "--exit-address")
    amount, index = _gwei(amount_gwei), None if account is None else _index(account)

    async def work(of: Rollup) -> tuple[str, Facts]:
        of.require_sound()
        arbiter = await of.client(l1_key)
        if public_key is not None:
            receipt = await arbiter.deposit(
                public_key=public_key, exit_address=exits_to or arbiter.account, amount=amount
            )
        elif index is not None:
            key, its_address = await depositor(of, index)
            receipt = await arbiter.top_up(index, public_key=key, exit_address=its_address, amount=amount)
        event = await of.event_of(arbiter, receipt)
        facts = _queued(event, receipt) | {"account": getattr(event, "account", None)}
        kind = "new account" if index is None else "account"
        return f"{amount_gwei} gwei to {kind} {facts['account']}: queue entry {facts['entry']}", facts

    rollup.run(work)


@app.command
def transfer(*, rollup: RollupFlags = RollupFlags(), send: SendFlags, to: int) -> None:
    """Pay another L2 account, through the sequencer.

    Parameters
    ----------
    to
        Index of the recipient's account.
    """
    _send(rollup, send, {"recipient": to})


@app.command(name="exit")
def exit_(*, rollup: RollupFlags = RollupFlags(), send: SendFlags) -> None:
    """Move gwei to the account's exit address on L1, through the sequencer."""
    _send(rollup, send, {})


@app.command
def force_exit(*, rollup: RollupFlags = RollupFlags(), l1_key: Path, account: int, amount_gwei: int) -> None:
    """Queue an exit on L1 without the L2 key and without a sequencer's consent.

    Parameters
    ----------
    l1_key
        Key file of the account's exit address; pays the queue's fee and gas.
    account
        Index of the account.
    amount_gwei
        What the exit address can withdraw in the end. The entry does nothing if the account has less.
    """

    async def work(of: Rollup) -> tuple[str, Facts]:
        arbiter = await of.client(l1_key)
        receipt = await arbiter.force_exit(_index(account), _gwei(amount_gwei))
        facts = _queued(await of.event_of(arbiter, receipt), receipt)
        return f"exit of {amount_gwei} gwei from account {account}: queue entry {facts['entry']}", facts

    rollup.run(work)


@app.command
def force(
    *,
    rollup: RollupFlags = RollupFlags(),
    l1_key: Path,
    l2_key: Path,
    account: int,
    amount_gwei: int,
    to: int | None = None,
    exit: bool = False,
    fee_gwei: int = 0,
    nonce: int | None = None,
) -> None:
    """Queue a signed transfer or exit on L1, where no sequencer can leave it out for long.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that pays the queue's fee and gas; any account will do.
    l2_key
        Key file of the sender.
    account
        Index of the sender's account.
    amount_gwei
        What is moved.
    to
        Index of the recipient's account, for a transfer.
    exit
        Move it to the account's exit address instead.
    fee_gwei
        What the sequencer gains besides.
    nonce
        The account's own after the last batch on L1 if not given.
    """
    from poe.cli.wallet import account_in, load_l2_secret, read_history, sign
    from poe.errors import InputError

    if (to is None) == (not exit):
        raise InputError("give either --to for a transfer or --exit", field="to")
    secret = load_l2_secret(l2_key)
    fields = {"amount": amount_gwei, "fee": fee_gwei} | ({} if to is None else {"recipient": to})

    async def work(of: Rollup) -> tuple[str, Facts]:
        held = account_in((await read_history(of)).state, _index(account))
        held.require_owner(secret)
        transaction = _transaction(account, held.next_nonce if nonce is None else nonce, fields)
        arbiter = await of.client(l1_key)
        receipt = await arbiter.force_transaction(sign(secret, transaction, of.domain).slot)
        facts = _queued(await of.event_of(arbiter, receipt), receipt) | {"nonce": transaction.nonce}
        return f"nonce {transaction.nonce} of account {account}: queue entry {facts['entry']}", facts

    rollup.run(work)


@app.command
def post_queue(*, rollup: RollupFlags = RollupFlags(), l1_key: Path) -> None:
    """Post a batch of queue entries alone: open to all once the oldest has waited for twice the queue's deadline.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that puts down the batch's reward, four times without a seat, and gains its fees.
    """
    from poe.cli.wallet import read_history
    from poe.errors import InputError
    from poe.rollup.types import BatchNumber
    from poe.sequencer.queue import seal_entries

    async def work(of: Rollup) -> tuple[str, Facts]:
        ledger = (await read_history(of)).ledger
        entries = ledger.pending_entries()[: of.parameters.shape.slots]
        if not entries:
            raise InputError("the queue is empty")
        (head, parent), batch = ledger.head(), seal_entries(of.parameters.shape, entries)
        queue_end, number = ledger.queue_end + len(entries), BatchNumber(head + 1)
        arbiter = await of.client(l1_key)
        receipt = await arbiter.sequence_batch(
            number, parent, batch, queue_end=queue_end, value=await arbiter.posting_value()
        )
        facts = {"number": number, "entries": len(entries), "tx": "0x" + receipt.tx_hash.hex()}
        return f"batch {number} drains {len(entries)} queue entries", facts

    rollup.run(work)


@app.command
def credit_exits(number: int | None = None, *, rollup: RollupFlags = RollupFlags(), l1_key: Path) -> None:
    """Credit exits of batches that have been final for the alarm delay, so that they can be withdrawn.

    Parameters
    ----------
    number
        The batch; if not given, every batch with exits that are due.
    l1_key
        Key file of the L1 account that pays the gas; any account will do.
    """
    from poe.cli.wallet import credit_due_exits, read_history

    async def work(of: Rollup) -> tuple[str, Facts]:
        history, arbiter = await read_history(of), await of.client(l1_key)
        credited = await credit_due_exits(arbiter, history, number)
        exits = [(leaving.address, leaving.amount) for batch in credited for leaving in history.exits[batch]]
        told = [{"address": "0x" + address.hex(), "amount_gwei": amount} for address, amount in exits]
        return f"{len(exits)} exits of {len(credited)} batches credited", {"batches": credited, "exits": told}

    rollup.run(work)


@app.command
def withdraw(*, rollup: RollupFlags = RollupFlags(), l1_key: Path) -> None:
    """Pull all that an L1 account is credited for exits, rewards and fees.

    Parameters
    ----------
    l1_key
        Key file of that account.
    """

    async def work(of: Rollup) -> tuple[str, Facts]:
        arbiter = await of.client(l1_key)
        receipt = await arbiter.withdraw()
        amount: int = getattr(await of.event_of(arbiter, receipt), "amount", 0)
        facts = {"address": "0x" + arbiter.account.hex(), "wei": amount, "tx": "0x" + receipt.tx_hash.hex()}
        return f"{amount} wei to {facts['address']}", facts

    rollup.run(work)


@app.command
def balance(*, rollup: RollupFlags = RollupFlags(), account: int, sequencer_url: str | None = None) -> None:
    """Print an account, and what its exit address can withdraw on L1.

    Parameters
    ----------
    account
        Index of the account.
    sequencer_url
        Ask this sequencer, which knows batches that L1 does not have yet; if not given, compute it from L1 alone.
    """
    from poe.cli.wallet import account_in, ask_account, read_history
    from poe.sequencer.client import RpcClient

    index = _index(account)

    async def work(of: Rollup) -> tuple[str, Facts]:
        has_left = False
        if sequencer_url is None:
            history = await read_history(of)
            held, has_left = account_in(history.state, index), history.ledger.has_left(index)
        else:
            async with RpcClient(sequencer_url) as client:
                held = await ask_account(client, index)
        credit, exits_to = await of.credit_of(held.exit_address), "0x" + held.exit_address.hex()
        facts = {"account": index, "balance_gwei": held.balance_gwei, "next_nonce": held.next_nonce}
        line = f"account {index}: {held.balance_gwei} gwei, next nonce {held.next_nonce}; {exits_to}: {credit} wei"
        if has_left:
            line = f"account {index} has left; {exits_to}: {credit} wei"
        return line, facts | {"exit_address": exits_to, "withdrawable_wei": credit, "has_left": has_left}

    rollup.run(work)


def _send(rollup: RollupFlags, send: SendFlags, fields: Facts) -> None:
    """Sign a transfer (with a recipient) or an exit and hand it to the sequencer."""
    from poe.cli.wallet import as_json, ask_account, load_l2_secret, sign
    from poe.sequencer.client import RpcClient

    secret, fields = load_l2_secret(send.l2_key), fields | {"amount": send.amount_gwei, "fee": send.fee_gwei}

    async def work(of: Rollup) -> tuple[str, Facts]:
        async with RpcClient(send.sequencer_url) as client:
            held = await ask_account(client, _index(send.account))
            held.require_owner(secret)
            nonce = held.next_nonce if send.nonce is None else send.nonce
            transaction = _transaction(send.account, nonce, fields)
            told = as_json(sign(secret, transaction, of.domain))
            await client.call("poe_sendTransaction", told)
        del told["signature"]
        return f"{told['kind']} with nonce {transaction.nonce} of account {send.account} taken by the sequencer", told

    rollup.run(work)


def _transaction(account: int, nonce: int, fields: Facts) -> Transfer | ExitRequest:
    from poe.rollup.transaction import ExitRequest, Transfer

    kind: Callable[..., Transfer | ExitRequest] = Transfer if "recipient" in fields else ExitRequest
    return kind(sender=_index(account), nonce=nonce, **fields)


def _index(account: int) -> AccountIndex:
    """The index of an account; InputError when there can be none such."""
    from poe.cli.wallet import require_index

    return require_index(account)


def _gwei(amount: int) -> Gwei:
    """An amount; InputError when it does not fit."""
    from poe.rollup.transaction import AMOUNT_BITS, require_bits
    from poe.rollup.types import Gwei

    require_bits("--amount-gwei", amount, AMOUNT_BITS)
    return Gwei(amount)


def _queued(event: Any, receipt: Any) -> Facts:
    return {"entry": event.queue_index, "tx": "0x" + receipt.tx_hash.hex(), "block": receipt.block_number}
