"""The sequencer's metrics: transactions and batches on their way to L1."""

from __future__ import annotations

from poe.metrics.definer import Definer

EXECUTE_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3)


class SequencerMetrics:
    """Group `sequencer`."""

    def _define_sequencer(self, define: Definer) -> None:
        define.open_group("sequencer")
        self.transactions = define.counter(
            "poe_sequencer_transactions_total",
            "L2 transactions by what became of them: accepted, refused, executed, dropped.",
            ["outcome"],
        )
        self.mempool_size = define.gauge("poe_sequencer_mempool_transactions", "Transactions waiting.")
        self.backlog = define.gauge("poe_sequencer_unposted_batches", "Batches sealed but not yet on L1.")
        self.execute_seconds = define.histogram(
            "poe_sequencer_execute_seconds", "Seconds to execute one batch.", buckets=EXECUTE_SECONDS
        )
        for outcome in ("accepted", "refused", "executed", "dropped"):
            self.transactions.labels(outcome=outcome)
