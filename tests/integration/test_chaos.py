"""The running network against what happens to machines and chains: deep reorgs, a kill -9 of those in charge."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.assembly.chain import follow_arbiter
from poe.backend import native
from poe.backend.keys import ensure_dev_membership_key
from poe.errors import L1Unreachable
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.rpc import Rpc
from poe.sequencer.client import RpcClient
from poe.testnet.load import Load, LoadPlan, Signer
from poe.testnet.process import Child
from poe.testnet.scenario import Scenario
from poe.testnet.stage import Stage, prepare, write_settings
from poe.testnet.watch import Watch
from tests.integration.launching import finish, is_running, read_json, start, wait_until
from tests.integration.market import SHAPE, dev_key

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BATCHES = 12
DEPOSIT_BATCHES = 2


def finalized(data_dir: Path) -> int:
    return int(read_json(data_dir / "observer" / "status.json").get("finalized", 0))


async def call(url: str, method: str, *params: object) -> object:
    return await Rpc(url).call(method, *params)


def depth_after_the_deposits(data_dir: Path, l1: str) -> int:
    """The deepest reorg that keeps the users' deposits: anvil forgets what it drops, and nobody deposits twice."""
    batches = read_json(data_dir / "observer" / "status.json")["batches"]
    keep = batches[DEPOSIT_BATCHES - 1]["posted_block"]
    head = trio.run(call, l1, "eth_blockNumber")
    assert isinstance(head, str)
    depth = int(head, 16) - int(keep)
    assert depth >= 3, "a reorg this shallow shows nothing"
    return depth


def test_a_deep_reorg_in_the_middle_of_the_race_heals_without_a_hand(data_dir: Path, tmp_path: Path) -> None:
    """Postings, proofs and the nonces of several of each are gone for good: the nodes have to send all of it again."""
    out = tmp_path / "out.json"
    process = start(data_dir, "--provers", "2", "--batches", str(BATCHES), "--json", str(out))
    wait_until(lambda: finalized(data_dir) >= BATCHES - 4 or process.poll() is not None, 180, "finality")
    before = finalized(data_dir)
    l1 = read_json(data_dir / "testnet.json")["l1"]
    trio.run(call, l1, "anvil_reorg", depth_after_the_deposits(data_dir, l1), [])
    wait_until(lambda: finalized(data_dir) < before, 30, "the reorg")
    finish(process, data_dir, seconds=180)
    report = json.loads(out.read_text())
    assert [batch["number"] for batch in report["batches"]] == list(range(1, report["finalized"] + 1))
    assert report["finalized"] >= BATCHES
    assert report["rejected"] == 0
    winners = {batch["number"]: batch["winner"] for batch in report["batches"]}
    for prover in report["provers"]:
        assert prover["agrees_with_l1"], prover
        races = read_json(data_dir / prover["name"] / "status.json")["races"]
        won = [race["batch"] for race in races if race["outcome"] == "won"]
        assert len(won) == len(set(won)), "a batch that had to be won again is one win"
        assert all(winners.get(number, prover["payee"]) == prover["payee"] for number in won), "a win that L1 knows of"
    assert sum(prover["won"] for prover in report["provers"]) == report["finalized"]


def test_a_launcher_that_is_killed_leaves_no_process_behind(data_dir: Path) -> None:
    process = start(data_dir, "--provers", "1")
    pids = wait_until(lambda: read_json(data_dir / "testnet.json").get("pids"), 120, "the network")
    l1 = read_json(data_dir / "testnet.json")["l1"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(is_running(pid) for pid in pids.values()), 30, "the end of every role")
    with pytest.raises(L1Unreachable):
        trio.run(call, l1, "eth_chainId")


@dataclass(kw_only=True)
class Network:
    """A network under this test's own hands: it lives on when its sequencer dies."""

    scenario: Scenario
    anvil: Anvil
    stage: Stage
    watch: Watch
    children: dict[str, Child] = field(default_factory=dict)

    async def start(self, name: str, bootstrap: tuple[str, ...] = ()) -> dict[str, str]:
        """Start a role, or start it again on the settings file it had; returns its endpoints."""
        folder = self.stage.folders[name]
        config = folder / "poe.toml"
        if not config.exists():
            write_settings(self.scenario, self.stage, self.anvil, name, bootstrap)
        (folder / "endpoints.json").unlink(missing_ok=True)
        self.children[name] = child = Child(name, folder)
        child.start(name.split("-")[0], "run", "--config", str(config))
        return await child.endpoints(seconds=60)

    def kill(self, name: str) -> None:
        child = self.children[name]
        os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: child.exit_code is not None, 10, "its death")
        assert child._process is not None
        assert child._process.stdin is not None
        child._process.stdin.close()

    def statuses(self) -> dict[str, dict[str, Any]]:
        return {name: child.status() for name, child in self.children.items()}

    async def wait_until_all_agree(self) -> None:
        """Every node tells the same finalized root."""
        while True:
            told = self.statuses().values()
            if len({(one.get("finalized"), int(one.get("finalized_root", "0"), 16)) for one in told}) == 1:
                return
            await trio.sleep(0.1)


@asynccontextmanager
async def open_network(data_dir: Path) -> AsyncIterator[Network]:
    scenario = Scenario(provers=2, shape=SHAPE, data_dir=data_dir)
    async with Anvil(block_seconds=1.0) as anvil, trio.open_nursery() as nursery:
        stage = await prepare(scenario, anvil, dev_key(), ensure_dev_membership_key(SHAPE.depth))
        watch = Watch(await follow_arbiter(anvil.url, stage.parameters.address))
        network = Network(scenario=scenario, anvil=anvil, stage=stage, watch=watch)
        try:
            nursery.start_soon(watch.run)
            yield network
        finally:
            with trio.CancelScope(shield=True):
                for child in network.children.values():
                    await child.stop()
            nursery.cancel_scope.cancel()


async def drive(network: Network, url: str) -> None:
    """Users and their transfers, for ever."""
    arbiter = await Arbiter.connect(
        network.anvil.rpc,
        network.stage.parameters.address,
        network.stage.signers["users"],
        chain_id=network.stage.parameters.chain_id,
    )
    signer = Signer(
        derive_public_key=native.derive_public_key,
        sign=native.sign,
        hash_message=lambda word: native.poseidon([network.watch.domain, word]),
    )
    async with RpcClient(url) as client:
        await Load(client=client, arbiter=arbiter, signer=signer, plan=LoadPlan(users=3)).run()


async def test_a_sequencer_killed_in_the_middle_goes_on_where_it_was(tmp_path: Path) -> None:
    """It comes back with what it had sealed and not posted; provers and L1 agree with it in the end."""
    with trio.fail_after(200):
        async with open_network(tmp_path) as network:
            endpoints = await network.start("sequencer")
            for name in ("prover-1", "prover-2"):
                await network.start(name, (endpoints["net"],))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(drive, network, endpoints["rpc"])
                await network.watch.wait_until_finalized(2)
                nursery.cancel_scope.cancel()
            network.kill("sequencer")
            posted = len(network.watch.standings.rows())
            endpoints = await network.start("sequencer")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(drive, network, endpoints["rpc"])
                await network.watch.wait_until_finalized(posted + 1)
                nursery.cancel_scope.cancel()
            await network.wait_until_all_agree()
            assert all(status["agrees_with_l1"] for status in network.statuses().values())
