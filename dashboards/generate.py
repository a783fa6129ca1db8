"""Writes dashboards/race.json, the Grafana dashboard of a race. Run it again after changing a panel.

The JSON is committed; a test regenerates it and compares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("race.json")
SCHEMA_VERSION = 39
GRID_COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel; `width` in grid columns of 24, `unit` a Grafana unit id."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A titled row of panels, `height` grid units high."""

    title: str
    height: int
    panels: Sequence[Panel]


def quantiles(metric: str, by: str) -> list[Query]:
    """Median and 95th percentile of a histogram by one label."""
    return [
        Query(
            expr=f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket[{WINDOW}])))",
            legend=f"{{{{{by}}}}} p{round(q * 100)}",
        )
        for q in (0.5, 0.95)
    ]


def rate_by(metric: str, label: str) -> list[Query]:
    """Events a second by a label."""
    return [Query(expr=f"sum by ({label}) (rate({metric}[{WINDOW}]))", legend=f"{{{{{label}}}}}")]


ROWS = (
    Row(
        title="The race at a glance",
        height=5,
        panels=(
            Panel(
                title="Batches finalized",
                description="Batches whose root is the chain's, by L1 events alone.",
                unit="none",
                kind="stat",
                width=6,
                queries=[Query(expr="max(poe_market_finalized_batches)", legend="finalized")],
            ),
            Panel(
                title="Batches waiting for a proof",
                description="Posted on L1 but not yet final. Growing without end: provers are too slow or gone.",
                unit="none",
                kind="stat",
                width=6,
                queries=[
                    Query(
                        expr='max(poe_batch_height{stage="sequenced"}) - max(poe_batch_height{stage="finalized"})',
                        legend="open",
                    )
                ],
            ),
            Panel(
                title="Payees that won",
                description="Distinct payees with at least one finalized batch.",
                unit="none",
                kind="stat",
                width=4,
                queries=[Query(expr="max(poe_market_payees)", legend="payees")],
            ),
            Panel(
                title="Rewards paid",
                description="Rewards of all finalized batches, in ETH.",
                unit="none",
                kind="stat",
                width=4,
                queries=[Query(expr="max(poe_market_rewards_wei) / 1e18", legend="ETH")],
            ),
            Panel(
                title="Exit mode",
                description="1 once the rollup has ended; then the accounts that have left.",
                unit="none",
                kind="stat",
                width=4,
                queries=[
                    Query(expr="max(poe_market_exit_mode)", legend="ended"),
                    Query(expr="max(poe_market_left_accounts)", legend="left"),
                ],
            ),
        ),
    ),
    Row(
        title="Who wins",
        height=8,
        panels=(
            Panel(
                title="Winner share by rank",
                description="Share of finalized batches of the five payees with most wins, and of all others together.",
                unit="percentunit",
                stacked=True,
                queries=[Query(expr="max by (rank) (poe_market_winner_share_ratio)", legend="rank {{rank}}")],
            ),
            Panel(
                title="Race outcomes",
                description="Races that ended, a second, over all provers: won, late, cancelled, failed.",
                unit="ops",
                queries=rate_by("poe_prover_races_total", "outcome"),
            ),
            Panel(
                title="Wins by prover",
                description="Races won by each prover process so far.",
                unit="none",
                queries=[Query(expr='sum by (name) (poe_prover_races_total{outcome="won"})', legend="{{name}}")],
            ),
        ),
    ),
    Row(
        title="Proving",
        height=8,
        panels=(
            Panel(
                title="Proof seconds by phase",
                description="Median and 95th percentile of finished proofs: witness, prove, self-check.",
                unit="s",
                queries=quantiles("poe_prover_phase_seconds", "phase"),
            ),
            Panel(
                title="Proof seconds by prover",
                description="Median and 95th percentile from the start of a proof to its self-check.",
                unit="s",
                queries=quantiles("poe_prover_proof_seconds", "name"),
            ),
            Panel(
                title="Proofs being made",
                description="Races under way now.",
                unit="none",
                queries=[Query(expr="sum by (name) (poe_prover_proving)", legend="{{name}}")],
            ),
            Panel(
                title="Wasted cores",
                description="CPU seconds a second spent on proofs that did not win: what the race itself costs.",
                unit="none",
                width=12,
                stacked=True,
                queries=rate_by("poe_prover_wasted_core_seconds_total", "name"),
            ),
            Panel(
                title="Cancelling a proof",
                description="Seconds from seeing a rival's win to our worker being idle again.",
                unit="s",
                width=12,
                queries=quantiles("poe_prover_cancel_seconds", "name"),
            ),
        ),
    ),
    Row(
        title="Batches",
        height=8,
        panels=(
            Panel(
                title="Height by stage",
                description="Highest batch number: sealed, sequenced, accepted, finalized.",
                unit="none",
                queries=[Query(expr="max by (stage) (poe_batch_height)", legend="{{stage}}")],
            ),
            Panel(
                title="Gaps between stages",
                description="Batches between one stage and the next.",
                unit="none",
                queries=[
                    Query(
                        expr=f'max(poe_batch_height{{stage="{before}"}}) - max(poe_batch_height{{stage="{after}"}})',
                        legend=f"{before} not {after}",
                    )
                    for before, after in (
                        ("sealed", "sequenced"),
                        ("sequenced", "accepted"),
                        ("accepted", "finalized"),
                    )
                ],
            ),
            Panel(
                title="Latency by stage",
                description="L1 seconds from a batch's posting to its first accepted proof, and to finality.",
                unit="s",
                queries=quantiles("poe_batch_stage_seconds", "stage"),
            ),
        ),
    ),
    Row(
        title="Sequencer",
        height=8,
        panels=(
            Panel(
                title="Transactions",
                description="L2 transactions a second by what became of them: accepted, refused, executed, dropped.",
                unit="ops",
                queries=rate_by("poe_sequencer_transactions_total", "outcome"),
            ),
            Panel(
                title="Waiting",
                description="Transactions in the mempool, and batches sealed but not yet on L1.",
                unit="none",
                queries=[
                    Query(expr="sum(poe_sequencer_mempool_transactions)", legend="transactions"),
                    Query(expr="sum(poe_sequencer_unposted_batches)", legend="unposted batches"),
                ],
            ),
            Panel(
                title="Executing a batch",
                description="Seconds to execute one batch.",
                unit="s",
                queries=quantiles("poe_sequencer_execute_seconds", "name"),
            ),
        ),
    ),
    Row(
        title="Ethereum",
        height=8,
        panels=(
            Panel(
                title="Gas by call",
                description="Gas used a second by our transactions, by arbiter call.",
                unit="none",
                width=6,
                stacked=True,
                queries=rate_by("poe_l1_gas_used_total", "call"),
            ),
            Panel(
                title="Balance",
                description="ETH of each process's L1 account.",
                unit="none",
                width=6,
                queries=[Query(expr="max by (name) (poe_l1_balance_wei) / 1e18", legend="{{name}}")],
            ),
            Panel(
                title="L1 head followed",
                description="Last L1 block each process has followed; lines that drift apart are nodes that lag.",
                unit="none",
                width=6,
                queries=[Query(expr="max by (name) (poe_l1_head_number)", legend="{{name}}")],
            ),
            Panel(
                title="Errors and reorganisations",
                description="Failed L1 requests since start, and reorganisations seen.",
                unit="none",
                width=6,
                queries=[
                    Query(expr="sum by (name) (poe_l1_rpc_errors)", legend="{{name}} errors"),
                    Query(expr="sum by (name) (poe_l1_reorgs_total)", legend="{{name}} reorgs"),
                ],
            ),
        ),
    ),
    Row(
        title="L1 endpoints",
        height=7,
        panels=(
            Panel(
                title="Endpoints in use",
                description="L1 endpoints that are used, and whether they disagree so that nothing is sent.",
                unit="none",
                width=8,
                queries=[
                    Query(expr="sum by (name) (poe_l1_endpoint_good)", legend="{{name}} in use"),
                    Query(expr="max by (name) (poe_l1_endpoints_disagree)", legend="{{name}} disagree"),
                ],
            ),
            Panel(
                title="Head by endpoint",
                description="The head that each L1 endpoint showed last; one that stands still is left out.",
                unit="none",
                width=8,
                queries=[
                    Query(expr="max by (name, endpoint) (poe_l1_endpoint_head_number)", legend="{{name}} {{endpoint}}")
                ],
            ),
            Panel(
                title="Errors by endpoint",
                description="Failed requests to each L1 endpoint since start.",
                unit="none",
                width=8,
                queries=[
                    Query(expr="max by (name, endpoint) (poe_l1_endpoint_errors)", legend="{{name}} {{endpoint}}")
                ],
            ),
        ),
    ),
    Row(
        title="Network",
        height=8,
        panels=(
            Panel(
                title="Peers",
                description="Connected peers, and those in the gossip mesh, of each process.",
                unit="none",
                queries=[
                    Query(expr="max by (name) (poe_net_peers)", legend="{{name}}"),
                    Query(expr="max by (name) (poe_net_mesh_peers)", legend="{{name}} in mesh"),
                ],
            ),
            Panel(
                title="Gossip by verdict",
                description="Messages a second: accepted, ignored (old or early), rejected (never valid), malformed,"
                " or dropped because nobody read them.",
                unit="ops",
                queries=rate_by("poe_net_messages_total", "verdict"),
            ),
            Panel(
                title="Equivocations",
                description="Batch numbers for which the sequencer signed two different batches. Anything but 0 is an"
                " attack or a bug.",
                unit="none",
                queries=[Query(expr="max(poe_net_equivocations_total)", legend="equivocations")],
            ),
        ),
    ),
)


def panel_json(panel: Panel, *, number: int, x: int, y: int, height: int) -> dict[str, Any]:
    """One panel in Grafana's schema, at grid position (x, y)."""
    custom = {"fillOpacity": 30 if panel.stacked else 5, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": height},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": custom if panel.kind == "timeseries" else {}},
            "overrides": [],
        },
        "options": options_of(panel),
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": q.expr, "legendFormat": q.legend}
            for index, q in enumerate(panel.queries)
        ],
    }


def options_of(panel: Panel) -> dict[str, Any]:
    """The last value large for a stat; legend below and one tooltip for a time series."""
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "area"}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def layout(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every row's header and panels from left to right, wrapping at the grid's right edge."""
    found: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": GRID_COLUMNS, "h": 1},
                "panels": [],
            }
        )
        y, x = y + 1, 0
        for panel in row.panels:
            if x + panel.width > GRID_COLUMNS:
                y, x = y + row.height, 0
            found.append(panel_json(panel, number=len(found) + 1, x=x, y=y, height=row.height))
            x += panel.width
        y += row.height
    return found


def build() -> dict[str, Any]:
    """The whole dashboard."""
    return {
        "uid": "poe-race",
        "title": "Proof of Efficiency: the race",
        "description": "Who proves which batch, how fast, and what it costs.",
        "tags": ["poe"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                    "hide": 0,
                }
            ]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": layout(ROWS),
    }


def render() -> str:
    """The file's text: the same bytes on every machine."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render())
