"""Every Prometheus metric of every role in one class, and which role exports which.

Names follow the Prometheus conventions: `poe_` prefix, base units, `_total` for counters. Labels come from closed
sets; a payee's address is not one, so winner share shows the top few payees and `other`. What a reorg can take back is
a gauge, since a counter never falls.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics

from poe.metrics.definer import Definer
from poe.metrics.doors import DoorMetrics
from poe.metrics.host import HostMetrics
from poe.metrics.market import MarketMetrics
from poe.metrics.prover import ProverMetrics
from poe.metrics.sequencer import SequencerMetrics

GROUPS_OF_ROLE: Mapping[str, frozenset[str]] = {
    "prover": frozenset({"prover", "pipeline", "l1", "account", "net", "host"}),
    "sequencer": frozenset({"sequencer", "pipeline", "l1", "account", "net", "host"}),
    "observer": frozenset({"market", "pipeline", "l1", "host"}),
}


class Metrics(ProverMetrics, MarketMetrics, SequencerMetrics, DoorMetrics, HostMetrics):
    """One registry's worth of metrics. A role exports the groups that concern it, all of them if None are named.

    A number that a role never fills is not in its scrape: an observer has no balance that could be low.
    """

    def __init__(self, registry: CollectorRegistry, groups: frozenset[str] | None = None) -> None:
        self.registry = registry
        define = Definer(registry, groups)
        self._define_prover(define)
        self._define_market(define)
        self._define_sequencer(define)
        self._define_doors(define)
        self._define_host(define)


def new_metrics(role: str, *, has_network: bool) -> Metrics:
    """A role's metrics on a registry of their own, with the process's CPU, memory and file figures beside them."""
    # A series more for each counter and histogram, which no panel reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Metrics(registry, GROUPS_OF_ROLE[role] - (frozenset() if has_network else {"net"}))
