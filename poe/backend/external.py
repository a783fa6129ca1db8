"""Proofs by any other Groth16 program: it gets a `.zkey` and a `.wtns` and leaves a proof.json and a public.json.

Nothing that it says is believed: its proof is checked against the arbiter's verifying key and against the statement
before anybody pays gas for it.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import trio

from poe.backend import native, snarkjs
from poe.backend.interface import Proof, ProofJob
from poe.errors import BackendError, ConfigError, InputError
from poe.rollup import statement
from poe.rollup.types import FieldElement

PLACEHOLDERS = ("zkey", "wtns", "proof", "public")
PUBLIC_INPUTS = 3
REAP_SECONDS = 5.0
TOLD_CHARACTERS = 500
CODE = "POE-BCK-030"


class ExternalProofs:
    """A ProofBackend that runs a program once a proof.

    `command` are its words, with `{zkey}`, `{wtns}`, `{proof}` and `{public}` where the files' paths belong.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        zkey: Path,
        verifying_key_words: Sequence[int],
        folder: Path,
        deadline_seconds: float,
        on_killed: Callable[[float], None],
    ) -> None:
        require_placeholders(command)
        self._command = list(command)
        self._zkey = zkey
        self._verifying_key_words = tuple(verifying_key_words)
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self._on_killed = on_killed
        self._lock = trio.Lock()
        self._core_seconds_before = _children_core_seconds()

    @property
    def core_seconds(self) -> float:
        """CPU seconds of the programs that have ended."""
        return _children_core_seconds() - self._core_seconds_before

    async def warm(self) -> None:
        """Nothing to do: the program starts with each proof."""
        await trio.lowlevel.checkpoint()

    async def prove(self, job: ProofJob) -> Proof:
        """Prove and check; cancelled, the program and all that it started are killed."""
        async with self._lock:
            with tempfile.TemporaryDirectory(prefix="proof-", dir=self._folder) as name:
                files = {part: Path(name) / file for part, file in _FILES.items()} | {"zkey": self._zkey}
                started = time.perf_counter()
                await trio.to_thread.run_sync(native.export_witness, job, files["wtns"])
                witnessed = time.perf_counter()
                await self._run(files)
                proved = time.perf_counter()
                words, inputs = _read(files)
                await trio.to_thread.run_sync(self._check, job, inputs, words)
                checked = time.perf_counter()
        commitment, x, y = (FieldElement(value) for value in inputs)
        return Proof(
            commitment=commitment,
            x=x,
            y=y,
            words=words,
            witness_seconds=witnessed - started,
            prove_seconds=proved - witnessed,
            verify_seconds=checked - proved,
        )

    async def _run(self, files: dict[str, Path]) -> None:
        """The program, in a process group of its own; BackendError unless it ends well in time."""
        words = [word.format(**files) for word in self._command]
        with (files["wtns"].parent / "output.log").open("w+b") as log:
            try:
                process = await trio.lowlevel.open_process(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise BackendError(f"{words[0]} cannot be started: {error.strerror}", code=CODE) from error
            with trio.move_on_after(self._deadline_seconds) as deadline:
                try:
                    await process.wait()
                finally:
                    await self._end(process)
            if deadline.cancelled_caught:
                raise BackendError(f"{words[0]} made no proof in {self._deadline_seconds:g} s", code=CODE)
            if process.returncode != 0:
                log.seek(0)
                said = log.read()[-TOLD_CHARACTERS:].decode(errors="replace")
                raise BackendError(f"{words[0]} ended with {process.returncode}: {' '.join(said.split())}", code=CODE)

    async def _end(self, process: trio.Process) -> None:
        """Kill the whole group; whatever the program started must not go on proving."""
        if process.poll() is not None:
            return
        started = time.monotonic()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + REAP_SECONDS):
            await process.wait()
        self._on_killed(time.monotonic() - started)

    def _check(self, job: ProofJob, inputs: Sequence[int], words: Sequence[int]) -> None:
        commitment, x, y = inputs
        if x != statement.challenge(FieldElement(commitment), job.statement):
            raise BackendError("the external program's public inputs are of another statement", code=CODE)
        if y != statement.evaluate(job.statement, FieldElement(x)):
            raise BackendError("the external program's public inputs contradict the statement", code=CODE)
        native.verify_proof(self._verifying_key_words, inputs, words)


_FILES = {"wtns": "witness.wtns", "proof": "proof.json", "public": "public.json"}


def require_placeholders(command: Sequence[str]) -> None:
    """ConfigError unless the command names a program and each file exactly where a path can be put."""
    text = "\0".join(command)
    missing = [name for name in PLACEHOLDERS if f"{{{name}}}" not in text]
    try:
        text.format(**dict.fromkeys(PLACEHOLDERS, ""))
        unknown = False
    except (KeyError, IndexError, ValueError):
        unknown = True
    if not command or missing or unknown:
        wanted = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ConfigError(
            "prover.external_command does not say where the files go",
            fix=f"a program and its words, with {wanted} among them",
            code="POE-CFG-014",
        )


def _read(files: dict[str, Path]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The proof's words and the public inputs that the program wrote."""
    try:
        text = {part: _short_text(files[part]) for part in ("proof", "public")}
        return snarkjs.read_proof(text["proof"]), snarkjs.read_public(text["public"], PUBLIC_INPUTS)
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise BackendError(f"the external program left no proof: {error}", code=CODE) from error


def _short_text(path: Path) -> str:
    if not path.is_file():  # a pipe would make us wait
        raise FileNotFoundError(f"no file {path.name}")
    with path.open("rb") as file:
        return file.read(snarkjs.MAX_JSON_BYTES + 1).decode()


def _children_core_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
