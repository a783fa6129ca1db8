"""Proofs by prepared tables and kernels, in this process (docs/performance.md)."""

from __future__ import annotations

from pathlib import Path

from poe import _core
from poe.backend.interface import Proof, ProofJob
from poe.backend.native import proof_of, refused_as
from poe.errors import BackendError

StopFlag = _core.StopFlag
"""Ends a proof from another thread."""


class FastProver:
    """A key made ready to prove fast, in this process. `arithmetic` and `tables`: what "auto" came to.

    BackendError when the key is not right, or the machine lacks the arithmetic.
    """

    def __init__(self, key_path: Path, *, threads: int, tables: str = "auto", arithmetic: str = "auto") -> None:
        with refused_as(BackendError):
            key = _core.ProvingKey.load(str(key_path), tables=tables, arithmetic=arithmetic, threads=threads)
        self.arithmetic = key.arithmetic or ""
        self.tables = key.tables or ""
        self.table_bytes = key.table_bytes
        self.is_mapped = key.is_mapped
        self._key = key
        self._threads = threads

    def prove(self, job: ProofJob, stop: StopFlag | None = None) -> Proof | None:
        """Prove and self-check; None once the flag is set. Blocks; the GIL is free meanwhile."""
        try:
            with refused_as(BackendError):
                return proof_of(self._key.prove(job.trace, job.statement, self._threads, stop))
        except _core.Stopped:
            return None


def arithmetics() -> list[str]:
    """What this machine can prove with, the fastest first."""
    return _core.arithmetics()
