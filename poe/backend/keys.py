"""Proving keys on disk, named by circuit hash, made once a machine.

Only the development key is made here: its secrets follow from a published seed, so its bytes are the same on every
machine and anyone can forge proofs for it. It says so inside the file, and deployment refuses it off dev chains.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poe.backend import native
from poe.backend.interface import KeyInfo
from poe.errors import BackendError, ToolError
from poe.rollup.types import Shape


def default_cache() -> Path:
    """$XDG_CACHE_HOME/poe/keys, or ~/.cache/poe/keys."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "poe" / "keys"


def ensure_dev_key(shape: Shape, cache: Path | None = None) -> KeyInfo:
    """The development key of a shape, made if the cache does not hold a good one; waits while another makes it.

    ToolError when the cache cannot be written.
    """
    folder = cache or default_cache()
    circuit = native.circuit_info(shape)
    path = folder / f"{shape}-{circuit.hash.hex()[:16]}.key"
    with _only_one(folder / f"{path.name}.lock"):
        if path.exists():
            try:
                return native.key_info(path, circuit)
            except BackendError:
                path.unlink()  # torn or of an older format: make it again
        native.setup_dev_key(shape, path)
    return native.key_info(path, circuit)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("w")
    except OSError as error:
        raise ToolError(
            f"the key cache {lock.parent} cannot be written: {error.strerror}",
            fix="name another folder with prover.key_cache, --key-cache or --cache",
            code="POE-TOL-007",
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
