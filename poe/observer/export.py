"""The observer's metrics, brought up to date after each step of L1."""

from __future__ import annotations

from poe.l1.interface import ChainUpdate
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.observer.concentration import herfindahl, nakamoto
from poe.observer.standings import Row, Standings
from poe.rollup.types import BatchNumber

RECENT_BATCHES = 100
"""How far back concentration looks: a market that was shared once may be a monopoly now."""


class Exporter:
    """Writes what ledger and standings say into metrics.

    What can fall is set anew each time. A delay is observed when its batch is first final: batches that a reorg makes
    final for a second time are in the histograms once.
    """

    def __init__(self, metrics: Metrics, ledger: Ledger, standings: Standings) -> None:
        self._metrics = metrics
        self._ledger = ledger
        self._standings = standings
        self._observed = 0
        self._show_race()

    def export(self, update: ChainUpdate) -> None:
        """Show what this step came to; ledger and standings have taken it in."""
        metrics, head = self._metrics, update.head
        is_reorg = update.rolled_back_to is not None
        metrics.set_l1_head(number=head.number, timestamp=head.timestamp, is_reorg=is_reorg)
        self._show_pipeline(head.timestamp)
        if update.events or is_reorg:
            self._show_race()
        metrics.exit_mode.set(self._ledger.exit_mode is not None)
        metrics.left_accounts.set(self._ledger.left_count)
        final = self._ledger.finalized_number
        for number in range(self._observed + 1, final + 1):
            self._observe_delays(self._standings.row(BatchNumber(number)))
        self._observed = max(self._observed, final)

    def _show_pipeline(self, now: int) -> None:
        metrics, ledger = self._metrics, self._ledger
        unproven = ledger.open_batches()
        accepted = unproven[0] - 1 if unproven else ledger.head()[0]
        heights = {"sequenced": ledger.head()[0], "accepted": accepted, "finalized": ledger.finalized_number}
        for stage, height in heights.items():
            metrics.batch_height.labels(stage=stage).set(height)
        oldest = ledger.batch(unproven[0]) if unproven else None
        metrics.unproven_batches.set(len(unproven))
        metrics.oldest_unproven_seconds.set(0 if oldest is None else max(0, now - oldest.origin.block.timestamp))

    def _show_race(self) -> None:
        metrics, standings = self._metrics, self._standings
        recent = standings.recent_wins(RECENT_BATCHES)
        metrics.finalized_batches.set(self._ledger.finalized_number)
        metrics.set_winner_shares(standings.wins)
        metrics.set_recent_wins(recent, hhi=herfindahl(recent), nakamoto=nakamoto(recent))
        metrics.accepted_proofs.set(standings.accepted_proofs)
        metrics.rewards_wei.set(standings.rewards)

    def _observe_delays(self, row: Row | None) -> None:
        if row is None:
            return
        seconds = {"accepted": row.proof_delay_seconds, "finalized": row.finality_delay_seconds}
        blocks = {"accepted": row.proof_delay_blocks, "finalized": row.finality_delay_blocks}
        for histogram, delays in ((self._metrics.stage_seconds, seconds), (self._metrics.stage_blocks, blocks)):
            for stage, delay in delays.items():
                if delay is not None:
                    histogram.labels(stage=stage).observe(delay)
