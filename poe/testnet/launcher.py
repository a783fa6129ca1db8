"""A whole testnet on one page: anvil, contract, sequencer, provers and observer as processes, load, report."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio

from poe.assembly.chain import follow_arbiter
from poe.backend import native
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key
from poe.errors import ToolError
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.rollup.types import FieldElement
from poe.sequencer.client import RpcClient
from poe.testnet.display import Display
from poe.testnet.folder import clear_folder
from poe.testnet.interrupt import Interrupts
from poe.testnet.load import LoadPlan, Signer
from poe.testnet.loads import Loads
from poe.testnet.process import Child
from poe.testnet.report import Evidence, batch_entry, build_report
from poe.testnet.scenario import Scenario
from poe.testnet.stage import Stage, prepare, role_names, settings_summary, write_marker, write_settings
from poe.testnet.watch import Snapshot, Watch, gas_of

START_SECONDS = 60.0
START_SECONDS_A_PROVER = 10.0
SETTLE_SECONDS = 10.0
PAID_BLOCKS = 20
"""So many blocks a run waits at its end for awards that an award policy has not paid yet, beside a lease's length."""
SETTLE_POLL_SECONDS = 0.1


@dataclass(slots=True, kw_only=True)
class Testnet:
    """A running testnet."""

    scenario: Scenario
    stage: Stage
    anvil: Anvil
    watch: Watch
    children: dict[str, Child] = field(default_factory=dict)
    endpoints: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def provers(self) -> dict[str, Child]:
        """The prover processes by name."""
        return {name: child for name, child in self.children.items() if name.startswith("prover-")}

    @property
    def sequencers(self) -> dict[str, Child]:
        """The sequencer processes by name."""
        return {name: child for name, child in self.children.items() if name.startswith("sequencer")}


async def run_testnet(scenario: Scenario, display: Display, interrupts: Interrupts) -> dict[str, Any]:
    """Run in a held folder until the scenario's batches are final or `interrupts.stop` is set; return the report.

    ToolError when a part does not start, every sequencer dies, every prover dies, or the deadline passes.
    """
    clear_folder(scenario.data_dir)
    display.say("making or finding the proving keys (the first time takes a while)")
    keys = [
        await trio.to_thread.run_sync(partial(ensure, scenario.key_cache), abandon_on_cancel=True)
        for ensure in (
            partial(ensure_dev_key, scenario.shape),
            partial(ensure_dev_membership_key, scenario.shape.depth),
        )
    ]
    log_file = scenario.data_dir / "anvil.log"
    async with Anvil(block_seconds=scenario.block_seconds, log_file=log_file) as anvil:
        stage = await prepare(scenario, anvil, *keys)
        watch = Watch(await follow_arbiter(anvil.url, stage.parameters.address))
        testnet = Testnet(scenario=scenario, stage=stage, anvil=anvil, watch=watch)
        async with _processes(testnet, display), trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            interrupts.is_racing = True
            load = await _race(testnet, display, interrupts.stop)
            await watch.catch_up()
            await watch.wait_until_paid(_paying_seconds(scenario))
            end = watch.snapshot()
            await _settle(testnet, end)
            _show_now(testnet, display, is_last=True)
            nursery.cancel_scope.cancel()
        return await _report(testnet, load, end)


def _paying_seconds(scenario: Scenario) -> float:
    lease = scenario.policy.lease_blocks if scenario.policy is not None else 0
    return (PAID_BLOCKS + lease) * scenario.block_seconds


@asynccontextmanager
async def _processes(testnet: Testnet, display: Display) -> AsyncIterator[None]:
    """Every role running; all ended, whatever happens."""
    try:
        await _start(testnet, "sequencer", ())
        bootstrap = tuple(a for a in (testnet.endpoints["sequencer"].get("net"),) if a)
        async with trio.open_nursery() as nursery:
            for name in role_names(testnet.scenario)[1:]:
                nursery.start_soon(_start, testnet, name, bootstrap)
        _write_facts(testnet)
        display.started(testnet.endpoints, testnet.stage)
        yield
    finally:
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for child in testnet.children.values():
                    nursery.start_soon(child.stop)


async def _start(testnet: Testnet, name: str, bootstrap: tuple[str, ...]) -> None:
    config = write_settings(testnet.scenario, testnet.stage, testnet.anvil, name, bootstrap)
    child = Child(name, testnet.stage.folders[name])
    testnet.children[name] = child
    child.start(name.split("-")[0], "run", "--config", str(config))
    seconds = START_SECONDS + START_SECONDS_A_PROVER * testnet.scenario.provers
    testnet.endpoints[name] = await child.endpoints(seconds=seconds)


async def _race(testnet: Testnet, display: Display, stop: trio.Event) -> Loads:
    """Drive load and watch L1 until enough batches are final or we are told to stop."""
    scenario = testnet.scenario
    deadline = scenario.deadline_seconds
    async with AsyncExitStack() as stack:
        urls = [testnet.endpoints[name]["rpc"] for name in testnet.sequencers]
        load = await _prepare_load(testnet, [await stack.enter_async_context(RpcClient(url)) for url in urls])
        with trio.move_on_after(float("inf") if deadline is None else deadline) as limit:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_supervise, testnet, display)
                nursery.start_soon(_show, testnet, display)
                nursery.start_soon(_drive, testnet, load)
                nursery.start_soon(_cancel_when, stop, nursery.cancel_scope)
                await testnet.watch.wait_until_finalized(scenario.batches)
                nursery.cancel_scope.cancel()
    if limit.cancelled_caught:
        raise ToolError(
            f"{testnet.watch.finalized} of {scenario.batches} batches became final in {deadline:.0f} s",
            fix=f"look into the logs under {scenario.data_dir}",
            code="POE-TOL-006",
        )
    return load


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _prepare_load(testnet: Testnet, clients: Sequence[RpcClient]) -> Loads:
    scenario, stage = testnet.scenario, testnet.stage
    arbiter = await Arbiter.connect(
        testnet.anvil.rpc, stage.parameters.address, stage.signers["users"], chain_id=stage.parameters.chain_id
    )
    plan = LoadPlan(users=scenario.users, transactions_per_second=scenario.transactions_per_second, seed=scenario.seed)
    return Loads(clients=clients, arbiter=arbiter, signer=_user_signer(testnet.watch.domain), plan=plan)


def _user_signer(domain: FieldElement) -> Signer:
    """L2 keys and signatures by the Rust core, for the load driver."""
    return Signer(
        derive_public_key=native.derive_public_key,
        sign=native.sign,
        hash_message=lambda word: native.poseidon([domain, word]),
    )


async def _drive(testnet: Testnet, load: Loads) -> None:
    """Load until as many batches as wanted are posted; the rest of the run only proves."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load.run)
        await testnet.watch.wait_until_sequenced(testnet.scenario.batches)
        nursery.cancel_scope.cancel()


async def _supervise(testnet: Testnet, display: Display) -> None:
    """A node may die, that is part of the game; without any sequencer or any prover there is no race."""
    lost: set[str] = set()
    while True:
        for name, child in testnet.children.items():
            if child.exit_code is None or name in lost:
                continue
            lost.add(name)
            display.say(f"{name} is gone (exit code {child.exit_code}); its log: {child.log_path}")
            if lost >= set(testnet.sequencers) or lost >= set(testnet.provers):
                raise child.lost("is gone")
        await trio.sleep(0.2)


async def _show(testnet: Testnet, display: Display) -> None:
    while True:
        await testnet.watch.wait_for_change()
        _show_now(testnet, display)


def _show_now(testnet: Testnet, display: Display, *, is_last: bool = False) -> None:
    statuses = {name: child.status() for name, child in testnet.provers.items()}
    display.show(testnet.watch.standings.rows(), statuses, is_last=is_last)


def _write_facts(testnet: Testnet) -> None:
    """testnet.json for people and scripts, and the scrape targets for Prometheus."""
    stage = testnet.stage
    write_marker(
        testnet.scenario,
        {
            "l1": testnet.anvil.url,
            "arbiter": "0x" + stage.parameters.address.hex(),
            "accounts": {name: "0x" + signer.address.hex() for name, signer in stage.signers.items()},
            "endpoints": testnet.endpoints,
            "pids": {name: child.pid for name, child in testnet.children.items()},
        },
    )
    targets = [
        {
            "targets": [endpoints["metrics"].removeprefix("http://").removesuffix("/metrics")],
            "labels": {"role": name.split("-")[0], "name": name},
        }
        for name, endpoints in testnet.endpoints.items()
    ]
    path: Path = testnet.scenario.data_dir / "prometheus-targets.json"
    path.write_text(json.dumps(targets, indent=1) + "\n")


async def _settle(testnet: Testnet, end: Snapshot) -> None:
    """Wait until every role has written down what L1 held at the end, but not for ever."""
    with trio.move_on_after(SETTLE_SECONDS):
        while not _has_settled(testnet, end):  # noqa: ASYNC110 (other processes write the files)
            await trio.sleep(SETTLE_POLL_SECONDS)


def _has_settled(testnet: Testnet, end: Snapshot) -> bool:
    living = [child.status() for child in testnet.children.values() if child.exit_code is None]
    provers = {name: child.status() for name, child in testnet.provers.items()}
    told = all(batch_entry(row, provers)["proof_seconds"] is not None for row in end.rows if row.finalized is not None)
    return told and all(status.get("finalized", 0) >= end.finalized for status in living)


async def _report(testnet: Testnet, load: Loads, end: Snapshot) -> dict[str, Any]:
    """Collect what every role and L1 say; anvil still runs, the roles have stopped."""
    return build_report(
        Evidence(
            rows=end.rows,
            finalized=end.finalized,
            finalized_root=end.finalized_root,
            provers={name: child.status() for name, child in testnet.provers.items()},
            sequencer=testnet.children["sequencer"].status(),
            load=load.summary(),
            gas=await gas_of(testnet.anvil.rpc, end.rows),
            settings=settings_summary(testnet.scenario),
            head_start=testnet.scenario.head_start,
        )
    )
