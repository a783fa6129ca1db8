"""The observer on one page: follow L1, keep the standings, export them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poe.l1.interface import ChainUpdate, Follower
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.observer.standings import Row, Standings
from poe.rollup.types import BatchNumber
from poe.status import write_status

STATUS_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """An observer and its collaborators."""

    follower: Follower
    ledger: Ledger
    standings: Standings
    metrics: Metrics
    data_dir: Path
    watchers: Sequence[Callable[[ChainUpdate], None]] = ()
    """Told of every step of L1 once ledger and standings have taken it."""

    async def run(self) -> None:
        """Run until cancelled."""
        async with aclosing(self.follower.updates()) as updates:
            async for update in updates:
                before = self.ledger.finalized_number
                self.ledger.apply(update)
                self.standings.apply(update)
                self._export(update, before)
                self._write_status()
                for tell in self.watchers:
                    tell(update)

    def _export(self, update: ChainUpdate, finalized_before: BatchNumber) -> None:
        metrics, final = self.metrics, self.ledger.finalized_number
        metrics.l1_head.set(update.head.number)
        metrics.l1_reorgs.inc(update.rolled_back_to is not None)
        metrics.set_winner_shares(self.standings.wins)
        metrics.rewards_wei.set(self.standings.rewards)
        unproven = self.ledger.open_batches()
        accepted = unproven[0] - 1 if unproven else self.ledger.head()[0]
        heights = {"sequenced": self.ledger.head()[0], "accepted": accepted, "finalized": final}
        for stage, height in heights.items():
            metrics.batch_height.labels(stage=stage).set(height)
        metrics.exit_mode.set(self.ledger.exit_mode is not None)
        metrics.left_accounts.set(self.ledger.left_count)
        for number in range(finalized_before + 1, final + 1):
            self._observe_delays(self.standings.row(BatchNumber(number)))

    def _observe_delays(self, row: Row | None) -> None:
        if row is None:
            return
        delays = {"accepted": row.proof_delay_seconds, "finalized": row.finality_delay_seconds}
        for stage, seconds in delays.items():
            if seconds is not None:
                self.metrics.stage_seconds.labels(stage=stage).observe(seconds)

    def _write_status(self) -> None:
        rows = self.standings.rows()[-STATUS_ROWS:]
        write_status(
            self.data_dir,
            {
                "role": "observer",
                "head": self.ledger.head()[0],
                "finalized": self.ledger.finalized_number,
                "finalized_root": hex(self.ledger.finalized_root),
                "exit_mode": exit_mode_as_json(self.ledger),
                "wins": {"0x" + payee.hex(): count for payee, count in self.standings.wins.items()},
                "batches": [row_as_json(row) for row in rows],
            },
        )


def exit_mode_as_json(ledger: Ledger) -> dict[str, Any] | None:
    """How the rollup ended and what is still to be claimed; None while it goes on."""
    ended = ledger.exit_mode
    if ended is None:
        return None
    return {
        "block": ended.origin.block.number,
        "left": ledger.left_count,
        "void_batches": len(ledger.void_batches()),
        "void_entries": len(ledger.void_entries()),
    }


def row_as_json(row: Row) -> dict[str, Any]:
    """A row for status files and reports."""
    return {
        "number": row.number,
        "txs": row.transactions,
        "winner": None if row.payee is None else "0x" + row.payee.hex(),
        "l1_tx": None if row.accepted is None else "0x" + row.accepted.tx_hash.hex(),
        "posted_tx": "0x" + row.posted.tx_hash.hex(),
        "posted_block": row.posted.block.number,
        "accepted_block": None if row.accepted is None else row.accepted.block.number,
        "finalized_block": None if row.finalized is None else row.finalized.block.number,
        "reward_wei": row.reward,
    }
