"""Metrics of the doors: Ethereum, our account on it, and the peer-to-peer network."""

from __future__ import annotations

from poe.metrics.definer import Definer

GOSSIP_VERDICTS = ("accepted", "ignored", "rejected", "bad_frames", "dropped")
GAS_OUTCOMES = ("accepted", "refused")


class DoorMetrics:
    """Groups `l1`, `account` and `net`."""

    def _define_doors(self, define: Definer) -> None:
        define.open_group("l1")
        self.l1_head = define.gauge("poe_l1_head_number", "Last L1 block we followed.")
        self.l1_head_timestamp = define.gauge(
            "poe_l1_head_timestamp_seconds", "L1's own time of that block, Unix seconds."
        )
        self.l1_errors = define.read_counter("poe_l1_rpc_errors_total", "Failed L1 requests.")
        self._define_endpoints(define)
        self.l1_reorgs = define.counter("poe_l1_reorgs_total", "L1 reorganisations seen.")
        define.open_group("account")
        self._define_account(define)
        define.open_group("net")
        self._define_network(define)

    def _define_endpoints(self, define: Definer) -> None:
        """An endpoint is named by its place in `l1.rpc_url`, from 1: URLs hold secrets."""
        self.l1_endpoint_good = define.gauge(
            "poe_l1_endpoint_good", "1 while an L1 endpoint is used, 0 while it rests or is left out.", ["endpoint"]
        )
        self.l1_endpoint_errors = define.read_counter(
            "poe_l1_endpoint_errors_total", "Failed requests to an L1 endpoint.", ["endpoint"]
        )
        self.l1_endpoint_head = define.gauge(
            "poe_l1_endpoint_head_number", "Head that an L1 endpoint showed last.", ["endpoint"]
        )
        self.l1_disagreement = define.gauge(
            "poe_l1_endpoints_disagree", "1 while L1 endpoints disagree and none has a majority: nothing is sent."
        )

    def _define_account(self, define: Definer) -> None:
        self.gas_used = define.counter(
            "poe_l1_gas_used_total",
            "Gas used by our L1 transactions, by call and by whether the arbiter took them: accepted, refused.",
            ["call", "outcome"],
        )
        self.gas_cost_wei = define.counter(
            "poe_l1_gas_cost_wei_total",
            "Wei paid for that gas; of refused transactions at the gas price last seen.",
            ["call", "outcome"],
        )
        self.l1_balance_wei = define.gauge("poe_l1_balance_wei", "ETH of our L1 account, in Wei.")
        self.gas_price_wei = define.gauge("poe_l1_gas_price_wei", "What a gas costs now: base fee and our tip, in Wei.")

    def _define_network(self, define: Definer) -> None:
        self.peers = define.gauge("poe_net_peers", "Connected peers.")
        self.mesh_peers = define.gauge("poe_net_mesh_peers", "Peers in our gossip mesh.")
        self.gossip_messages = define.counter(
            "poe_net_messages_total",
            "Gossip messages by verdict: accepted, ignored, rejected, bad_frames, or dropped because nobody read them.",
            ["verdict"],
        )
        self.equivocations = define.counter(
            "poe_net_equivocations_total",
            "Batch numbers for which the sequencer signed two different batches.",
        )
        self._network_totals: dict[str, int] = {}

    def note_gas(self, call: str, *, outcome: str, gas: int, price: int) -> None:
        """One mined transaction of ours: gas used at `price` Wei each."""
        self.gas_used.labels(call=call, outcome=outcome).inc(gas)
        self.gas_cost_wei.labels(call=call, outcome=outcome).inc(gas * price)

    def set_l1_head(self, *, number: int, timestamp: int, is_reorg: bool) -> None:
        """One step of L1; `timestamp` in Unix seconds."""
        self.l1_head.set(number)
        self.l1_head_timestamp.set(timestamp)
        self.l1_reorgs.inc(is_reorg)

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
