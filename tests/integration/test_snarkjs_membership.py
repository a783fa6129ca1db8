"""snarkjs reads the membership circuit's files, proves with its key and extends it, and we take its keys back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poe.backend import native, snarkjs
from poe.backend.demo import demo_state
from poe.backend.interface import KeyInfo
from poe.backend.keys import find_membership_key, import_membership_key
from poe.cli.app import app
from poe.errors import BackendError
from poe.rollup.types import AccountIndex

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(__file__).with_name("snarkjs")
DEPTH = 2
BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
SECONDS = 300

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `poe circuit export --membership --demo --phase-one` writes."""
    folder = tmp_path_factory.mktemp("snarkjs")
    arguments = ["--membership", str(DEPTH), "--out", str(folder), "--cache", str(folder / "keys")]
    app(["circuit", "export", *arguments, "--demo", "--phase-one"], result_action="return_value")
    return folder


@pytest.fixture(scope="module")
def run(exported: Path) -> Run:
    """Runs snarkjs on the exported files; its exit status and output."""
    program = TOOL / "node_modules" / ".bin" / "snarkjs"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not program.exists():
        pytest.skip("snarkjs is not installed: npm ci --ignore-scripts --prefix tests/integration/snarkjs")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=exported, capture_output=True, text=True, check=False, timeout=SECONDS
        )

    return run


@pytest.fixture(scope="module")
def imported(exported: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    """Our exported key after a contribution and a beacon by snarkjs, taken back."""
    one = run("zkey", "contribute", "circuit.zkey", "one.zkey", "--name=one", "-e=some text")
    assert one.returncode == 0, one.stdout
    two = run("zkey", "beacon", "one.zkey", "two.zkey", BEACON, "10", "--name=beacon")
    assert (exported / "two.zkey").exists(), two.stdout  # its status is 0 either way
    return import_membership_key(exported / "two.zkey", DEPTH, tmp_path_factory.mktemp("cache"))


def test_it_reads_our_circuit_as_we_count_it(run: Run) -> None:
    circuit = native.membership_circuit_info(DEPTH)
    done = run("r1cs", "info", "circuit.r1cs")
    assert done.returncode == 0
    assert f"# of Wires: {circuit.wires}" in done.stdout
    assert f"# of Constraints: {circuit.constraints}" in done.stdout
    assert f"# of Public Inputs: {circuit.public_inputs}" in done.stdout


def test_it_finds_our_witness_right_and_verifies_our_proof(exported: Path, run: Run) -> None:
    assert run("wtns", "check", "circuit.r1cs", "demo.wtns").returncode == 0
    verify = ("groth16", "verify", "verification_key.json")
    assert run(*verify, "public.json", "proof.json").returncode == 0
    root, holder, balance = json.loads((exported / "public.json").read_text())
    assert int(root) == demo_state(DEPTH).root
    (exported / "other.json").write_text(json.dumps([root, str(int(holder) + 2**160), balance]))
    assert run(*verify, "other.json", "proof.json").returncode != 0


def test_its_proof_by_a_key_it_contributed_to_is_ours_to_verify(exported: Path, run: Run, imported: KeyInfo) -> None:
    done = run("groth16", "prove", "two.zkey", "demo.wtns", "its-proof.json", "its-public.json")
    assert done.returncode == 0, done.stdout
    words = snarkjs.read_proof((exported / "its-proof.json").read_text())
    inputs = snarkjs.read_public((exported / "its-public.json").read_text(), 3)
    native.verify_proof(imported.verifying_key_words, inputs, words)
    assert snarkjs.public_json(inputs) == (exported / "public.json").read_text().strip()


def test_the_key_it_extended_proves_here_and_is_found_by_its_words(imported: KeyInfo) -> None:
    assert imported.provenance == "insecure-dev"  # phase 1 is still the published one
    assert find_membership_key(DEPTH, imported.verifying_key_words, imported.path.parent) == imported
    proof = native.prove_membership(imported.path, demo_state(DEPTH), AccountIndex(0))
    assert proof.root == demo_state(DEPTH).root


@pytest.mark.long
@pytest.mark.timeout(3 * SECONDS)
def test_its_own_set_up_is_refused_before_phase_two_and_taken_after(exported: Path, run: Run, tmp_path: Path) -> None:
    done = run("groth16", "setup", "circuit.r1cs", "phase-one.ptau", "its.zkey")
    assert done.returncode == 0, done.stdout
    with pytest.raises(BackendError, match="gamma = delta"):
        import_membership_key(exported / "its.zkey", DEPTH, tmp_path)
    done = run("zkey", "contribute", "its.zkey", "last.zkey", "--name=one", "-e=some text")
    assert done.returncode == 0, done.stdout
    verified = run("zkey", "verify", "circuit.r1cs", "phase-one.ptau", "last.zkey")
    assert "ZKey Ok!" in verified.stdout, verified.stdout
    key = import_membership_key(exported / "last.zkey", DEPTH, tmp_path)
    assert key.provenance == "insecure-dev"  # the phase 1 is published, whoever contributed to phase 2


@pytest.mark.long
@pytest.mark.timeout(4 * SECONDS)
@pytest.mark.usefixtures("run")
def test_the_documented_ceremony_gives_a_key_whose_secrets_nobody_published(tmp_path: Path) -> None:
    """As docs/keys.md says: the commands of a batch's ceremony with `--membership` for `--shape`."""
    block = re.search(r"```sh\n(SHAPE=.*?)```", (ROOT / "docs" / "keys.md").read_text(), re.DOTALL)
    assert block
    commands = block[1].replace(".venv/bin/poe", f"{sys.executable} -m poe")
    assert commands.count('--shape "$SHAPE"') == 2
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands.replace('--shape "$SHAPE"', f"--membership {DEPTH}")],
        cwd=tmp_path,
        check=True,
        timeout=3 * SECONDS,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PATH": f"{TOOL / 'node_modules' / '.bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "POWER": "12",
            "XDG_CACHE_HOME": str(tmp_path),
        },
    )
    (path,) = (tmp_path / "poe" / "keys").glob("membership-2-*-*.key")
    _, key = native.open_membership_key_file(path)
    assert key.provenance == "ceremony-2"
    assert not native.check_verifying_key(key.verifying_key_words, key.circuit)
    native.prove_membership(path, demo_state(DEPTH), AccountIndex(0))
