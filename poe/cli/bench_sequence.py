"""`poe bench execute` and `poe bench sequence`: how many transactions a second the sequencer's engine takes."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from poe.cli.bounds import require_between
from poe.cli.parse import parse_shape
from poe.cli.run import run_native

if TYPE_CHECKING:
    from poe.sequencer.measure import Measurement, Workload

MAX_TRANSACTIONS = 4_000_000
SIGNED_A_SECOND = 12_000
"""Transactions signed for each second of a measurement unless told otherwise: more than two cores take."""


def register(app: App) -> None:
    """Add these commands to `poe bench`."""
    app.command(execute)
    app.command(sequence)


def execute(*, seconds: float = 10.0, accounts: int = 10_000, shape: str = "16x10", json: bool = False) -> None:
    """Execute unsigned transfers in memory, tree included.

    Parameters
    ----------
    seconds
        How long to execute.
    accounts
        Accounts that send to each other.
    shape
        Slots and tree depth of a batch, such as 16x10.
    json
        Print JSON.
    """
    from poe.sequencer.measure import Workload, measure_execute

    workload = Workload(**_checked(seconds, accounts, shape), transactions=0)
    _print(workload, run_native(partial(measure_execute, workload)), json=json)


def sequence(
    *,
    seconds: float = 30.0,
    accounts: int = 10_000,
    shape: str = "16x10",
    transactions: int | None = None,
    folder: Path | None = None,
    json: bool = False,
) -> None:
    """Feed signed transfers from another process: verified, executed, sealed and on disk. They are signed beforehand.

    Parameters
    ----------
    seconds
        How long to feed.
    accounts
        Accounts that send to each other.
    shape
        Slots and tree depth of a batch, such as 16x10.
    transactions
        Transactions to sign beforehand; 12,000 a second without it. The measurement ends when they are used up.
    folder
        Where to keep the store meanwhile; the system's folder for temporary files without it.
    json
        Print JSON.
    """
    import trio

    from poe.sequencer.measure import Workload, measure_sequence

    count = round(seconds * SIGNED_A_SECOND) if transactions is None else transactions
    require_between("transactions", count, 1, MAX_TRANSACTIONS)
    workload = Workload(**_checked(seconds, accounts, shape), transactions=count)
    _print(workload, trio.run(measure_sequence, workload, folder), json=json)


def _checked(seconds: float, accounts: int, shape: str) -> dict[str, Any]:
    parsed = parse_shape(shape)
    require_between("seconds", seconds, 0.1, 3600)
    require_between("accounts", accounts, 2, min(4**parsed.depth, 4**11))
    return {"seconds": seconds, "accounts": accounts, "shape": parsed}


def _print(workload: Workload, measured: Measurement, *, json: bool) -> None:
    from poe.sequencer.measure import machine

    facts = {
        "transactions_per_second": round(measured.transactions_per_second, 1),
        "p99_seconds": round(measured.p99_seconds, 4),
        "transactions": measured.transactions,
        "seconds": round(measured.seconds, 3),
        "durable_bytes": measured.durable_bytes,
        "accounts": workload.accounts,
        "shape": str(workload.shape),
        **machine(),
        **{name: round(value, 4) for name, value in measured.extra.items()},
    }
    print(json_module.dumps(facts, indent=1) if json else "\n".join(f"{k}: {v}" for k, v in facts.items()))
