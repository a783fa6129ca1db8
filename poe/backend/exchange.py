"""The files that other Groth16 programs take and give, written into a folder (docs/keys.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poe.backend import native, snarkjs
from poe.backend.demo import demo_job, demo_state
from poe.backend.interface import KeyInfo
from poe.errors import ToolError
from poe.rollup import membership
from poe.rollup.types import AccountIndex, Shape

CIRCUIT, KEY, VERIFYING_KEY = "circuit.r1cs", "circuit.zkey", "verification_key.json"
WITNESS, PROOF, PUBLIC = "demo.wtns", "proof.json", "public.json"
PHASE_ONE = "phase-one.ptau"


def export_circuit(shape: Shape, key: KeyInfo, folder: Path) -> list[Path]:
    """The circuit, its development key and `key`'s verifying half; the paths written. ToolError, BackendError."""
    _make(folder)
    native.export_circuit(shape, r1cs=folder / CIRCUIT, zkey=folder / KEY)
    return [folder / CIRCUIT, folder / KEY, _write_verifying_key(key, folder)]


def export_membership_circuit(depth: int, key: KeyInfo, folder: Path) -> list[Path]:
    """As `export_circuit`, of the membership circuit."""
    _make(folder)
    native.export_membership_circuit(depth, r1cs=folder / CIRCUIT, zkey=folder / KEY)
    return [folder / CIRCUIT, folder / KEY, _write_verifying_key(key, folder)]


def export_demo(shape: Shape, key: KeyInfo, folder: Path) -> list[Path]:
    """Witness, `key`'s proof and public inputs of a demonstration batch; the paths written. ToolError, BackendError."""
    job = demo_job(shape)
    native.export_witness(job, folder / WITNESS)
    proof = native.prove(key.path, job)
    return [folder / WITNESS, *_write_proof(proof.words, (proof.commitment, proof.x, proof.y), folder)]


def export_membership_demo(depth: int, key: KeyInfo, folder: Path) -> list[Path]:
    """As `export_demo`, of the one account of a demonstration state."""
    state, account = demo_state(depth), AccountIndex(0)
    native.export_membership_witness(state.membership(account), folder / WITNESS)
    proof = native.prove_membership(key.path, state, account)
    inputs = membership.public_inputs(proof.root, proof.account, proof.exit_address, proof.balance)
    return [folder / WITNESS, *_write_proof(proof.words, inputs, folder)]


def export_phase_one(shape: Shape, folder: Path) -> list[Path]:
    """The development key's phase 1; the path written. BackendError."""
    native.export_phase_one(shape, folder / PHASE_ONE)
    return [folder / PHASE_ONE]


def export_membership_phase_one(depth: int, folder: Path) -> list[Path]:
    """As `export_phase_one`, of the membership circuit."""
    native.export_membership_phase_one(depth, folder / PHASE_ONE)
    return [folder / PHASE_ONE]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write_verifying_key(key: KeyInfo, folder: Path) -> Path:
    return _write(folder / VERIFYING_KEY, snarkjs.verifying_key_json(key.verifying_key_words))


def _write_proof(words: Sequence[int], inputs: Sequence[int], folder: Path) -> list[Path]:
    return [
        _write(folder / PROOF, snarkjs.proof_json(words)),
        _write(folder / PUBLIC, snarkjs.public_json(inputs)),
    ]


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> ToolError:
    return ToolError(f"{path} cannot be written: {error.strerror}", fix="name another folder", code="POE-TOL-007")
