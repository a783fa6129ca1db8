"""`poe circuit`: sizes of circuits, their keys, and exchange with snarkjs."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path

from cyclopts import App

from poe.cli.bounds import require_memory
from poe.cli.parse import parse_shape
from poe.cli.run import run_native

app = App(name="circuit", help="Circuits and their proving keys.")


@app.command
def info(*, shape: str = "4x5", json: bool = False) -> None:
    """Print a circuit's size and hash.

    Parameters
    ----------
    shape
        Slots and tree depth, such as 4x5.
    json
        Print JSON.
    """
    from poe.backend.native import circuit_info

    parsed = parse_shape(shape)
    require_memory(parsed)
    circuit = run_native(partial(circuit_info, parsed))
    facts = {
        "shape": str(parsed),
        "constraints": circuit.constraints,
        "constraints_per_slot": circuit.constraints // parsed.slots,
        "wires": circuit.wires,
        "public_inputs": circuit.public_inputs,
        "hash": "0x" + circuit.hash.hex(),
    }
    print(json_module.dumps(facts, indent=1) if json else "\n".join(f"{k}: {v}" for k, v in facts.items()))


@app.command
def setup(*, shape: str = "4x5", cache: Path | None = None) -> None:
    """Make the development key of a shape unless it is cached. INSECURE: its secrets follow from a published seed.

    Parameters
    ----------
    shape
        Slots and tree depth, such as 4x5.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend.keys import ensure_dev_key

    parsed = parse_shape(shape)
    require_memory(parsed)
    key = run_native(partial(ensure_dev_key, parsed, cache))
    print(f"{key.path} ({key.provenance})")


@app.command
def export(
    *, out: Path, shape: str = "4x5", demo: bool = False, phase_one: bool = False, cache: Path | None = None
) -> None:
    """Write a circuit and its development key for snarkjs: circuit.r1cs, circuit.zkey, verification_key.json.

    Parameters
    ----------
    out
        Folder to write into; made if it is missing.
    shape
        Slots and tree depth, such as 4x5.
    demo
        Write demo.wtns, proof.json and public.json of a demonstration batch too.
    phase_one
        Write phase-one.ptau too. INSECURE: its secrets are published, so are those of every key set up with it.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend.exchange import export_circuit, export_demo, export_phase_one
    from poe.backend.keys import ensure_dev_key

    parsed = parse_shape(shape)
    require_memory(parsed)
    key = run_native(partial(ensure_dev_key, parsed, cache))
    written = run_native(partial(export_circuit, parsed, key, out))
    if demo:
        written += run_native(partial(export_demo, parsed, key, out))
    if phase_one:
        written += run_native(partial(export_phase_one, parsed, out))
    print("\n".join(map(str, written)))


@app.command
def import_key(zkey: Path, /, *, shape: str = "4x5", cache: Path | None = None) -> None:
    """Check a ceremony's key and keep it in the cache, from where provers and deployment take it.

    Parameters
    ----------
    zkey
        snarkjs's .zkey of this shape's circuit.
    shape
        Slots and tree depth, such as 4x5.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend.keys import import_key as import_into_cache

    parsed = parse_shape(shape)
    require_memory(parsed)
    key = run_native(partial(import_into_cache, zkey, parsed, cache))
    print(f"{key.path} ({key.provenance})")


@app.command
def check_key(file: Path, /, *, json: bool = False) -> None:
    """Read a key file whole, check it, and say what it is.

    Parameters
    ----------
    file
        A key file, as `setup` and `import-key` write it.
    json
        Print JSON.
    """
    from poe.backend.keys import verifying_key_digest
    from poe.backend.native import open_key_file

    shape, key = run_native(partial(open_key_file, file))
    facts = {
        "shape": str(shape),
        "circuit": "0x" + key.circuit.hash.hex(),
        "provenance": key.provenance,
        "verifying_key_sha256": verifying_key_digest(key.verifying_key_words),
    }
    print(json_module.dumps(facts, indent=1) if json else "\n".join(f"{k}: {v}" for k, v in facts.items()))


@app.command
def mutate(*, shape: str = "4x5", sample: int | None = None, seed: int = 1, json: bool = False) -> None:
    """Search the circuit for second witnesses: every wire and every hint changed, alone and with all that follows.

    A sound circuit has none; exits 1 if any mutation survives. All of 4x5 takes minutes on two cores.

    Parameters
    ----------
    shape
        Slots and tree depth, such as 4x5.
    sample
        Wires and hints of each batch content to try; all without it.
    seed
        Seed of the batch contents and of random values.
    json
        Print JSON.
    """
    from poe.backend.native import mutate_circuit
    from poe.errors import BackendError, InputError

    for name, value, least in (("sample", sample, 1), ("seed", seed, 0)):
        if value is not None and not least <= value < 2**63:
            raise InputError(f"--{name} is {value}", fix=f"{least} to 2^63 - 1", code="POE-INP-021")
    parsed = parse_shape(shape)
    require_memory(parsed)
    report = run_native(partial(mutate_circuit, parsed, seed=seed, sample=sample))
    facts = {
        "shape": str(parsed),
        "wires": report.wires,
        "hints": report.hints,
        "mutations": report.mutations,
        "survivors": len(report.survivors),
        "examples": list(report.survivors[:20]),
    }
    print(json_module.dumps(facts, indent=1) if json else "\n".join(f"{k}: {v}" for k, v in facts.items()))
    if report.survivors:
        raise BackendError(f"{len(report.survivors)} mutations of the circuit survive", code="POE-BCK-020")
