"""The market as L1 shows it: batches on their way, who wins, and how concentrated that is."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Gauge

from poe.metrics.definer import Definer
from poe.rollup.types import Address

STAGE_SECONDS = (0.3, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8, 12, 20, 30, 60, 120, 300)
STAGE_BLOCKS = (0, 1, 2, 3, 4, 5, 8, 13, 21, 55)
WINNER_SERIES = 5


class MarketMetrics:
    """Groups `pipeline`, which every role knows, and `market`, from L1 events alone."""

    def _define_market(self, define: Definer) -> None:
        define.open_group("pipeline")
        self.batch_height = define.gauge(
            "poe_batch_height",
            "Highest batch number by stage: sealed, sequenced, accepted, finalized.",
            ["stage"],
        )
        define.open_group("market")
        self._define_batches(define)
        self._define_wins(define)

    def _define_batches(self, define: Definer) -> None:
        self.unproven_batches = define.gauge(
            "poe_batch_unproven", "Batches on L1 without an accepted proof on their canonical old root."
        )
        self.oldest_unproven_seconds = define.gauge(
            "poe_batch_oldest_unproven_seconds",
            "L1 seconds since the oldest of them was posted; 0 without any.",
        )
        self.stage_seconds = define.histogram(
            "poe_batch_stage_seconds",
            "Seconds by L1 time from a batch's posting to its first accepted proof and to finality.",
            ["stage"],
            buckets=STAGE_SECONDS,
        )
        self.stage_blocks = define.histogram(
            "poe_batch_stage_blocks",
            "L1 blocks from a batch's posting to its first accepted proof and to finality.",
            ["stage"],
            buckets=STAGE_BLOCKS,
        )
        self.exit_mode = define.gauge("poe_market_exit_mode", "1 once the rollup has ended by exit mode, else 0.")
        self.left_accounts = define.gauge("poe_market_left_accounts", "Accounts that have left in exit mode.")

    def _define_wins(self, define: Definer) -> None:
        self.winner_share = define.gauge(
            "poe_market_winner_share_ratio",
            "Share of paid batches won, the top payees by rank and all others together.",
            ["rank"],
        )
        self.recent_winner_share = define.gauge(
            "poe_market_recent_winner_share_ratio",
            "The same of the last 100 paid batches.",
            ["rank"],
        )
        self.hhi = define.gauge(
            "poe_market_hhi_ratio",
            "Herfindahl-Hirschman index of the last 100 paid batches: the sum of squared shares; 1: a monopoly.",
        )
        self.nakamoto = define.gauge(
            "poe_market_nakamoto_payees",
            "Nakamoto coefficient of the last 100: the fewest payees that together won more than half.",
        )
        self.finalized_batches = define.gauge("poe_market_finalized_batches", "Batches finalized on L1.")
        self.accepted_proofs = define.gauge(
            "poe_market_accepted_proofs",
            "Valid proofs that L1 has taken, on whatever old root, the first of a batch or a further one.",
        )
        self.rewards_wei = define.gauge("poe_market_rewards_wei", "Rewards of all paid batches, in Wei.")
        self.payees = define.gauge("poe_market_payees", "Distinct payees that won at least one batch.")

    def set_winner_shares(self, wins: Mapping[Address, int]) -> None:
        """Export the shares of the top payees as ranks 1..5 and the rest as `other`."""
        _set_shares(self.winner_share, wins)
        self.payees.set(len(wins))

    def set_recent_wins(self, wins: Mapping[Address, int], *, hhi: float, nakamoto: int) -> None:
        """Export the shares among the last batches, and how concentrated they are."""
        _set_shares(self.recent_winner_share, wins)
        self.hhi.set(hhi)
        self.nakamoto.set(nakamoto)


def _set_shares(gauge: Gauge, wins: Mapping[Address, int]) -> None:
    total = sum(wins.values())
    ranked = sorted(wins.values(), reverse=True)
    top = ranked[:WINNER_SERIES]
    for rank in range(1, WINNER_SERIES + 1):
        won = top[rank - 1] if rank <= len(top) else 0
        gauge.labels(rank=str(rank)).set(won / total if total else 0)
    gauge.labels(rank="other").set(sum(ranked[WINNER_SERIES:]) / total if total else 0)
