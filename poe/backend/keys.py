"""Proving keys on disk, named by circuit hash, made once a machine.

Only the development key is made here: its secrets follow from a published seed, so its bytes are the same on every
machine and anyone can forge proofs for it. It says so inside the file, and deployment and nodes refuse it off
development chains. A ceremony's key is imported from snarkjs's `.zkey` and lies beside it (docs/keys.md).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poe.backend import native
from poe.backend.demo import demo_job, demo_state
from poe.backend.interface import CircuitInfo, KeyInfo
from poe.crypto.field import to_word
from poe.errors import BackendError, ToolError
from poe.rollup.types import AccountIndex, Shape


def default_cache() -> Path:
    """$XDG_CACHE_HOME/poe/keys, or ~/.cache/poe/keys."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "poe" / "keys"


def ensure_dev_key(shape: Shape, cache: Path | None = None) -> KeyInfo:
    """The development key of a shape, made if the cache does not hold a good one; waits while another makes it.

    ToolError when the cache cannot be written.
    """
    return _ensure_dev_key(_batch_family(shape), cache)


def ensure_dev_membership_key(depth: int, cache: Path | None = None) -> KeyInfo:
    """As `ensure_dev_key`, of the membership circuit of a tree of this depth."""
    return _ensure_dev_key(_membership_family(depth), cache)


def import_key(zkey: Path, shape: Shape, cache: Path | None = None) -> KeyInfo:
    """The key of a ceremony's `.zkey`, checked, tried on a batch of our own making, and kept in the cache.

    BackendError names what is wrong with it; ToolError when the cache cannot be written.
    """
    return _import_key(zkey, _batch_family(shape), cache)


def import_membership_key(zkey: Path, depth: int, cache: Path | None = None) -> KeyInfo:
    """As `import_key`, of the membership circuit, tried on an account of our own making."""
    return _import_key(zkey, _membership_family(depth), cache)


def find_key(shape: Shape, words: Sequence[int], cache: Path | None = None) -> KeyInfo:
    """The imported key that belongs to these verifying key words, or else the development key of the shape."""
    return _find_key(_batch_family(shape), words, cache)


def imported_key_path(shape: Shape, words: Sequence[int], cache: Path | None = None) -> Path:
    """Where the imported key of these verifying key words lies, if there is one."""
    return _batch_family(shape).imported_path(cache or default_cache(), words)


def find_membership_key(depth: int, words: Sequence[int], cache: Path | None = None) -> KeyInfo:
    """As `find_key`, of the membership circuit."""
    return _find_key(_membership_family(depth), words, cache)


def open_key_of(shape: Shape, path: Path) -> KeyInfo:
    """The key in a file; BackendError unless it is a good one of this shape."""
    found, key = native.open_key_file(path)
    if found != shape:
        raise BackendError(f"{path} is a key of shape {found}, wanted {shape}")
    return key


def open_membership_key_of(depth: int, path: Path) -> KeyInfo:
    """The key in a file; BackendError unless it is a good one of the membership circuit of this depth."""
    found, key = native.open_membership_key_file(path)
    if found != depth:
        raise BackendError(f"{path} is a membership key of depth {found}, wanted {depth}")
    return key


def verifying_key_digest(words: Sequence[int]) -> str:
    """SHA-256 of a verifying key's words, in hex."""
    return hashlib.sha256(b"".join(map(to_word, words))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """What the cache does alike for every circuit, and what differs."""

    name: str
    circuit: CircuitInfo
    set_up: Callable[[Path], None]
    read: Callable[[Path, CircuitInfo], KeyInfo]
    import_zkey: Callable[[Path, Path], None]
    try_out: Callable[[Path], object]

    def path(self, folder: Path, suffix: str) -> Path:
        """Where a key of this circuit lies: named by circuit hash."""
        return folder / f"{self.name}-{self.circuit.hash.hex()[:16]}{suffix}"

    def imported_path(self, folder: Path, words: Sequence[int]) -> Path:
        """Where an imported key lies: named by circuit and by its verifying key."""
        return self.path(folder, f"-{verifying_key_digest(words)[:16]}.key")


def _batch_family(shape: Shape) -> _Family:
    return _Family(
        name=str(shape),
        circuit=native.circuit_info(shape),
        set_up=lambda path: native.setup_dev_key(shape, path),
        read=native.key_info,
        import_zkey=lambda zkey, path: native.import_zkey(zkey, shape, path),
        try_out=lambda path: native.prove(path, demo_job(shape)),
    )


def _membership_family(depth: int) -> _Family:
    return _Family(
        name=f"membership-{depth}",
        circuit=native.membership_circuit_info(depth),
        set_up=lambda path: native.setup_dev_membership_key(depth, path),
        read=native.membership_key_info,
        import_zkey=lambda zkey, path: native.import_membership_zkey(zkey, depth, path),
        try_out=lambda path: native.prove_membership(path, demo_state(depth), AccountIndex(0)),
    )


def _ensure_dev_key(family: _Family, cache: Path | None) -> KeyInfo:
    folder = cache or default_cache()
    path = family.path(folder, ".key")
    with _only_one(folder / f"{path.name}.lock"):
        if path.exists():
            try:
                return family.read(path, family.circuit)
            except BackendError:
                path.unlink()  # torn, of an older format or of another circuit: make it again
        family.set_up(path)
    return family.read(path, family.circuit)


def _import_key(zkey: Path, family: _Family, cache: Path | None) -> KeyInfo:
    folder = cache or default_cache()
    new = family.path(folder, ".importing")
    with _only_one(folder / f"{new.name}.lock"):
        try:
            family.import_zkey(zkey, new)
            _try_out(new, zkey, family)
            kept = family.imported_path(folder, family.read(new, family.circuit).verifying_key_words)
            new.replace(kept)
        finally:
            new.unlink(missing_ok=True)
    return family.read(kept, family.circuit)


def _try_out(key: Path, zkey: Path, family: _Family) -> None:
    try:
        family.try_out(key)
    except BackendError as error:
        raise BackendError(f"{zkey}: no proof made with this key verifies: {error.message}") from error


def _find_key(family: _Family, words: Sequence[int], cache: Path | None) -> KeyInfo:
    imported = family.imported_path(cache or default_cache(), words)
    return family.read(imported, family.circuit) if imported.exists() else _ensure_dev_key(family, cache)


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
