"""The observer on one page: follow L1, keep the standings, export them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poe.l1.contradiction import tell_alarms
from poe.l1.interface import ChainUpdate, Follower
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.observer.export import Exporter
from poe.observer.memory import give_back_memory
from poe.observer.standings import Row, Standings
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
        exporter, is_reading_history = Exporter(self.metrics, self.ledger, self.standings), True
        async with aclosing(self.follower.updates()) as updates:
            async for update in updates:
                self.ledger.apply(update)
                tell_alarms(update)
                self.standings.apply(update)
                exporter.export(update)
                self._write_status()
                for tell in self.watchers:
                    tell(update)
                if is_reading_history and self.follower.is_caught_up:
                    is_reading_history = False
                    give_back_memory()

    def _write_status(self) -> None:
        rows = self.standings.rows(STATUS_ROWS)
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
