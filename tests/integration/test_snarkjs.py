"""snarkjs reads our files, proves with our key and extends it, and we take its keys back: down to the contract."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poe.assembly.chain import follow_arbiter, open_chain
from poe.assembly.deployment import deploy_with_key
from poe.assembly.prover import open_key
from poe.backend import native, snarkjs
from poe.backend.demo import demo_job
from poe.backend.interface import KeyInfo
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key, find_key, import_key
from poe.cli.app import app
from poe.config import L1Settings, ProverSettings, Settings
from poe.errors import BackendError, ConfigError
from poe.l1.anvil import Anvil
from poe.l1.deploy import Deployment, deploy_arbiter
from poe.l1.interface import Market as Terms
from poe.l1.interface import Submission
from poe.rollup.types import BatchNumber, FieldElement, Shape, Wei
from tests.integration.market import FUNDS, REWARD, Market, account, open_market

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(__file__).with_name("snarkjs")
SHAPE = Shape(slots=1, depth=2)
BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
"""Stands for a public value drawn after the last contribution, such as a block's hash."""
SECONDS = 600
PUBLIC_CHAIN = 8

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run() -> Run:
    """Runs snarkjs in a folder; its exit status and output."""
    program = TOOL / "node_modules" / ".bin" / "snarkjs"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not program.exists():
        pytest.skip("snarkjs is not installed: npm ci --ignore-scripts --prefix tests/integration/snarkjs")

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
        )

    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `poe circuit export --demo` writes."""
    folder = tmp_path_factory.mktemp("snarkjs") / "new"
    app(["circuit", "export", "--shape", str(SHAPE), "--out", str(folder), "--demo"], result_action="return_value")
    files = ["circuit.r1cs", "circuit.zkey", "demo.wtns", "proof.json", "public.json", "verification_key.json"]
    assert sorted(path.name for path in folder.iterdir()) == files
    return folder


@pytest.fixture(scope="module")
def contributed(exported: Path, run: Run) -> Path:
    """Our exported key after a contribution and a beacon by snarkjs."""
    one = run(exported, "zkey", "contribute", "circuit.zkey", "one.zkey", "--name=one", "-e=some text")
    assert one.returncode == 0, one.stdout
    two = run(exported, "zkey", "beacon", "one.zkey", "two.zkey", BEACON, "10", "--name=beacon")
    assert (exported / "two.zkey").exists(), two.stdout  # its status is 0 either way
    return exported / "two.zkey"


@pytest.fixture(scope="module")
def imported(contributed: Path, tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    return import_key(contributed, SHAPE, tmp_path_factory.mktemp("cache"))


def copy_with(source: Path, target: Path, position: int) -> None:
    """The file with one bit flipped."""
    data = bytearray(source.read_bytes())
    data[position] ^= 1
    target.write_bytes(data)


def test_it_reads_our_circuit_as_we_count_it(exported: Path, run: Run) -> None:
    circuit = native.circuit_info(SHAPE)
    done = run(exported, "r1cs", "info", "circuit.r1cs")
    assert done.returncode == 0
    assert f"# of Wires: {circuit.wires}" in done.stdout
    assert f"# of Constraints: {circuit.constraints}" in done.stdout
    assert f"# of Public Inputs: {circuit.public_inputs}" in done.stdout


def test_it_finds_our_witness_right_and_a_changed_one_wrong(exported: Path, run: Run) -> None:
    assert run(exported, "wtns", "check", "circuit.r1cs", "demo.wtns").returncode == 0
    copy_with(exported / "demo.wtns", exported / "changed.wtns", -64)
    assert run(exported, "wtns", "check", "circuit.r1cs", "changed.wtns").returncode != 0


def test_it_verifies_our_proof_and_no_other_inputs(exported: Path, run: Run) -> None:
    verify = ("groth16", "verify", "verification_key.json")
    assert run(exported, *verify, "public.json", "proof.json").returncode == 0
    inputs = json.loads((exported / "public.json").read_text())
    (exported / "other.json").write_text(json.dumps([inputs[0], inputs[1], str(int(inputs[2]) ^ 1)]))
    assert run(exported, *verify, "other.json", "proof.json").returncode != 0


def prove_with(run: Run, market: Market, number: BatchNumber, folder: Path, zkey: str) -> Submission:
    """snarkjs's own proof of a posted batch, verified natively and made a submission."""
    payee = account("prover").address
    job = market.job(number, payee)
    native.export_witness(job, folder / "batch.wtns")
    done = run(folder, "groth16", "prove", zkey, "batch.wtns", "its-proof.json", "its-public.json")
    assert done.returncode == 0, done.stdout
    words = snarkjs.read_proof((folder / "its-proof.json").read_text())
    inputs = snarkjs.read_public((folder / "its-public.json").read_text(), 3)
    native.verify_proof(market.parameters.verifying_key_words, inputs, words)
    batch, execution = market.batches[number]
    return Submission(
        number=number,
        batch=batch,
        old_root=execution.old_root,
        new_root=execution.new_root,
        payee=payee,
        tip=Wei(0),
        commitment=FieldElement(inputs[0]),
        proof_words=words,
        exits=execution.exits,
    )


async def test_the_arbiter_pays_for_its_proof_with_our_exported_key(exported: Path, run: Run) -> None:
    async with open_market(ensure_dev_key(SHAPE), SHAPE) as market:
        number = await market.post_deposits()
        submission = prove_with(run, market, number, exported, "circuit.zkey")
        await market.clients["rival"].submit_proof(submission)
        assert await market.clients["prover"].credit_of(account("prover").address) == REWARD
        assert await market.clients["prover"].state_root() == market.state.root


async def test_a_key_it_contributed_to_proves_and_is_verified_on_chain(
    imported: KeyInfo, exported: Path, run: Run
) -> None:
    async with open_market(imported, SHAPE) as market:
        number = await market.post_deposits()
        await market.clients["prover"].submit_proof(await market.prove(number, account("prover").address))
        assert await market.clients["prover"].finalized_number() == number
        second = await market.post([market.transfer(0, 0)])
        submission = prove_with(run, market, second, exported, "two.zkey")
        await market.clients["prover"].submit_proof(submission)
        assert await market.clients["prover"].finalized_number() == second
        follower = await follow_arbiter(market.anvil.url, market.parameters.address)
        settings = Settings(prover=ProverSettings(key_cache=str(imported.path.parent)))
        assert open_key(settings, follower.parameters) == imported


def test_the_imported_key_is_the_one_it_made(imported: KeyInfo, exported: Path, run: Run) -> None:
    assert run(exported, "zkey", "export", "verificationkey", "two.zkey", "its-key.json").returncode == 0
    theirs = json.loads((exported / "its-key.json").read_text())
    del theirs["vk_alphabeta_12"]  # e(alpha, beta), which it recomputes
    assert json.loads(snarkjs.verifying_key_json(imported.verifying_key_words)) == theirs
    ours = json.loads((exported / "verification_key.json").read_text())
    assert {name for name in ours if ours[name] != theirs[name]} == {"vk_delta_2"}


def test_contributions_to_a_published_phase_one_leave_the_key_insecure(imported: KeyInfo) -> None:
    assert imported.provenance == "insecure-dev"
    assert native.check_verifying_key(imported.verifying_key_words, imported.circuit)


def test_an_imported_key_is_found_by_its_verifying_key_and_no_other_is(imported: KeyInfo) -> None:
    cache = imported.path.parent
    assert find_key(SHAPE, imported.verifying_key_words, cache) == imported
    other = (*imported.verifying_key_words[:-1], imported.verifying_key_words[-1] ^ 1)
    assert find_key(SHAPE, other, cache).path != imported.path


def test_a_damaged_or_foreign_key_is_not_imported_and_leaves_nothing(contributed: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(BackendError, match=r"two\.zkey: the key is of another circuit: its wires differ"):
        import_key(contributed, Shape(slots=1, depth=1), cache)
    damaged = tmp_path / "damaged.zkey"
    copy_with(contributed, damaged, contributed.stat().st_size // 2)
    with pytest.raises(BackendError, match=r"^POE-BCK-001: .*damaged\.zkey: "):
        import_key(damaged, SHAPE, cache)
    assert [path.suffix for path in cache.iterdir()] == [".lock", ".lock"]


async def test_no_node_follows_an_arbiter_whose_key_is_published_on_a_public_chain(imported: KeyInfo) -> None:
    """Whatever the deployer claimed of it, and however many contributed to it."""
    async with Anvil(block_seconds=None, chain_id=PUBLIC_CHAIN) as anvil:
        sequencer = account("sequencer")
        await anvil.set_balance(sequencer.address, FUNDS)
        membership = ensure_dev_membership_key(SHAPE.depth)
        terms: dict[str, Any] = {"shape": SHAPE, "market": Terms(reward_wei=REWARD)}
        with pytest.raises(ConfigError, match="chain 8 is not a development chain"):
            await deploy_with_key(anvil.rpc, sequencer, imported, membership, **terms)
        liar = Deployment(
            membership_key_words=membership.verifying_key_words,
            membership_key_provenance="ceremony-7",
            membership_version=int.from_bytes(membership.circuit.hash),
            verifying_key_words=imported.verifying_key_words,
            key_provenance="ceremony-7",
            genesis_root=native.NativeState(SHAPE.depth, history=1).root,
            circuit_version=int.from_bytes(imported.circuit.hash),
            **terms,
        )
        parameters = await deploy_arbiter(anvil.rpc, sequencer, liar)
        address = "0x" + parameters.address.hex()
        settings = Settings(l1=L1Settings(rpc_url=anvil.url, arbiter=address, chain_id=PUBLIC_CHAIN))
        with pytest.raises(ConfigError, match=r"provenance is insecure-dev.*chain 8 is not a development chain"):
            await open_chain(settings)


def test_its_lock_file_names_no_host() -> None:
    """Whoever installs takes the packages from the registry of their own choice, checked by their hashes."""
    packages = json.loads((TOOL / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for path, package in packages.items() if path)


def sections(path: Path) -> dict[int, bytes]:
    """The sections of a file in iden3's container, by type."""
    data, found, at = path.read_bytes(), {}, 12
    while at < len(data):
        kind, length = struct.unpack_from("<IQ", data, at)
        found[kind] = data[at + 12 : at + 12 + length]
        at += 12 + length
    return found


@pytest.mark.long
@pytest.mark.timeout(3 * SECONDS)
def test_its_own_set_up_of_our_circuit_is_our_key_but_for_delta(run: Run, tmp_path: Path) -> None:
    """From the published phase 1: every point, the circuit's hash, and its verdict on the contributions."""
    app(
        ["circuit", "export", "--shape", str(SHAPE), "--out", str(tmp_path), "--phase-one"],
        result_action="return_value",
    )
    done = run(tmp_path, "groth16", "setup", "circuit.r1cs", "phase-one.ptau", "its.zkey")
    assert done.returncode == 0, done.stdout
    ours, its = sections(tmp_path / "circuit.zkey"), sections(tmp_path / "its.zkey")
    assert {kind for kind in ours if ours[kind] != its[kind]} == {2, 4, 8, 9}  # delta; order; over delta
    entries = [[part[at : at + 44] for at in range(4, len(part), 44)] for part in (ours[4], its[4])]
    assert sorted(entries[0]) == sorted(entries[1])
    with pytest.raises(BackendError, match="gamma = delta"):
        import_key(tmp_path / "its.zkey", SHAPE, tmp_path / "cache")


@pytest.mark.long
@pytest.mark.timeout(6 * SECONDS)
def test_the_documented_ceremony_gives_a_key_that_a_public_chain_takes(run: Run, tmp_path: Path) -> None:
    """Ten minutes on two busy cores, nearly all of it phase 1's preparation."""
    block = re.search(r"```sh\n(SHAPE=.*?)```", (ROOT / "docs" / "keys.md").read_text(), re.DOTALL)
    assert block
    programs = f"{TOOL / 'node_modules' / '.bin'}:{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    commands = block[1].replace(".venv/bin/poe", str(ROOT / ".venv" / "bin" / "poe"))
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        check=True,
        timeout=5 * SECONDS,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PATH": programs, "SHAPE": str(SHAPE), "POWER": "14", "XDG_CACHE_HOME": str(tmp_path)},
    )
    (path,) = (tmp_path / "poe" / "keys").glob("1x2-*-*.key")
    _, key = native.open_key_file(path)
    assert key.provenance == "ceremony-2"
    assert not native.check_verifying_key(key.verifying_key_words, key.circuit)
    native.prove(path, demo_job(SHAPE))
