"""`poe bench market`: the award policies side by side, in a model (docs/market.md)."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cyclopts import App

from poe.cli.bounds import require_between
from poe.errors import InputError

if TYPE_CHECKING:
    from poe.sim.market import Market

MAX_BATCHES = 1_000_000
MAX_PROVERS = 64
HEADINGS = ("policy", "shares %", "HHI", "wasted s/batch", "delay s", "profit/batch", "who stays")


def register(app: App) -> None:
    """Add this command to `poe bench`."""
    app.command(market)


def market(
    *,
    seconds: str = "1.2,1.3,1.4,1.5",
    spread: float = 0.0575,
    block_seconds: float = 12.0,
    lease_blocks: int = 1,
    outage: float = 0.0,
    cost_per_second: float = 0.15,
    batches: int = 20_000,
    seed: int = 1,
    json: bool = False,
) -> None:
    """Play races under each award policy in a model: shares, concentration, waste, delay, and who can afford to stay.

    Parameters
    ----------
    seconds
        Each prover's mean proof time, with commas between.
    spread
        Standard deviation of a proof time, as a share of its mean.
    block_seconds
        Seconds between L1 blocks.
    lease_blocks
        Blocks that a lease lasts.
    outage
        The chance that a prover brings nothing for a batch.
    cost_per_second
        What a second of proving costs, in rewards.
    batches
        Batches to play under each policy.
    seed
        Seed of the random numbers.
    json
        Print JSON.
    """
    from poe.sim.market import Market

    require_between("batches", batches, 1, MAX_BATCHES)
    require_between("spread", spread, 0, 1)
    require_between("block-seconds", block_seconds, 0.1, 3600)
    require_between("lease-blocks", lease_blocks, 1, 128)
    require_between("outage", outage, 0, 0.99)
    require_between("cost-per-second", cost_per_second, 0, 1000)
    terms = Market(
        seconds=parse_seconds(seconds),
        spread=spread,
        block_seconds=block_seconds,
        lease_blocks=lease_blocks,
        outage=outage,
        cost_per_second=cost_per_second,
    )
    facts = played(terms, batches, seed)
    print(json_module.dumps(facts, indent=1) if json else table(facts))


def parse_seconds(text: str) -> tuple[float, ...]:
    """Proof times out of `1.2,1.3`; InputError unless there are 1 to MAX_PROVERS between a millisecond and a day."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not 1 <= len(found) <= MAX_PROVERS or not all(0.001 <= one <= 86_400 for one in found):
        raise InputError(f"--seconds {text!r}", fix="wanted: proof times such as 1.2,1.3,1.4,1.5", code="POE-INP-041")
    return found


def played(terms: Market, batches: int, seed: int) -> dict[str, Any]:
    """Every policy's summary by name, from the same seed."""
    from random import Random

    from poe.sim.market import POLICIES, play, who_stays

    results = {
        policy: {
            **asdict(play(policy, terms, batches, Random(seed))),
            "stay": who_stays(policy, terms, batches, Random(seed)),
        }
        for policy in POLICIES
    }
    return {"market": asdict(terms), "batches": batches, "seed": seed, "policies": results}


def table(facts: dict[str, Any]) -> str:
    """The policies as rows for people."""
    rows = [HEADINGS, *(_cells(policy, found) for policy, found in facts["policies"].items())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _cells(policy: str, found: dict[str, Any]) -> tuple[str, ...]:
    return (
        policy,
        " / ".join(f"{100 * share:.1f}" for share in found["shares"]),
        f"{found['hhi']:.3f}",
        f"{found['wasted_seconds']:.2f}",
        f"{found['delay_seconds']:.1f}",
        " / ".join(f"{profit:+.2f}" for profit in found["profit"]),
        ", ".join(str(1 + prover) for prover in found["stay"]) or "nobody",
    )
