"""Proving keys on disk, named by circuit hash, made once a machine.

Only the development key is made here: its secrets follow from a published seed, so its bytes are the same on every
machine and anyone can forge proofs for it. It says so inside the file, and deployment and nodes refuse it off
development chains. A ceremony's key is imported from snarkjs's `.zkey` and lies beside it (docs/keys.md).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from poe.backend import native
from poe.backend.demo import demo_job
from poe.backend.interface import CircuitInfo, KeyInfo
from poe.crypto.field import to_word
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
    path = folder / f"{_stem(shape, circuit)}.key"
    with _only_one(folder / f"{path.name}.lock"):
        if path.exists():
            try:
                return native.key_info(path, circuit)
            except BackendError:
                path.unlink()  # torn or of an older format: make it again
        native.setup_dev_key(shape, path)
    return native.key_info(path, circuit)


def import_key(zkey: Path, shape: Shape, cache: Path | None = None) -> KeyInfo:
    """The key of a ceremony's `.zkey`, checked, tried on a batch of our own making, and kept in the cache.

    BackendError names what is wrong with it; ToolError when the cache cannot be written.
    """
    folder = cache or default_cache()
    circuit = native.circuit_info(shape)
    new = folder / f"{_stem(shape, circuit)}.importing"
    with _only_one(folder / f"{new.name}.lock"):
        try:
            native.import_zkey(zkey, shape, new)
            _try_out(new, zkey, shape)
            words = native.key_info(new, circuit).verifying_key_words
            kept = imported_path(shape, circuit, words, folder)
            new.replace(kept)
        finally:
            new.unlink(missing_ok=True)
    return native.key_info(kept, circuit)


def _try_out(key: Path, zkey: Path, shape: Shape) -> None:
    try:
        native.prove(key, demo_job(shape))
    except BackendError as error:
        raise BackendError(f"{zkey}: no proof made with this key verifies: {error.message}") from error


def find_key(shape: Shape, words: Sequence[int], cache: Path | None = None) -> KeyInfo:
    """The imported key that belongs to these verifying key words, or else the development key of the shape."""
    folder = cache or default_cache()
    circuit = native.circuit_info(shape)
    imported = imported_path(shape, circuit, words, folder)
    return native.key_info(imported, circuit) if imported.exists() else ensure_dev_key(shape, cache)


def open_key_of(shape: Shape, path: Path) -> KeyInfo:
    """The key in a file; BackendError unless it is a good one of this shape."""
    found, key = native.open_key_file(path)
    if found != shape:
        raise BackendError(f"{path} is a key of shape {found}, wanted {shape}")
    return key


def imported_path(shape: Shape, circuit: CircuitInfo, words: Sequence[int], folder: Path) -> Path:
    """Where an imported key lies: named by circuit and by its verifying key."""
    return folder / f"{_stem(shape, circuit)}-{verifying_key_digest(words)[:16]}.key"


def verifying_key_digest(words: Sequence[int]) -> str:
    """SHA-256 of a verifying key's words, in hex."""
    return hashlib.sha256(b"".join(map(to_word, words))).hexdigest()


def _stem(shape: Shape, circuit: CircuitInfo) -> str:
    return f"{shape}-{circuit.hash.hex()[:16]}"


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
