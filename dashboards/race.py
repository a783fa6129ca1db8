"""The race as the market sees it: who wins, how concentrated that is, what it wastes, how long batches wait."""

from __future__ import annotations

from dashboards.panels import Page, Panel, Query, Row, number, quantiles, rate_by

GLANCE = Row(
    title="The race at a glance",
    height=5,
    panels=(
        number(
            "Batches finalized",
            "Batches whose root is the chain's, by L1 events alone.",
            "max(poe_market_finalized_batches)",
        ),
        number(
            "Waiting for a proof",
            "Batches on L1 without a proof. Growing without end: provers are too slow or gone.",
            "max(poe_batch_unproven)",
        ),
        number(
            "Oldest waits",
            "L1 seconds since the oldest of them was posted.",
            "max(poe_batch_oldest_unproven_seconds)",
            unit="s",
        ),
        number("Payees that won", "Distinct payees with at least one finalized batch.", "max(poe_market_payees)"),
        number("Rewards", "Rewards of all finalized batches, in ETH.", "max(poe_market_rewards_wei) / 1e18"),
        number("Exit mode", "1 once the rollup has ended.", "max(poe_market_exit_mode)"),
    ),
)

WINNERS = Row(
    title="Who wins",
    panels=(
        Panel(
            title="Winner share by rank",
            description="Share of the last 100 finalized batches of the five payees with most wins, and of all others.",
            unit="percentunit",
            is_stacked=True,
            queries=[Query(expr="max by (rank) (poe_market_recent_winner_share_ratio)", legend="rank {{rank}}")],
        ),
        Panel(
            title="Winner share since the beginning",
            description="The same of all finalized batches.",
            unit="percentunit",
            is_stacked=True,
            queries=[Query(expr="max by (rank) (poe_market_winner_share_ratio)", legend="rank {{rank}}")],
        ),
        Panel(
            title="Wins by prover",
            description="Finalized batches that pay each prover's payee, by L1 events alone.",
            unit="none",
            queries=[Query(expr="max by (name) (poe_prover_wins)", legend="{{name}}")],
        ),
        Panel(
            title="Concentration",
            description="Herfindahl-Hirschman index of the last 100 finalized batches: 1 is a monopoly.",
            unit="percentunit",
            width=12,
            queries=[Query(expr="max(poe_market_hhi_ratio)", legend="HHI")],
        ),
        Panel(
            title="Nakamoto coefficient",
            description="The fewest payees that together won more than half of the last 100.",
            unit="none",
            width=12,
            queries=[Query(expr="max(poe_market_nakamoto_payees)", legend="payees")],
        ),
    ),
)

COST = Row(
    title="What the race costs",
    panels=(
        Panel(
            title="Race outcomes",
            description="Races that ended, a second, over all provers: won, late, cancelled, failed, shadow.",
            unit="ops",
            queries=rate_by("poe_prover_races_total", "outcome"),
        ),
        Panel(
            title="Redundancy",
            description="Finished proofs a finalized batch over ten minutes; 1 means that nobody proved in vain.",
            unit="none",
            queries=[Query(expr="poe:redundancy:ratio10m", legend="proofs a batch")],
        ),
        Panel(
            title="Proofs that L1 accepted",
            description="Proofs accepted, and batches finalized; the first runs ahead where proofs come out of order.",
            unit="none",
            queries=[
                Query(expr="max(poe_market_accepted_proofs)", legend="accepted"),
                Query(expr="max(poe_market_finalized_batches)", legend="finalized"),
            ],
        ),
        Panel(
            title="Wasted cores",
            description="CPU seconds a second spent on proofs that did not win.",
            unit="none",
            width=12,
            is_stacked=True,
            queries=rate_by("poe_prover_wasted_core_seconds_total", "name"),
        ),
        Panel(
            title="Wasted proof seconds",
            description="Seconds of proving, by the clock, a second, in races that were not won.",
            unit="none",
            width=12,
            is_stacked=True,
            queries=rate_by("poe_prover_wasted_proof_seconds_total", "name"),
        ),
    ),
)

BATCHES = Row(
    title="Batches",
    panels=(
        Panel(
            title="Height by stage",
            description="Highest batch number: sealed, sequenced, accepted, finalized.",
            unit="none",
            width=6,
            queries=[Query(expr="max by (stage) (poe_batch_height)", legend="{{stage}}")],
        ),
        Panel(
            title="Gaps between stages",
            description="Batches between one stage and the next.",
            unit="none",
            width=6,
            queries=[
                Query(
                    expr=f'max(poe_batch_height{{stage="{before}"}}) - max(poe_batch_height{{stage="{after}"}})',
                    legend=f"{before} not {after}",
                )
                for before, after in (("sealed", "sequenced"), ("sequenced", "accepted"), ("accepted", "finalized"))
            ],
        ),
        Panel(
            title="Posted to proven to final, in seconds",
            description="L1 seconds from a batch's posting to its first accepted proof, and to finality.",
            unit="s",
            width=6,
            queries=quantiles("poe_batch_stage_seconds", "stage"),
        ),
        Panel(
            title="Posted to proven to final, in blocks",
            description="L1 blocks from a batch's posting to its first accepted proof, and to finality.",
            unit="none",
            width=6,
            queries=quantiles("poe_batch_stage_blocks", "stage"),
        ),
    ),
)

PROOFS = Row(
    title="Proving",
    panels=(
        Panel(
            title="Proof seconds by prover",
            description="Median and 95th percentile from the start of a proof to its self-check.",
            unit="s",
            queries=quantiles("poe_prover_proof_seconds", "name"),
        ),
        Panel(
            title="Margin of lost races",
            description="ready: seconds that a finished proof lay there when its race was lost; behind: seconds that an"
            " unfinished one still needed.",
            unit="s",
            queries=quantiles("poe_prover_margin_seconds", "side"),
        ),
        Panel(
            title="Left accounts",
            description="Accounts that have left since the rollup ended.",
            unit="none",
            queries=[Query(expr="max(poe_market_left_accounts)", legend="left")],
        ),
    ),
)

PAGE = Page(
    uid="poe-race",
    title="Proof of Efficiency: the race",
    description="Who proves which batch, how fast, and what it costs.",
    rows=(GLANCE, WINNERS, COST, BATCHES, PROOFS),
)
