"""What a role last told of itself, read for commands; poe.status holds the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CODES = {"prover": "POE-INP-043", "sequencer": "POE-INP-095"}


def read_role_status(data_dir: Path, role: str) -> dict[str, Any]:
    """The status of the prover or sequencer of a folder; InputError when the folder is none's."""
    from poe.errors import InputError
    from poe.status import read_status

    found = read_status(data_dir)
    if found is None or found.get("role") != role:
        fix = "name the folder that is data_dir in its settings"
        raise InputError(f"{data_dir} is no {role}'s data folder", fix=fix, code=CODES[role])
    return found
