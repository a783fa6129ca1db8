"""What this machine can bear, checked before anything starts: sizes, counts, and where a report goes."""

from __future__ import annotations

import os
from pathlib import Path

from poe.errors import InputError
from poe.rollup.types import Shape

CONSTRAINTS_PER_SLOT = 5_500
CONSTRAINTS_PER_SLOT_AND_LEVEL = 950
"""A straight line through the sizes of real circuits: good to a tenth, and free, where building one takes seconds."""
SETUP_BYTES_PER_CONSTRAINT = 2_500
"""Peak memory of making a key; a prover at work needs less."""
PROVER_BYTES = 200 * 2**20
"""A prover node and its proving process before they load a key."""


def estimated_constraints(shape: Shape) -> int:
    """About how many constraints a shape's circuit has."""
    return shape.slots * (CONSTRAINTS_PER_SLOT + CONSTRAINTS_PER_SLOT_AND_LEVEL * shape.depth)


def require_memory(shape: Shape, *, provers: int = 0) -> None:
    """InputError unless half of this machine's memory holds a shape's set-up, and that many provers of it."""
    setup = estimated_constraints(shape) * SETUP_BYTES_PER_CONSTRAINT
    wanted = max(setup, provers * (PROVER_BYTES + setup // 2))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory // 2:
        what = f"{provers} provers of shape {shape}" if wanted > setup else f"shape {shape}"
        raise InputError(
            f"{what} would need about {_gib(wanted)}, more than half of this machine's {_gib(memory)}",
            fix="take a smaller shape or fewer provers" if wanted > setup else "take a smaller shape",
            code="POE-INP-016",
        )


def require_between(name: str, value: float, least: float, most: float) -> None:
    """InputError unless the option's value is in the range; not-a-number never is."""
    if not least <= value <= most:
        fix = f"at least {least:g}" if value < least else f"at most {most:g}"
        raise InputError(f"--{name} is {value}", fix=fix, code="POE-INP-041")


def require_writable(name: str, path: Path) -> None:
    """InputError unless the option names a file that can be written, now rather than after the work is done."""
    folder = path.parent
    if path.is_dir():
        problem = "it is a folder"
    elif not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        problem = "permission denied"
    else:
        return
    raise InputError(f"--{name} {path} cannot be written: {problem}", fix="name another file", code="POE-INP-017")


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
