"""The commands for the day when nobody sequences or proves any more: end the rollup, leave it, be refunded.

They need L1 and nobody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup


def leave(
    *,
    rollup: RollupFlags = RollupFlags(),
    l1_key: Path,
    account: int | None = None,
    l2_key: Path | None = None,
    key_cache: Path | None = None,
) -> None:
    """In exit mode: move an account's whole balance in the final state to its exit address, by a membership proof.

    Without --account and --l2-key, all accounts whose exit address is the L1 account. `withdraw` then pulls it.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that pays the gas; any account will do.
    account
        Index of the account.
    l2_key
        Key file of the owner: all accounts of this key.
    key_cache
        Folder of proving keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend.native import derive_public_key
    from poe.cli.final_state import all_leaving, leave_all, leaving, read_final_state
    from poe.cli.wallet import load_l2_secret, require_index
    from poe.errors import InputError

    if account is not None and l2_key is not None:
        raise InputError("give either --account or --l2-key", field="account")
    index = None if account is None else require_index(account)
    public_key = None if l2_key is None else derive_public_key(load_l2_secret(l2_key))

    async def work(of: Rollup) -> tuple[str, Facts]:
        arbiter, final = await of.client(l1_key), await read_final_state(of)
        if index is None:
            accounts = all_leaving(final, public_key=public_key, exit_address=arbiter.account)
        else:
            accounts = [leaving(final, index)]
        told = await leave_all(of, arbiter, final, accounts, key_cache)
        lines = [
            f"account {one['account']}: {one['balance_gwei']} gwei credited to {one['exit_address']}" for one in told
        ]
        return "\n".join(lines), {"left": told}

    rollup.run(work)


def refund(
    *,
    rollup: RollupFlags = RollupFlags(),
    l1_key: Path,
    entry: int | None = None,
    batch: int | None = None,
    all: bool = False,
) -> None:
    """In exit mode: credit what a queue entry or a batch had paid that never became final, to whom it is due.

    A deposit's amount and fee go to its exit address, a batch's reward to whoever posted it.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that pays the gas; any account will do.
    entry
        The queue entry, as the command that queued it printed it.
    batch
        The batch.
    all
        Everything that is void and not refunded.
    """
    from poe.cli.final_state import (
        NOTHING_VOID,
        read_ended,
        refund_batch,
        refund_entry,
        unless_done,
        void_batch,
        void_entry,
    )
    from poe.errors import InputError

    if (entry is not None) + (batch is not None) + all != 1:
        raise InputError("give one of --entry, --batch and --all", field="entry")

    async def work(of: Rollup) -> tuple[str, Facts]:
        arbiter, ledger = await of.client(l1_key), await read_ended(of)
        entries = ledger.void_entries() if all else [] if entry is None else [void_entry(ledger, entry)]
        batches = ledger.void_batches() if all else [] if batch is None else [void_batch(ledger, batch)]
        if not entries and not batches:
            raise InputError("nothing is void and not refunded", code=NOTHING_VOID)
        calls: list[Callable[[], Awaitable[Facts]]] = [partial(refund_entry, of, arbiter, one) for one in entries]
        calls += [partial(refund_batch, of, arbiter, one) for one in batches]
        told = [done for one in calls if (done := await unless_done(one, "AlreadyRefunded")) is not None]
        lines = [f"{one['wei']} wei credited to {one['address']}" for one in told]
        return "\n".join(lines) or "somebody else was quicker, to the same end", {"refunded": told}

    rollup.run(work)


def end(*, rollup: RollupFlags = RollupFlags(), l1_key: Path | None = None) -> None:
    """End the rollup for ever, once a batch or a queue entry has waited for longer than the exit deadline.

    Parameters
    ----------
    l1_key
        Key file of the L1 account that pays the gas; any account will do. Without it, only say when it is due.
    """
    from poe.cli.final_state import end_rollup, when_due
    from poe.cli.wallet import read_ledger

    async def work(of: Rollup) -> tuple[str, Facts]:
        ledger = await read_ledger(of)
        if l1_key is not None and ledger.exit_mode is None:
            ledger = await end_rollup(of, await of.client(l1_key))
        head = (await of.rpc.latest()).number
        facts = {
            "exit_mode": ledger.exit_mode is not None,
            "due_at_block": None if ledger.exit_mode else ledger.exit_mode_due_at(),
            "block": head,
            "finalized": ledger.finalized_number,
            "void_batches": len(ledger.void_batches()),
            "void_entries": len(ledger.void_entries()),
        }
        return when_due(ledger, head), facts

    rollup.run(work)
