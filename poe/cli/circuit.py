"""`poe circuit`: sizes of circuits, and development keys."""

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
