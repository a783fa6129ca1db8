"""What a testnet run should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poe.l1.interface import Deadlines, Market
from poe.l1.policy import PolicyTerms
from poe.rollup.types import Shape, Wei
from poe.testnet.head_start import HeadStart

SECONDS_TO_START = 120.0
SECONDS_A_BATCH = 60.0
SECONDS_A_SLOT = 8.0
"""Proving grows with the slots of a batch; generous, since a deadline is for runs that hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A network on this machine. The defaults fit a home PC with two cores.

    `batches` is how many must finalize before the run ends; None runs until interrupted. `stake` is what each prover
    stakes under a policy.
    """

    provers: int = 3
    sequencers: int = 1
    batches: int | None = None
    shape: Shape = Shape(slots=4, depth=5)
    gossip: bool = True
    data_dir: Path
    key_cache: Path | None = None
    block_seconds: float = 1.0
    prover_threads: int = 1
    strategy: str = "spread"
    start_jitter_seconds: float = 1.0
    seal_seconds: float = 2.0
    users: int = 4
    transactions_per_second: float = 8.0
    max_unproven_batches: int = 6
    seed: int = 1
    market: Market = Market()
    deadlines: Deadlines = Deadlines()
    head_start: HeadStart | None = None
    policy: PolicyTerms | None = None
    stake: Wei = Wei(10**18)
    web: bool = True
    web_port: int = 0
    """Of the live page; 0 takes a free one."""

    def hears_gossip(self, name: str) -> bool:
        """Is the role on the network? With a head start only its insider is, and who gives it."""
        given = self.head_start
        return self.gossip and (given is None or name in ("sequencer", given.insider))

    @property
    def deadline_seconds(self) -> float | None:
        """When a run with a fixed number of batches counts as failed."""
        if self.batches is None:
            return None
        return SECONDS_TO_START + self.batches * (SECONDS_A_BATCH + SECONDS_A_SLOT * self.shape.slots)
