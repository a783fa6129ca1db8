"""`poe circuit`: sizes of circuits, their keys, and exchange with snarkjs."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from poe.cli.bounds import require_between, require_memory
from poe.cli.parse import parse_shape
from poe.cli.run import run_native
from poe.errors import BackendError, InputError
from poe.rollup.types import Shape

if TYPE_CHECKING:
    from poe.backend.interface import KeyInfo

app = App(name="circuit", help="Circuits and their proving keys.")

DEFAULT_SHAPE = "4x5"
MAX_DEPTH = 24


def _chosen(shape: str | None, membership: int | None) -> Shape | int:
    """The batch circuit's shape or the membership circuit's depth; InputError where both are named."""
    if membership is None:
        parsed = parse_shape(DEFAULT_SHAPE if shape is None else shape)
        require_memory(parsed)
        return parsed
    if shape is not None:
        fix = "name one circuit: --shape a batch's, --membership an account's"
        raise InputError("--shape and --membership are given", fix=fix, code="POE-INP-040")
    require_between("membership", membership, 1, MAX_DEPTH)
    return membership


def _name(circuit: Shape | int) -> dict[str, object]:
    return {"shape": str(circuit)} if isinstance(circuit, Shape) else {"membership_depth": circuit}


def _dev_key(circuit: Shape | int, cache: Path | None) -> KeyInfo:
    from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key

    if isinstance(circuit, Shape):
        return run_native(partial(ensure_dev_key, circuit, cache))
    return run_native(partial(ensure_dev_membership_key, circuit, cache))


def _show(facts: dict[str, object], *, json: bool) -> None:
    print(json_module.dumps(facts, indent=1) if json else "\n".join(f"{k}: {v}" for k, v in facts.items()))


@app.command
def info(*, shape: str | None = None, membership: int | None = None, json: bool = False) -> None:
    """Print a circuit's size and hash.

    Parameters
    ----------
    shape
        Slots and tree depth of a batch circuit; default 4x5.
    membership
        Tree depth of the membership circuit, by which accounts leave in exit mode; instead of --shape.
    json
        Print JSON.
    """
    from poe.backend.native import circuit_info, membership_circuit_info

    chosen = _chosen(shape, membership)
    if isinstance(chosen, Shape):
        circuit = run_native(partial(circuit_info, chosen))
        per_slot = {"constraints_per_slot": circuit.constraints // chosen.slots}
    else:
        circuit = run_native(partial(membership_circuit_info, chosen))
        per_slot = {}
    facts = {
        **_name(chosen),
        "constraints": circuit.constraints,
        **per_slot,
        "wires": circuit.wires,
        "public_inputs": circuit.public_inputs,
        "hash": "0x" + circuit.hash.hex(),
    }
    _show(facts, json=json)


@app.command
def setup(*, shape: str | None = None, membership: int | None = None, cache: Path | None = None) -> None:
    """Make the development key of a circuit unless it is cached. INSECURE: its secrets follow from a published seed.

    Parameters
    ----------
    shape
        Slots and tree depth of a batch circuit; default 4x5.
    membership
        Tree depth of the membership circuit, by which accounts leave in exit mode; instead of --shape.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    key = _dev_key(_chosen(shape, membership), cache)
    print(f"{key.path} ({key.provenance})")


@app.command
def export(
    *,
    out: Path,
    shape: str | None = None,
    membership: int | None = None,
    demo: bool = False,
    phase_one: bool = False,
    cache: Path | None = None,
) -> None:
    """Write a circuit and its development key for snarkjs: circuit.r1cs, circuit.zkey, verification_key.json.

    Parameters
    ----------
    out
        Folder to write into; made if it is missing.
    shape
        Slots and tree depth of a batch circuit; default 4x5.
    membership
        Tree depth of the membership circuit, by which accounts leave in exit mode; instead of --shape.
    demo
        Write demo.wtns, proof.json and public.json of a demonstration batch, or account, too.
    phase_one
        Write phase-one.ptau too. INSECURE: its secrets are published, so are those of every key set up with it.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend import exchange

    chosen = _chosen(shape, membership)
    key = _dev_key(chosen, cache)
    if isinstance(chosen, Shape):
        circuit = partial(exchange.export_circuit, chosen, key, out)
        more = (partial(exchange.export_demo, chosen, key, out), partial(exchange.export_phase_one, chosen, out))
    else:
        circuit = partial(exchange.export_membership_circuit, chosen, key, out)
        more = (
            partial(exchange.export_membership_demo, chosen, key, out),
            partial(exchange.export_membership_phase_one, chosen, out),
        )
    written = run_native(circuit)
    for export_more, is_wanted in zip(more, (demo, phase_one), strict=True):
        written += run_native(export_more) if is_wanted else []
    print("\n".join(map(str, written)))


@app.command
def import_key(
    zkey: Path, /, *, shape: str | None = None, membership: int | None = None, cache: Path | None = None
) -> None:
    """Check a ceremony's key and keep it in the cache, from where provers and deployment take it.

    Parameters
    ----------
    zkey
        snarkjs's .zkey of this circuit.
    shape
        Slots and tree depth of a batch circuit; default 4x5.
    membership
        Tree depth of the membership circuit, by which accounts leave in exit mode; instead of --shape.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    """
    from poe.backend import keys

    chosen = _chosen(shape, membership)
    if isinstance(chosen, Shape):
        key = run_native(partial(keys.import_key, zkey, chosen, cache))
    else:
        key = run_native(partial(keys.import_membership_key, zkey, chosen, cache))
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
    from poe.backend.native import key_file_circuit, open_key_file, open_membership_key_file

    circuit: Shape | int
    if run_native(partial(key_file_circuit, file))[0]:
        circuit, key = run_native(partial(open_key_file, file))
    else:
        circuit, key = run_native(partial(open_membership_key_file, file))
    facts = {
        **_name(circuit),
        "circuit": "0x" + key.circuit.hash.hex(),
        "provenance": key.provenance,
        "verifying_key_sha256": verifying_key_digest(key.verifying_key_words),
    }
    _show(facts, json=json)


@app.command
def mutate(
    *,
    shape: str | None = None,
    membership: int | None = None,
    sample: int | None = None,
    seed: int = 1,
    json: bool = False,
) -> None:
    """Search the circuit for second witnesses: every wire and every hint changed, alone and with all that follows.

    A sound circuit has none; exits 1 if any mutation survives. All of 4x5 takes minutes on two cores.

    Parameters
    ----------
    shape
        Slots and tree depth of a batch circuit; default 4x5.
    membership
        Tree depth of the membership circuit, by which accounts leave in exit mode; instead of --shape.
    sample
        Wires and hints of each batch content to try; all without it.
    seed
        Seed of the batch contents and of random values.
    json
        Print JSON.
    """
    from poe.backend.native import mutate_circuit, mutate_membership_circuit

    for name, value, least in (("sample", sample, 1), ("seed", seed, 0)):
        if value is not None and not least <= value < 2**63:
            raise InputError(f"--{name} is {value}", fix=f"{least} to 2^63 - 1", code="POE-INP-041")
    chosen = _chosen(shape, membership)
    if isinstance(chosen, Shape):
        report = run_native(partial(mutate_circuit, chosen, seed=seed, sample=sample))
    elif sample is not None:
        raise InputError("--sample is for batches", fix="leave it out: all takes seconds", code="POE-INP-041")
    else:
        report = run_native(partial(mutate_membership_circuit, chosen, seed=seed))
    facts = {
        **_name(chosen),
        "wires": report.wires,
        "hints": report.hints,
        "mutations": report.mutations,
        "survivors": len(report.survivors),
        "examples": list(report.survivors[:20]),
    }
    _show(facts, json=json)
    if report.survivors:
        raise BackendError(f"{len(report.survivors)} mutations of the circuit survive", code="POE-BCK-020")
