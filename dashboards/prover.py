"""A prover as its operator sees it: wins and losses, speed, money, machine."""

from __future__ import annotations

from dashboards.panels import WINDOW, Page, Panel, Query, Row, number, quantiles, rate_by

OURS = '{name=~"$name"}'

GLANCE = Row(
    title="At a glance",
    height=5,
    panels=(
        number("Wins", "Finalized batches that pay our payee, by L1 events alone.", f"sum(poe_prover_wins{OURS})"),
        number("Rewards", "Rewards of those batches, in ETH.", f"sum(poe_prover_rewards_wei{OURS}) / 1e18"),
        number(
            "Profit of the last hour",
            "Rewards minus gas over an hour, in ETH.",
            f"sum(name:poe_prover_profit_wei:delta1h{OURS}) / 1e18",
        ),
        number("Proofs left", "Proofs that the L1 balance can still land.", f"min(poe_prover_proofs_left{OURS})"),
        number("Proving", "Proofs being made right now.", f"sum(poe_prover_proving{OURS})"),
        number(
            "Sitting out",
            "Provers that do not race now: no race is worth it, or a limit holds them back.",
            f"sum(poe_prover_sitting_out{OURS})",
        ),
    ),
)

RACES = Row(
    title="Races",
    panels=(
        Panel(
            title="Races by outcome",
            description="Races that ended, a second: won, late, cancelled, failed, shadow.",
            unit="ops",
            queries=rate_by("poe_prover_races_total", "outcome", where=OURS),
        ),
        Panel(
            title="Losses by reason",
            description="Races not won, a second, by the code that `poe explain` knows.",
            unit="ops",
            queries=rate_by("poe_prover_races_total", "code", where='{name=~"$name", outcome!="won"}'),
        ),
        Panel(
            title="Win rate",
            description="Races won ÷ races ended, over ten minutes.",
            unit="percentunit",
            queries=[Query(expr=f"name:poe_prover_races_won:ratio10m{OURS}", legend="{{name}}")],
        ),
        Panel(
            title="Margin of lost races, in seconds",
            description="ready: seconds that our finished proof lay there when the race was lost; behind: seconds that"
            " our unfinished proof still needed.",
            unit="s",
            width=12,
            queries=quantiles("poe_prover_margin_seconds", "side", where=OURS),
        ),
        Panel(
            title="Margin of refused proofs, in blocks",
            description="L1 blocks from the winner's transaction to ours, where ours was mined and refused.",
            unit="none",
            width=12,
            queries=quantiles("poe_prover_margin_blocks", "name", where=OURS),
        ),
    ),
)

SPEED = Row(
    title="Speed",
    panels=(
        Panel(
            title="Proof seconds",
            description="Median and 95th percentile from the start of a proof to its self-check.",
            unit="s",
            queries=quantiles("poe_prover_proof_seconds", "name", where=OURS),
        ),
        Panel(
            title="Proof seconds by phase",
            description="Median and 95th percentile: witness, prove, self-check.",
            unit="s",
            queries=quantiles("poe_prover_phase_seconds", "phase", where=OURS),
        ),
        Panel(
            title="A race's time",
            description="wait: batch seen to start; prove: start to finished proof; land: finished proof to the win.",
            unit="s",
            queries=quantiles("poe_prover_stage_seconds", "stage", where=OURS),
        ),
        Panel(
            title="Letting go",
            description="Seconds from seeing a rival's win to the worker being idle again.",
            unit="s",
            queries=quantiles("poe_prover_cancel_seconds", "name", where=OURS),
        ),
        Panel(
            title="Head start by gossip",
            description="Seconds by which gossip told of a batch before L1 did.",
            unit="s",
            queries=quantiles("poe_prover_gossip_lead_seconds", "name", where=OURS),
        ),
        Panel(
            title="Who told first",
            description="Batches a second first heard of by gossip, or only by L1.",
            unit="ops",
            queries=rate_by("poe_prover_batches_heard_total", "source", where=OURS),
        ),
    ),
)

MONEY = Row(
    title="Money",
    panels=(
        Panel(
            title="Gas by outcome",
            description="Gas a second of transactions that the arbiter took, and of those it refused.",
            unit="none",
            is_stacked=True,
            queries=rate_by("poe_l1_gas_used_total", "outcome", where=OURS),
        ),
        Panel(
            title="Balance",
            description="ETH of the L1 account.",
            unit="none",
            queries=[Query(expr=f"max by (name) (poe_l1_balance_wei{OURS}) / 1e18", legend="{{name}}")],
        ),
        Panel(
            title="Gas price",
            description="What a gas costs now, in Gwei.",
            unit="none",
            queries=[Query(expr=f"max by (name) (poe_l1_gas_price_wei{OURS}) / 1e9", legend="{{name}}")],
        ),
        Panel(
            title="Wasted proving",
            description="CPU seconds, and seconds by the clock, a second, in races that were not won.",
            unit="none",
            width=12,
            queries=[
                Query(expr=f"sum(rate(poe_prover_wasted_core_seconds_total{OURS}[{WINDOW}]))", legend="cores"),
                Query(expr=f"sum(rate(poe_prover_wasted_proof_seconds_total{OURS}[{WINDOW}]))", legend="proofs"),
            ],
        ),
        Panel(
            title="Profit of the last hour",
            description="Rewards minus gas over an hour, in ETH.",
            unit="none",
            width=12,
            queries=[Query(expr=f"name:poe_prover_profit_wei:delta1h{OURS} / 1e18", legend="{{name}}")],
        ),
    ),
)

MACHINE = Row(
    title="Machine",
    panels=(
        Panel(
            title="Memory",
            description="Resident memory of the node, and of its proving worker.",
            unit="bytes",
            width=6,
            queries=[
                Query(expr=f"max by (name) (process_resident_memory_bytes{OURS})", legend="{{name}}"),
                Query(expr=f"max by (name) (poe_process_children_resident_bytes{OURS})", legend="{{name}} worker"),
            ],
        ),
        Panel(
            title="Free memory",
            description="Share of the machine's memory that could still be had.",
            unit="percentunit",
            width=6,
            queries=[
                Query(
                    expr=f"min by (name) (poe_host_memory_available_bytes{OURS} / poe_host_memory_bytes{OURS})",
                    legend="{{name}}",
                )
            ],
        ),
        Panel(
            title="Load a core",
            description="Load average of the last minute ÷ cores; above 1 the machine is busier than it can be.",
            unit="none",
            width=6,
            queries=[
                Query(expr=f"max by (name) (poe_host_load1{OURS} / poe_host_cores{OURS})", legend="{{name}}"),
            ],
        ),
        Panel(
            title="Free disk",
            description="Free space where the data folder is.",
            unit="bytes",
            width=6,
            queries=[Query(expr=f"min by (name) (poe_host_disk_free_bytes{OURS})", legend="{{name}}")],
        ),
    ),
)

PAGE = Page(
    uid="poe-prover",
    title="Proof of Efficiency: provers",
    description="What an operator wants to know of a prover.",
    rows=(GLANCE, RACES, SPEED, MONEY, MACHINE),
    chosen="poe_prover_proving",
)
