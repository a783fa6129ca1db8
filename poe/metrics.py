"""Every Prometheus metric of every role in one class, and the loopback endpoint that serves them.

Names follow the Prometheus conventions: `poe_` prefix, base units, `_total` for counters. Labels come from closed
sets; a payee's address is not one, so winner share shows the top few payees and `other`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from poe.errors import ToolError
from poe.rollup.types import Address

PROOF_SECONDS_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.3, 1.6, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 60)
STAGE_SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300)
if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

WINNER_SERIES = 5
GOSSIP_VERDICTS = ("accepted", "ignored", "rejected", "bad_frames", "dropped")


class Metrics:
    """One registry's worth of metrics. A role touches only those that concern it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._define_prover()
        self._define_market()
        self._define_sequencer()
        self._define_doors()

    def _define_prover(self) -> None:
        self.proof_phase_seconds = Histogram(
            "poe_prover_phase_seconds",
            "Seconds a finished proof spent in each phase: witness, prove, verify.",
            ["phase"],
            buckets=PROOF_SECONDS_BUCKETS,
            registry=self.registry,
        )
        self.proof_seconds = Histogram(
            "poe_prover_proof_seconds",
            "Seconds from the start of a proof to its self-check, finished proofs only.",
            buckets=PROOF_SECONDS_BUCKETS,
            registry=self.registry,
        )
        self.races = Counter(
            "poe_prover_races_total",
            "Races this prover entered, by how they ended: won, late, cancelled, failed, shadow.",
            ["outcome"],
            registry=self.registry,
        )
        self.wasted_core_seconds = Counter(
            "poe_prover_wasted_core_seconds_total",
            "CPU seconds spent on proofs that did not win.",
            registry=self.registry,
        )
        self.cancel_seconds = Histogram(
            "poe_prover_cancel_seconds",
            "Seconds from seeing a rival's win to our worker being idle again.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
            registry=self.registry,
        )
        self.proving = Gauge("poe_prover_proving", "Proofs being made right now.", registry=self.registry)

    def _define_market(self) -> None:
        self.batch_height = Gauge(
            "poe_batch_height",
            "Highest batch number by stage: sealed, sequenced, accepted, finalized.",
            ["stage"],
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "poe_batch_stage_seconds",
            "Seconds by L1 time from a batch's posting to its first accepted proof and to finality.",
            ["stage"],
            buckets=STAGE_SECONDS_BUCKETS,
            registry=self.registry,
        )
        self.winner_share = Gauge(
            "poe_market_winner_share_ratio",
            "Share of finalized batches won, the top payees by rank and all others together.",
            ["rank"],
            registry=self.registry,
        )
        self.finalized_batches = Gauge(
            "poe_market_finalized_batches", "Batches finalized on L1.", registry=self.registry
        )
        self.rewards_wei = Gauge(
            "poe_market_rewards_wei", "Rewards of all finalized batches, in Wei.", registry=self.registry
        )
        self.exit_mode = Gauge(
            "poe_market_exit_mode", "1 once the rollup has ended by exit mode, else 0.", registry=self.registry
        )
        self.left_accounts = Gauge(
            "poe_market_left_accounts", "Accounts that have left in exit mode.", registry=self.registry
        )
        self.payees = Gauge("poe_market_payees", "Distinct payees that won at least one batch.", registry=self.registry)

    def _define_sequencer(self) -> None:
        self.transactions = Counter(
            "poe_sequencer_transactions_total",
            "L2 transactions by what became of them: accepted, refused, executed, dropped.",
            ["outcome"],
            registry=self.registry,
        )
        self.mempool_size = Gauge("poe_sequencer_mempool_transactions", "Transactions waiting.", registry=self.registry)
        self.backlog = Gauge(
            "poe_sequencer_unposted_batches", "Batches sealed but not yet on L1.", registry=self.registry
        )
        self.execute_seconds = Histogram(
            "poe_sequencer_execute_seconds",
            "Seconds to execute one batch.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
            registry=self.registry,
        )

    def _define_doors(self) -> None:
        self.gas_used = Counter(
            "poe_l1_gas_used_total",
            "Gas used by our L1 transactions, by call.",
            ["call"],
            registry=self.registry,
        )
        self.l1_balance_wei = Gauge("poe_l1_balance_wei", "ETH of our L1 account, in Wei.", registry=self.registry)
        self.l1_head = Gauge("poe_l1_head_number", "Last L1 block we followed.", registry=self.registry)
        self.l1_errors = Gauge("poe_l1_rpc_errors", "Failed L1 requests since start.", registry=self.registry)
        self.l1_endpoint_good = Gauge(
            "poe_l1_endpoint_good",
            "1 while an L1 endpoint is used, 0 while it rests or is left out; by its place in l1.rpc_url, from 1.",
            ["endpoint"],
            registry=self.registry,
        )
        self.l1_endpoint_errors = Gauge(
            "poe_l1_endpoint_errors",
            "Failed requests to an L1 endpoint since start, by its place in l1.rpc_url.",
            ["endpoint"],
            registry=self.registry,
        )
        self.l1_endpoint_head = Gauge(
            "poe_l1_endpoint_head_number",
            "Head that an L1 endpoint showed last, by its place in l1.rpc_url.",
            ["endpoint"],
            registry=self.registry,
        )
        self.l1_disagreement = Gauge(
            "poe_l1_endpoints_disagree",
            "1 while L1 endpoints disagree and none has a majority: nothing is sent.",
            registry=self.registry,
        )
        self.l1_reorgs = Counter("poe_l1_reorgs_total", "L1 reorganisations seen.", registry=self.registry)
        self.peers = Gauge("poe_net_peers", "Connected peers.", registry=self.registry)
        self.mesh_peers = Gauge("poe_net_mesh_peers", "Peers in our gossip mesh.", registry=self.registry)
        self.gossip_messages = Counter(
            "poe_net_messages_total",
            "Gossip messages by verdict: accepted, ignored, rejected, bad_frames, or dropped because nobody read them.",
            ["verdict"],
            registry=self.registry,
        )
        self.equivocations = Counter(
            "poe_net_equivocations_total",
            "Batch numbers for which the sequencer signed two different batches.",
            registry=self.registry,
        )
        self._network_totals: dict[str, int] = {}

    def set_winner_shares(self, wins: Mapping[Address, int]) -> None:
        """Export the shares of the top payees as ranks 1..5 and the rest as `other`."""
        total = sum(wins.values())
        ranked = sorted(wins.values(), reverse=True)
        top = ranked[:WINNER_SERIES]
        for rank in range(1, WINNER_SERIES + 1):
            won = top[rank - 1] if rank <= len(top) else 0
            self.winner_share.labels(rank=str(rank)).set(won / total if total else 0)
        self.winner_share.labels(rank="other").set(sum(ranked[WINNER_SERIES:]) / total if total else 0)
        self.payees.set(len(wins))
        self.finalized_batches.set(total)

    def set_network(self, *, peers: int, mesh_peers: int, equivocations: int, **messages: int) -> None:
        """Export the fields of `NetworkStats`: peers now; equivocations, and messages by verdict, since start."""
        self.peers.set(peers)
        self.mesh_peers.set(mesh_peers)
        self.equivocations.inc(self._growth("equivocations", equivocations))
        for verdict in GOSSIP_VERDICTS:
            self.gossip_messages.labels(verdict=verdict).inc(self._growth(verdict, messages.pop(verdict)))
        if messages:
            raise TypeError(f"network numbers without a metric: {', '.join(messages)}")

    def _growth(self, name: str, total: int) -> int:
        """How much a total has grown since it was last exported."""
        before = self._network_totals.get(name, 0)
        self._network_totals[name] = total
        return max(0, total - before)


Check = Callable[[], str]
"""What is wrong, in a line; empty if nothing is. Called from a thread of the HTTP server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `/livez` and `/readyz` look at, by name: ready is who is alive and passes the rest as well."""

    alive: Mapping[str, Check]
    ready: Mapping[str, Check]

    def report(self, path: str) -> tuple[bool, str]:
        """Is all well, and a line a check: `[+] l1 ok` or `[-] l1: no answer for 40 s`."""
        checks = self.alive if path == "/livez" else {**self.alive, **self.ready}
        wrong = {name: check() for name, check in checks.items()}
        lines = [f"[-] {name}: {what}" if what else f"[+] {name} ok" for name, what in wrong.items()]
        return not any(wrong.values()), "\n".join(lines) + "\n"


@contextmanager
def serve_metrics(metrics: Metrics, *, host: str, port: int, health: Health | None = None) -> Iterator[int]:
    """Serve `/metrics`, and `/livez` and `/readyz` (200 or 503), while the context lasts; yields the port.

    Port 0 picks a free one. ToolError when the port is taken.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise ToolError(
            f"metrics port {host}:{port} cannot be opened: {error.strerror}",
            fix="choose another with metrics.port, 0 picks a free one",
            code="POE-TOL-002",
        ) from error
    served = server.get_app()
    if health is not None and served is not None:
        server.set_app(partial(_health_or_metrics, health, served))
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)


def _health_or_metrics(
    health: Health, metrics: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The WSGI application in front of the one that writes metrics."""
    path = environ.get("PATH_INFO", "")
    if path not in ("/livez", "/readyz"):
        return metrics(environ, start_response)
    is_well, text = health.report(path)
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    start_response("200 OK" if is_well else "503 Service Unavailable", headers)
    return [text.encode()]


def new_metrics() -> Metrics:
    """Metrics on a registry of their own, with the process's CPU, memory and file figures beside them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Metrics(registry)
