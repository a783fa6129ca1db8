"""What the page is told, as plain JSON values: bytes as 0x hex, Wei as decimal strings, times in Unix seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poe.l1.interface import BatchSequenced, LogOrigin, ProofAccepted, Receipt
from poe.observer.standings import Row
from poe.rollup.types import Address
from poe.web.accounts import Account
from poe.web.racers import Racer
from poe.web.reports import Run, margin_seconds


def hexed(value: bytes) -> str:
    """0x and two digits a byte."""
    return "0x" + value.hex()


def origin_as_json(origin: LogOrigin, seen: float | None) -> dict[str, Any]:
    """Where on L1, when by L1's clock, and when we saw it if we watched it happen."""
    return {
        "block": origin.block.number,
        "time": origin.block.timestamp,
        "tx": hexed(origin.tx_hash),
        "seen": None if seen is None else round(seen, 3),
    }


def posting_as_json(row: Row, posting: BatchSequenced | None, seen: float | None) -> dict[str, Any]:
    """The part of a row that its posting fixes."""
    header = None if posting is None else posting.batch.header
    return {
        "n": row.number,
        "txs": row.transactions,
        "slots": None if header is None else header.shape.slots,
        "queued": None if header is None else header.deposits + header.forced,
        "hash": None if posting is None else hexed(posting.batch_hash),
        "reward": str(row.reward if posting is None else posting.reward),
        "posted": origin_as_json(row.posted, seen),
    }


def proof_as_json(proof: ProofAccepted, seen: float | None) -> dict[str, Any]:
    """An accepted proof."""
    return {
        **origin_as_json(proof.origin, seen),
        "payee": hexed(proof.payee),
        "submitter": hexed(proof.submitter),
        "tip": str(proof.tip),
    }


def racers_as_json(racers: Sequence[Racer]) -> list[dict[str, Any]]:
    """Who says it works on a batch."""
    return [
        {"prover": hexed(racer.prover), "since": round(racer.since, 3), "until": round(racer.until, 3)}
        for racer in racers
    ]


def runs_as_json(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What provers on this machine reported of a batch."""
    return [
        {
            "name": run.name,
            "prover": hexed(run.payee),
            "outcome": run.outcome,
            "started": run.started_at,
            "ended": run.ended_at,
            "seconds": run.proof_seconds,
            "proved": run.proved_at,
            "core_seconds": run.core_seconds,
        }
        for run in runs
    ]


def gas_as_json(priced: tuple[Receipt, int] | None) -> dict[str, Any] | None:
    """Gas of a transaction, shared evenly by the proofs in it."""
    if priced is None:
        return None
    receipt, proofs = priced
    return {
        "used": receipt.gas_used // proofs,
        "wei": str(receipt.gas_used * receipt.effective_gas_price // proofs),
        "together": proofs,
    }


def account_as_json(address: bytes, account: Account) -> dict[str, Any]:
    """A line of the profit table."""
    return {
        "address": hexed(address),
        "wins": account.wins,
        "rewards": str(account.rewards),
        "tips": str(account.tips_earned - account.tips_paid),
        "gas": str(account.gas),
        "net": str(account.net),
        "landed": account.landed,
        "priced": account.priced,
    }


def race_as_json(runs: Sequence[Run], winner: Address | None) -> dict[str, Any]:
    """What reports add to a row: the runs and the winner's margin over the next finished proof."""
    return {"runs": runs_as_json(runs), "margin": margin_seconds(runs, winner)}
