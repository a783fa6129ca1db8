"""The sequencer: transactions in, batches out, and what posting them costs."""

from __future__ import annotations

from dashboards.panels import Page, Panel, Query, Row, number, quantiles, rate_by

GLANCE = Row(
    title="At a glance",
    height=5,
    panels=(
        number("Batches sealed", "Highest batch number sealed.", 'max(poe_batch_height{stage="sealed"})', width=6),
        number("Transactions waiting", "In the mempool.", "sum(poe_sequencer_mempool_transactions)", width=6),
        number("Batches to post", "Sealed but not yet on L1.", "sum(poe_sequencer_unposted_batches)", width=6),
        number("Balance", "ETH of the L1 account.", 'min(poe_l1_balance_wei{role="sequencer"}) / 1e18', width=6),
    ),
)

TRANSACTIONS = Row(
    title="Transactions and batches",
    panels=(
        Panel(
            title="Transactions",
            description="L2 transactions a second by what became of them: accepted, refused, executed, dropped.",
            unit="ops",
            queries=rate_by("poe_sequencer_transactions_total", "outcome"),
        ),
        Panel(
            title="Executing a batch",
            description="Median and 95th percentile of the seconds to execute one batch.",
            unit="s",
            queries=quantiles("poe_sequencer_execute_seconds", "name"),
        ),
        Panel(
            title="Transactions a batch",
            description="Transactions executed ÷ batches sealed, over ten minutes.",
            unit="none",
            queries=[Query(expr="poe:transactions_per_batch:ratio10m", legend="transactions")],
        ),
        Panel(
            title="Waiting",
            description="Transactions in the mempool, and batches sealed but not yet on L1.",
            unit="none",
            width=12,
            queries=[
                Query(expr="sum(poe_sequencer_mempool_transactions)", legend="transactions"),
                Query(expr="sum(poe_sequencer_unposted_batches)", legend="unposted batches"),
            ],
        ),
        Panel(
            title="Height by stage",
            description="Highest batch number: sealed, sequenced, accepted, finalized.",
            unit="none",
            width=12,
            queries=[Query(expr="max by (stage) (poe_batch_height)", legend="{{stage}}")],
        ),
    ),
)

POSTING = Row(
    title="Posting",
    panels=(
        Panel(
            title="Gas by call",
            description="Gas a second of the sequencer's transactions, by arbiter call.",
            unit="none",
            queries=rate_by("poe_l1_gas_used_total", "call", where='{role="sequencer"}'),
        ),
        Panel(
            title="Cost",
            description="Wei a second paid for gas, in Gwei.",
            unit="none",
            queries=[
                Query(
                    expr='sum by (call) (rate(poe_l1_gas_cost_wei_total{role="sequencer"}[$__rate_interval])) / 1e9',
                    legend="{{call}}",
                )
            ],
        ),
        Panel(
            title="Machine",
            description="Resident memory of the sequencer.",
            unit="bytes",
            queries=[
                Query(
                    expr='max by (name) (process_resident_memory_bytes{role="sequencer"})',
                    legend="{{name}}",
                )
            ],
        ),
    ),
)

PAGE = Page(
    uid="poe-sequencer",
    title="Proof of Efficiency: sequencer",
    description="Transactions in, batches out, and what posting them costs.",
    rows=(GLANCE, TRANSACTIONS, POSTING),
)
