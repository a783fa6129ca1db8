"""Metrics of a real race: on a real Prometheus every panel and rule has its numbers; winner share is L1's, exactly.

One testnet serves all tests here, in the order they stand: healthy first, then forged gossip, replays and a reorg.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from dashboards import generate
from poe.l1.abi import load_artifact
from poe.l1.keys import recover_address
from poe.l1.rpc import Rpc
from poe.metrics import WINNER_SERIES
from poe.net.host import NetworkConfig, open_network
from poe.net.interface import BatchAnnouncement, ProvingIntent
from poe.net.messages import encode_announcement, topic
from poe.rollup.statement import domain
from poe.rollup.types import AccountIndex, Address, BatchNumber, FieldElement, Hash, Header, Shape
from tests.integration.launching import finish, read_json, start, wait_until
from tests.integration.prometheus import Prometheus, check_metrics, metrics_in, run_prometheus, samples_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

PROCESSES = 4
BATCHES = 6
SECONDS_TO_FILL = 60
SHAPE = Shape(slots=2, depth=2)
RANKS = [*(str(rank) for rank in range(1, WINNER_SERIES + 1)), "other"]
MAY_BE_EMPTY = {
    "Margin of refused proofs, in blocks": "needs a late proof that was mined; simulation catches nearly all",
    "Margin of lost races": "needs a race lost after this node's first proof",
    "Margin of lost races, in seconds": "needs a race lost after this node's first proof",
    "Letting go": "needs a proof cut off in the last seconds",
}
MAY_BE_UNKNOWN = {"poe_prover_margin_seconds_bucket", "poe_prover_cancel_seconds_bucket"}
"""Series that come with the first lost race."""


@dataclass(frozen=True, slots=True)
class Run:
    """A running testnet and the Prometheus that scrapes it."""

    data_dir: Path
    facts: dict[str, Any]
    prometheus: Prometheus

    @property
    def l1(self) -> str:
        url: str = self.facts["l1"]
        return url

    def samples(self, name: str) -> dict[str, float]:
        """What a role exports now."""
        return samples_of(self.facts["endpoints"][name]["metrics"])

    def finalized(self) -> float:
        return self.samples("observer").get("poe_market_finalized_batches", 0)

    def call(self, method: str, *params: object) -> Any:
        """A request to L1."""

        async def ask() -> object:
            return await Rpc(self.l1).call(method, *params)

        return trio.run(ask)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("metrics")
    data_dir = folder / "net"
    process = start(
        data_dir, "--provers", "2", "--strategy", "oldest", "--jitter", "0.3", "--json", str(folder / "out")
    )
    facts = wait_until(lambda: read_json(data_dir / "testnet.json"), 180, "the network")
    with run_prometheus(folder, data_dir / "prometheus-targets.json") as prometheus:
        found = Run(data_dir, facts, prometheus)
        try:
            wait_until(lambda: sum(prometheus.query("up")) == PROCESSES, 30, "a scrape of every process")
            wait_until(lambda: found.finalized() >= BATCHES, 120, "a few final batches")
            yield found
        finally:
            os.kill(process.pid, signal.SIGINT)
            finish(process, data_dir, seconds=60)


@pytest.mark.parametrize("page", generate.PAGES)
def test_every_panel_has_numbers(run: Run, page: str) -> None:
    dashboard = json.loads((Path(generate.FOLDER) / f"{page}.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    wanted = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    known = run.prometheus.names() | MAY_BE_UNKNOWN
    assert {title for title, expr in wanted if metrics_in(expr) - known} == set()
    # A rate needs scrapes on both sides of an event: some take a while.
    for title, expr in wanted:
        if title not in MAY_BE_EMPTY:
            wait_until(partial(run.prometheus.query, expr), SECONDS_TO_FILL, f"numbers in {title}: {expr}")


def test_every_rule_evaluates_and_every_recorded_series_has_numbers(run: Run) -> None:
    rules = [rule for group in run.prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["lastError"] for rule in rules if "lastError" in rule} <= {""}
    assert {rule["health"] for rule in rules} == {"ok"}
    known = run.prometheus.names() | MAY_BE_UNKNOWN
    unknown = {rule["name"]: metrics_in(rule["query"]) - known for rule in rules}
    assert {name: missing for name, missing in unknown.items() if missing} == {}
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    assert recorded
    for name in recorded:
        wait_until(partial(run.prometheus.query, name), SECONDS_TO_FILL, f"numbers of {name}")


def test_a_healthy_network_raises_no_alert(run: Run) -> None:
    """Pending ones pass: a busy machine is slow now and then, and the rules have patience."""
    alerts = run.prometheus.get("alerts")["alerts"]
    assert [alert for alert in alerts if alert["state"] == "firing"] == []


@pytest.mark.parametrize("name", ["sequencer", "prover-1", "observer"])
def test_promtool_finds_nothing_wrong_with_a_scrape(run: Run, name: str) -> None:
    assert check_metrics(run.facts["endpoints"][name]["metrics"]) == ""


def test_a_role_exports_nothing_that_it_cannot_fill(run: Run) -> None:
    observer, prover = run.samples("observer"), run.samples("prover-1")
    assert not [series for series in observer if series.startswith(("poe_prover", "poe_net", "poe_l1_balance"))]
    assert not [series for series in prover if series.startswith(("poe_market", "poe_sequencer"))]
    assert prover["poe_l1_balance_wei"] > 0
    assert prover["poe_prover_proofs_left"] > 0
    assert prover["poe_process_children_resident_bytes"] > 2**20, "the proving worker"


def test_winner_share_is_what_l1_s_events_say_after_forged_gossip_replays_and_a_reorg(run: Run) -> None:
    before = Counter(winners_on_l1(run).values())
    assert before
    trio.run(forge_gossip, run)
    wait_until(lambda: rejected(run) > 0, 30, "a forged message at a prover")
    replay_the_last_proof(run)
    depth = reorg(run)
    wait_until(lambda: run.samples("observer")["poe_l1_reorgs_total"] >= 1, 30, "the reorg")
    wait_until(lambda: run.finalized() >= sum(before.values()) + 2, 120, "the race after it")
    freeze(run)
    wins = Counter(winners_on_l1(run).values())
    assert sum(wins.values()) > sum(before.values())
    expected = shares(wins)
    observer = run.samples("observer")
    assert {rank: observer[f'poe_market_winner_share_ratio{{rank="{rank}"}}'] for rank in RANKS} == expected, depth
    assert observer["poe_market_finalized_batches"] == sum(wins.values())
    assert observer["poe_market_payees"] == len(wins)
    for name in ("prover-1", "prover-2"):
        payee = read_json(run.data_dir / name / "status.json")["payee"]
        assert run.samples(name)["poe_prover_wins"] == wins[payee], "a prover's own wins are L1's as well"


def shares(wins: Counter[str]) -> dict[str, float]:
    """Winner share by rank, written out once more."""
    total, ranked = sum(wins.values()), [won for _, won in wins.most_common()]
    ranked += [0] * WINNER_SERIES
    top = {str(rank + 1): ranked[rank] / total for rank in range(WINNER_SERIES)}
    return top | {"other": sum(ranked[WINNER_SERIES:]) / total}


FINAL = ("BatchFinalized", "BatchProved")
"""The two events that make a batch final; both index number and payee."""


def winners_on_l1(run: Run) -> dict[int, str]:
    """Payee by batch number, read from the raw logs: topics 1 and 2."""
    kinds = ["0x" + kind.topic.hex() for kind in load_artifact("Arbiter").events.values() if kind.name in FINAL]
    assert len(kinds) == len(FINAL)
    logs = run.call("eth_getLogs", {"address": run.facts["arbiter"], "fromBlock": "0x0", "topics": [kinds]})
    found = {int(log["topics"][1], 16): "0x" + log["topics"][2][-40:] for log in logs}
    assert len(found) == len(logs), "a batch is final once"
    return found


def rejected(run: Run) -> float:
    name = 'poe_net_messages_total{verdict="rejected"}'
    return max(run.samples(prover)[name] for prover in ("prover-1", "prover-2", "sequencer"))


async def forge_gossip(run: Run) -> None:
    """A peer that signs batches which are not its to sign, and claims to work on every batch for an invented payee."""
    endpoint = run.facts["endpoints"]["sequencer"]["net"]
    config = NetworkConfig(identity_path=run.data_dir.parent / "attacker", bootstrap=(endpoint,), redial_seconds=0.2)
    own = await domain_of(run)
    nobody = Address(b"\xee" * 20)

    async def no_body(_: BatchNumber) -> None:
        return None

    async with open_network(config, domain=own, shape=SHAPE, recover=recover_address, body_source=no_body) as node:
        with trio.fail_after(30):
            while node.stats().mesh_peers == 0:  # noqa: ASYNC110 (the library tells nobody)
                await trio.sleep(0.05)
            for salt in range(5):
                forged = Hash(bytes([salt + 1]) * 32)
                intent = ProvingIntent(
                    number=BatchNumber(BATCHES + salt), batch_hash=forged, prover=nobody, expires_at=2**32 - 1
                )
                await node.tell_intent(intent)
                await node.pubsub.publish(topic(own, "batch"), encode_announcement(announcement(forged)))
            await trio.sleep(0.5)  # for the frames to leave


def announcement(forged: Hash) -> BatchAnnouncement:
    header = Header(shape=SHAPE, deposits=0, forced=0, fee_account=AccountIndex(0))
    return BatchAnnouncement(
        number=BatchNumber(BATCHES + 1), parent_hash=forged, batch_hash=forged, header=header, signature=b"\x01" * 65
    )


async def domain_of(run: Run) -> FieldElement:
    from poe.assembly.chain import follow_arbiter

    chain = await follow_arbiter(run.l1, Address(bytes.fromhex(run.facts["arbiter"][2:])))
    parameters = chain.parameters
    return domain(parameters.chain_id, parameters.address, parameters.circuit_version)


def replay_the_last_proof(run: Run) -> None:
    """Somebody sends an accepted proof's transaction again; the arbiter refuses it, in a block."""
    batches = read_json(run.data_dir / "observer" / "status.json")["batches"]
    proof = next(batch["l1_tx"] for batch in reversed(batches) if batch["finalized_block"])
    sent = run.call("eth_getTransactionByHash", proof)
    thief = run.call("eth_accounts")[0]
    again = {"from": thief, "to": sent["to"], "input": sent["input"], "gas": hex(2_000_000)}
    replayed = run.call("eth_sendTransaction", again)
    receipt = wait_until(lambda: run.call("eth_getTransactionReceipt", replayed), 20, "the replay")
    assert int(receipt["status"], 16) == 0


def reorg(run: Run) -> int:
    """Drop the last blocks, wins included, but not the users' deposits; returns how many."""
    status = read_json(run.data_dir / "observer" / "status.json")
    head = int(run.call("eth_blockNumber"), 16)
    won_in = [batch["finalized_block"] for batch in status["batches"] if batch["finalized_block"]]
    depth = head - won_in[-2] + 1
    run.call("anvil_reorg", depth, [])
    return depth


def freeze(run: Run) -> None:
    """No more blocks; everybody has read the last one."""
    run.call("evm_setIntervalMining", 0)
    head = int(run.call("eth_blockNumber"), 16)
    names = ("observer", "prover-1", "prover-2")
    wait_until(lambda: all(run.samples(name)["poe_l1_head_number"] == head for name in names), 30, "the last block")
