"""The files that other Groth16 programs take and give, written into a folder (docs/keys.md)."""

from __future__ import annotations

from pathlib import Path

from poe.backend import native, snarkjs
from poe.backend.demo import demo_job
from poe.backend.interface import KeyInfo
from poe.errors import ToolError
from poe.rollup.types import Shape

CIRCUIT, KEY, VERIFYING_KEY = "circuit.r1cs", "circuit.zkey", "verification_key.json"
WITNESS, PROOF, PUBLIC = "demo.wtns", "proof.json", "public.json"
PHASE_ONE = "phase-one.ptau"


def export_circuit(shape: Shape, key: KeyInfo, folder: Path) -> list[Path]:
    """The circuit, its development key and `key`'s verifying half; the paths written. ToolError, BackendError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    native.export_circuit(shape, r1cs=folder / CIRCUIT, zkey=folder / KEY)
    text = snarkjs.verifying_key_json(key.verifying_key_words)
    return [folder / CIRCUIT, folder / KEY, _write(folder / VERIFYING_KEY, text)]


def export_demo(shape: Shape, key: KeyInfo, folder: Path) -> list[Path]:
    """Witness, `key`'s proof and public inputs of a demonstration batch; the paths written. ToolError, BackendError."""
    job = demo_job(shape)
    native.export_witness(job, folder / WITNESS)
    proof = native.prove(key.path, job)
    inputs = (proof.commitment, proof.x, proof.y)
    return [
        folder / WITNESS,
        _write(folder / PROOF, snarkjs.proof_json(proof.words)),
        _write(folder / PUBLIC, snarkjs.public_json(inputs)),
    ]


def export_phase_one(shape: Shape, folder: Path) -> list[Path]:
    """The development key's phase 1; the path written. BackendError."""
    native.export_phase_one(shape, folder / PHASE_ONE)
    return [folder / PHASE_ONE]


def _write(path: Path, text: str) -> Path:
    try:
        path.write_text(text + "\n")
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def _unwritable(path: Path, error: OSError) -> ToolError:
    return ToolError(f"{path} cannot be written: {error.strerror}", fix="name another folder", code="POE-TOL-007")
