"""`poe doctor` on a real chain: all well on a right one, and each planted fault found by its check and code."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.assembly.deployment import deploy_with_key
from poe.backend import native
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key
from poe.cli import machine as local
from poe.cli.doctor import Role, doctor, examine
from poe.cli.findings import Finding, State, exit_code
from poe.cli.machine import Machine
from poe.config import dump_settings, load_settings
from poe.l1.anvil import Anvil
from poe.l1.deploy import deploy_arbiter
from poe.l1.interface import ArbiterParameters, Market
from poe.l1.keys import Signer, create_key
from poe.rollup.types import Shape, Wei
from tests.integration.test_l1_anvil import QUICK, deployment

pytestmark = pytest.mark.integration

SHAPE = Shape(slots=1, depth=1)
ETHER = Wei(10**18)
ROOMY = Machine(memory_free_bytes=64 * 2**30, cores=2, arithmetics=("ifma", "scalar"), now=0.0)


@dataclass(frozen=True, slots=True)
class World:
    """A chain with our arbiter, and the flags of a prover that lacks nothing."""

    anvil: Anvil
    arbiter: ArbiterParameters
    account: Signer
    folder: Path

    @property
    def flags(self) -> dict[str, Any]:
        return {
            "data_dir": str(self.folder / "data"),
            "l1.rpc_url": self.anvil.url,
            "l1.arbiter": "0x" + self.arbiter.address.hex(),
            "l1.key_file": str(self.folder / "key"),
        }


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    key, membership_key = ensure_dev_key(SHAPE), ensure_dev_membership_key(SHAPE.depth)
    account = Signer(create_key(tmp_path / "key"))
    async with Anvil(block_seconds=None) as anvil:
        await anvil.set_balance(account.address, ETHER)
        arbiter = await deploy_with_key(
            anvil.rpc, account, key, membership_key, shape=SHAPE, market=Market(reward_wei=10**15)
        )
        yield World(anvil, arbiter, account, tmp_path)


async def diagnosis(flags: dict[str, Any], role: Role = "prover") -> list[Finding]:
    return await trio.to_thread.run_sync(partial(examine, None, role=role, flags=flags))


def plant(monkeypatch: pytest.MonkeyPatch, **facts: object) -> None:
    """This machine is another one: roomy, except for these facts."""
    real_clock = local.look_at_machine().now
    shown = replace(ROOMY, **({"now": real_clock} | facts))  # type: ignore[arg-type]
    monkeypatch.setattr(local, "look_at_machine", lambda: shown)


async def test_where_all_is_well_it_says_so_and_each_planted_fault_is_found(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**40}))
    for role in ("prover", "sequencer", "observer"):
        healthy = await diagnosis(world.flags, role)
        assert {one.state for one in healthy} == {State.OK}, "\n".join(map(str, healthy))
        assert exit_code(healthy) == 0

    async def finds(check: str, code: str, role: Role = "prover", **changed: Any) -> None:
        found = await diagnosis(world.flags | {name.replace("__", "."): value for name, value in changed.items()}, role)
        assert [(one.check, one.code) for one in found if one.state is State.FAIL] == [(check, code)]
        assert all(one.fix for one in found if one.state is State.FAIL)
        assert exit_code(found) == 1

    open_key, other = tmp_path / "open", Signer(create_key(tmp_path / "other"))
    create_key(open_key)
    open_key.chmod(0o644)
    await world.anvil.set_balance(other.address, ETHER)
    await finds("endpoint", "POE-L1-002", l1__chain_id=1)
    await finds("endpoint", "POE-L1-001", l1__rpc_url="http://127.0.0.1:9")
    await finds("arbiter", "POE-L1-002", l1__arbiter="0x" + world.account.address.hex())
    await finds("account key", "POE-CFG-020", l1__key_file=str(tmp_path / "none"))
    await finds("account key", "POE-CFG-021", l1__key_file=str(open_key))
    await finds("arbiter", "POE-CFG-011", prover__tip_wei=10**15 + 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        await finds("ports", "POE-TOL-002", metrics__port=taken.getsockname()[1])
    await world.anvil.set_balance(other.address, Wei(0))
    await finds("balance", "POE-DOC-006", l1__key_file=str(tmp_path / "other"))

    plant(monkeypatch, memory_free_bytes=2**20)
    await finds("memory", "POE-DOC-003")
    plant(monkeypatch, now=local.look_at_machine().now - 3600)
    await finds("clock", "POE-DOC-005")


async def test_an_arbiter_of_another_circuit_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    ours = native.circuit_info(SHAPE)
    monkeypatch.setattr(native, "circuit_info", lambda _: replace(ours, hash=bytes(31) + b"\x07"))
    found = await diagnosis(world.flags)
    assert [(one.check, one.code) for one in found if one.state is State.FAIL] == [("circuits", "POE-BCK-002")]
    assert next(one for one in found if one.check == "proving key").state is State.SKIP


async def test_the_account_of_a_few_proofs_is_a_warning(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    price = int(str(await world.anvil.rpc.call("eth_gasPrice")), 16)
    await world.anvil.set_balance(world.account.address, Wei(5 * 310_000 * price + 1))
    found = await diagnosis(world.flags)
    balance = next(one for one in found if one.check == "balance")
    assert (balance.state, balance.code) == (State.WARN, "POE-DOC-006")
    assert " 5 proofs left " in balance.what
    assert os.listdir(world.folder) == ["key"], "a check-up leaves nothing behind"


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault: what it is called, and the check and code that find it."""

    name: str
    check: str
    code: str


TEN = (
    Planted("wrong chain", "endpoint", "POE-L1-002"),
    Planted("EOA as contract", "arbiter", "POE-L1-002"),
    Planted("empty wallet", "balance", "POE-DOC-006"),
    Planted("port taken", "ports", "POE-TOL-002"),
    Planted("missing key", "account key", "POE-CFG-020"),
    Planted("world-readable keystore", "account key", "POE-CFG-021"),
    Planted("wrong circuit hash", "circuits", "POE-BCK-002"),
    Planted("low memory", "memory", "POE-DOC-003"),
    Planted("dead RPC", "endpoint", "POE-L1-001"),
    Planted("clock skew", "clock", "POE-DOC-005"),
)


async def plant_one(name: str, world: World, folder: Path, undo: ExitStack) -> dict[str, Any]:
    """Make one thing wrong, on the chain, on disk or on this machine; the settings that go with it."""
    match name:
        case "wrong chain":
            return {"l1.chain_id": 1}
        case "EOA as contract":
            return {"l1.arbiter": "0x" + world.account.address.hex()}
        case "empty wallet":
            create_key(folder / "poor")
            return {"l1.key_file": str(folder / "poor")}
        case "port taken":
            taken = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
            return {"metrics.port": taken.getsockname()[1]}
        case "missing key":
            return {"l1.key_file": str(folder / "none")}
        case "world-readable keystore":
            create_key(folder / "open")
            (folder / "open").chmod(0o644)
            return {"l1.key_file": str(folder / "open")}
        case "wrong circuit hash":
            other = await deploy_arbiter(world.anvil.rpc, world.account, deployment(), patience=QUICK)
            return {"l1.arbiter": "0x" + other.address.hex()}
        case "low memory":
            (folder / "meminfo").write_text("MemTotal: 4096 kB\nMemAvailable: 2048 kB\n")
            patch = undo.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(local, "MEMINFO", folder / "meminfo")
            return {}
        case "dead RPC":
            return {"l1.rpc_url": "http://127.0.0.1:9"}
        case "clock skew":
            await world.anvil.rpc.call("evm_setNextBlockTimestamp", hex(int(time.time()) + 3600))
            await world.anvil.mine()
            return {}
    raise AssertionError(name)


def run_doctor(config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    """Its exit code and findings, as a script would read them."""
    with pytest.raises(SystemExit) as ended:
        doctor(config=config, json=True)
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == told["exit_code"]
    return told["exit_code"], told["findings"]


async def test_each_of_ten_planted_faults_is_found_with_its_fix_and_exit_code_1(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One by one, each on a machine, account and chain where everything else is right; the chain's come last."""
    assert len({planted.name for planted in TEN}) == 10
    for number, planted in enumerate(TEN):
        with ExitStack() as undo:
            (folder := tmp_path / str(number)).mkdir()
            flags = world.flags | await plant_one(planted.name, world, folder, undo)
            (config := folder / "poe.toml").write_text(dump_settings(load_settings(None, environment={}, flags=flags)))
            code, findings = await trio.to_thread.run_sync(partial(run_doctor, config, capsys))
        failed = [(one["check"], one["code"]) for one in findings if one["state"] == "fail"]
        assert (planted.name, failed) == (planted.name, [(planted.check, planted.code)])
        assert code == 1
        assert all(one["fix"] for one in findings if one["state"] in ("fail", "warn")), planted.name
