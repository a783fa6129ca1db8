"""Prepares a testnet: folders, keys, funded accounts, the deployed arbiter, and one settings file a role."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from poe.assembly.deployment import deploy_with_key
from poe.backend.interface import KeyInfo
from poe.config import L1Settings, NetSettings, ProverSettings, SequencerSettings, Settings, WebSettings, dump_settings
from poe.l1.anvil import Anvil
from poe.l1.interface import ArbiterParameters
from poe.l1.keys import Signer, create_key
from poe.rollup.types import Wei
from poe.testnet.folder import MARKER
from poe.testnet.scenario import Scenario

FUNDS = Wei(10_000 * 10**18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A prepared testnet: the folders of every role by name, the accounts by name, the contract."""

    folders: Mapping[str, Path]
    signers: Mapping[str, Signer]
    parameters: ArbiterParameters
    key: KeyInfo


def role_names(scenario: Scenario) -> tuple[str, ...]:
    """Every process besides anvil."""
    others = (f"sequencer-{i}" for i in range(2, scenario.sequencers + 1))
    return ("sequencer", *others, *(f"prover-{i}" for i in range(1, scenario.provers + 1)), "observer")


async def prepare(scenario: Scenario, anvil: Anvil, key: KeyInfo, membership_key: KeyInfo) -> Stage:
    """Accounts, contract and settings; nothing of ours runs yet."""
    names = role_names(scenario)
    folders = {name: scenario.data_dir / name for name in names}
    signers = {}
    for name in (*names, "users"):
        folder = scenario.data_dir / name
        folder.mkdir()
        signers[name] = Signer(create_key(folder / "key"))
        await anvil.set_balance(signers[name].address, FUNDS)
    parameters = await deploy_with_key(
        anvil.rpc, signers["users"], key, membership_key, shape=scenario.shape,
        market=scenario.market, deadlines=scenario.deadlines, policy=scenario.policy,
    )  # fmt: skip
    return Stage(folders=folders, signers=signers, parameters=parameters, key=key)


def write_settings(scenario: Scenario, stage: Stage, anvil: Anvil, name: str, bootstrap: tuple[str, ...]) -> Path:
    """One role's settings file."""
    folder = stage.folders[name]
    settings = Settings(
        data_dir=str(folder),
        l1=L1Settings(
            rpc_url=anvil.url,
            chain_id=stage.parameters.chain_id,
            arbiter="0x" + stage.parameters.address.hex(),
            key_file=str(folder / "key"),
        ),
        net=NetSettings(enabled=scenario.hears_gossip(name), bootstrap=bootstrap),
        web=web_settings(scenario, stage) if name == "observer" else WebSettings(),
        sequencer=SequencerSettings(
            bond=True,
            head_start_seconds=scenario.head_start.seconds if scenario.head_start else 0.0,
            seal_seconds=scenario.seal_seconds,
            max_unproven_batches=scenario.max_unproven_batches,
        ),
        prover=ProverSettings(
            threads=scenario.prover_threads,
            strategy=scenario.strategy,
            start_jitter_seconds=scenario.start_jitter_seconds,
            key_cache=str(stage.key.path.parent),
            stake_wei=0 if scenario.policy is None else scenario.stake,
        ),
    )
    path = folder / "poe.toml"
    path.write_text(dump_settings(settings))
    return path


def web_settings(scenario: Scenario, stage: Stage) -> WebSettings:
    """The live page: on a port of its own, so that a browser finds it again when the observer is started anew."""
    provers = [str(folder) for name, folder in stage.folders.items() if name.startswith("prover-")]
    port = scenario.web_port or free_port()
    return WebSettings(enabled=scenario.web, port=port, report_folders=tuple(provers))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_marker(scenario: Scenario, facts: Mapping[str, Any]) -> None:
    """Replace the run's testnet.json."""
    (scenario.data_dir / MARKER).write_text(json.dumps(facts, indent=1) + "\n")


def settings_summary(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain values for the report."""
    facts: dict[str, Any] = msgspec.to_builtins(scenario, enc_hook=str)
    return facts | {"shape": str(scenario.shape)}
