"""All nodes together: who is up, what they hear of each other, how they see Ethereum, what runs on which machine."""

from __future__ import annotations

from dashboards.panels import WINDOW, Page, Panel, Query, Row, number, rate_by

GLANCE = Row(
    title="At a glance",
    height=5,
    panels=(
        number("Nodes up", "Processes that answer a scrape.", "sum(up)", width=6),
        number("Circuits", "Different circuits among them; more than 1 is a mistake.", "poe:circuits:count", width=6),
        number(
            "Equivocations",
            "Batch numbers for which the sequencer signed two different batches.",
            "max(poe_net_equivocations_total)",
            width=6,
        ),
        number("Fewest peers", "Peers of the node that has fewest.", "min(poe_net_peers)", width=6),
    ),
)

ENDPOINTS = Row(
    title="L1 endpoints",
    panels=(
        Panel(
            title="Endpoints in use",
            description="L1 endpoints that are used, and 1 where they disagree so that nothing is sent.",
            unit="none",
            queries=[
                Query(expr="sum by (name) (poe_l1_endpoint_good)", legend="{{name}} in use"),
                Query(expr="max by (name) (poe_l1_endpoints_disagree)", legend="{{name}} disagree"),
            ],
        ),
        Panel(
            title="Head by endpoint",
            description="The head that each L1 endpoint showed last; one that stands still is left out.",
            unit="none",
            queries=[
                Query(expr="max by (name, endpoint) (poe_l1_endpoint_head_number)", legend="{{name}} {{endpoint}}")
            ],
        ),
        Panel(
            title="Errors by endpoint",
            description="Failed requests a second to each L1 endpoint.",
            unit="ops",
            queries=[
                Query(
                    expr=f"sum by (name, endpoint) (rate(poe_l1_endpoint_errors_total[{WINDOW}]))",
                    legend="{{name}} {{endpoint}}",
                )
            ],
        ),
    ),
)

GOSSIP = Row(
    title="Peers and gossip",
    panels=(
        Panel(
            title="Peers",
            description="Connected peers of each process.",
            unit="none",
            queries=[Query(expr="max by (name) (poe_net_peers)", legend="{{name}}")],
        ),
        Panel(
            title="Mesh",
            description="Peers in the gossip mesh of each process.",
            unit="none",
            queries=[Query(expr="max by (name) (poe_net_mesh_peers)", legend="{{name}}")],
        ),
        Panel(
            title="Gossip by verdict",
            description="Messages a second: accepted, ignored (old or early), rejected (never valid), malformed,"
            " or dropped because nobody read them.",
            unit="ops",
            queries=rate_by("poe_net_messages_total", "verdict"),
        ),
    ),
)

ETHEREUM = Row(
    title="Ethereum",
    panels=(
        Panel(
            title="L1 head followed",
            description="Last L1 block of each process; lines that drift apart are nodes that lag.",
            unit="none",
            width=6,
            queries=[Query(expr="max by (name) (poe_l1_head_number)", legend="{{name}}")],
        ),
        Panel(
            title="Age of the L1 head",
            description="Seconds since L1's own time of that block; below 0 the clocks differ.",
            unit="s",
            width=6,
            queries=[Query(expr="time() - max by (name) (poe_l1_head_timestamp_seconds)", legend="{{name}}")],
        ),
        Panel(
            title="Failed L1 requests",
            description="Failed L1 requests a second.",
            unit="ops",
            width=6,
            queries=rate_by("poe_l1_rpc_errors_total", "name"),
        ),
        Panel(
            title="Reorganisations",
            description="L1 reorganisations that each process has seen since its start.",
            unit="none",
            width=6,
            queries=[Query(expr="sum by (name) (poe_l1_reorgs_total)", legend="{{name}}")],
        ),
    ),
)

MACHINES = Row(
    title="Machines",
    panels=(
        Panel(
            title="Cores used",
            description="CPU seconds a second of each process, without its proving worker.",
            unit="none",
            width=6,
            queries=[
                Query(expr=f"sum by (name) (rate(process_cpu_seconds_total[{WINDOW}]))", legend="{{name}}"),
            ],
        ),
        Panel(
            title="Resident memory",
            description="Resident memory of each process, without its proving worker.",
            unit="bytes",
            width=6,
            queries=[Query(expr="max by (name) (process_resident_memory_bytes)", legend="{{name}}")],
        ),
        Panel(
            title="Open files",
            description="Open files of each process.",
            unit="none",
            width=6,
            queries=[Query(expr="max by (name) (process_open_fds)", legend="{{name}}")],
        ),
        Panel(
            title="Versions",
            description="Processes by version and circuit.",
            unit="none",
            width=6,
            queries=[Query(expr="count by (version, circuit) (poe_build_info)", legend="{{version}} {{circuit}}")],
        ),
    ),
)

PAGE = Page(
    uid="poe-network",
    title="Proof of Efficiency: the network",
    description="Nodes, gossip, Ethereum and machines.",
    rows=(GLANCE, GOSSIP, ETHEREUM, ENDPOINTS, MACHINES),
)
