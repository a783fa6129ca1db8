"""A proving process that can be killed at once: the parent's side of `worker_process`.

Cancelling `prove` kills the process (a native call cannot be interrupted otherwise) and the next proof starts a
fresh one, which `warm` can do ahead of time. Loading the key takes a fraction of a second; the kill takes
milliseconds.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgpack
import trio

from poe.backend.interface import Proof, ProofJob
from poe.errors import BackendError
from poe.rollup.types import FieldElement

MAX_FRAME_BYTES = 64 << 20
START_SECONDS = 120.0
REAP_SECONDS = 5.0
PROOF_WORDS = 8
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class WorkerProofs:
    """A ProofBackend over one worker process. Make one with `open_worker`."""

    def __init__(
        self, key_path: Path, *, circuit_hash: bytes, threads: int, on_killed: Callable[[float], None]
    ) -> None:
        self._command = [sys.executable, "-m", "poe.backend.worker_process", str(key_path), str(threads)]
        self._circuit_hash = circuit_hash
        self._on_killed = on_killed
        self._process: trio.Process | None = None
        self._lock = trio.Lock()
        self._past_core_seconds = 0.0
        self._running_core_seconds = 0.0

    @property
    def core_seconds(self) -> float:
        """CPU seconds that proving has used so far, over all worker processes."""
        self._look_at_core_seconds()
        return self._past_core_seconds + self._running_core_seconds

    async def warm(self) -> None:
        """Start the process and load the key, unless it is there already."""
        async with self._lock:
            await self._ensure_started()

    async def prove(self, job: ProofJob) -> Proof:
        """Prove and self-check; on cancellation the process is killed before this returns."""
        async with self._lock:
            await self._ensure_started()
            answer = await self._converse([job.trace, job.statement])
        return _parse_answer(answer)

    async def close(self) -> None:
        """Kill the process and wait until it is gone."""
        await self._kill()

    async def _ensure_started(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            await self._kill()  # it died by itself since the last answer
        self._process = await trio.lowlevel.open_process(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with trio.move_on_after(START_SECONDS) as deadline:
            answer = await self._converse(None)
        if deadline.cancelled_caught:
            raise BackendError(f"the proving process did not load its key in {START_SECONDS:.0f} s")
        if answer[0] != "ready":
            await self._kill()
            raise BackendError(f"the proving process cannot use its key: {answer[1]}")
        if answer[1] != self._circuit_hash:
            await self._kill()
            raise BackendError("the proving key is of another circuit", fix="delete it and run set-up again")

    async def _converse(self, message: Any) -> Any:
        """Send a message (None: only listen) and read one answer; any way out but an answer kills the process."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        answered = False
        try:
            if message is not None:
                body = msgpack.packb(message)
                await process.stdin.send_all(struct.pack(">I", len(body)) + body)
            answer = await _receive_frame(process.stdout)
            answered = True
            return answer
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise BackendError("the proving process died") from error
        except trio.Cancelled:
            started = time.monotonic()
            await self._kill()
            self._on_killed(time.monotonic() - started)
            raise
        finally:
            if not answered:
                await self._kill()

    async def _kill(self) -> None:
        self._look_at_core_seconds()
        process, self._process = self._process, None
        if process is None:
            return
        self._past_core_seconds += self._running_core_seconds
        self._running_core_seconds = 0.0
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + REAP_SECONDS):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()

    def _look_at_core_seconds(self) -> None:
        """Note the CPU time so far; of a process that died by itself, what was last seen stays."""
        if self._process is not None:
            self._running_core_seconds = max(self._running_core_seconds, _core_seconds_of(self._process))


@asynccontextmanager
async def open_worker(
    key_path: Path, *, circuit_hash: bytes, threads: int, on_killed: Callable[[float], None]
) -> AsyncIterator[WorkerProofs]:
    """A worker whose process ends with the context; `on_killed` hears how many seconds cancelling took."""
    worker = WorkerProofs(key_path, circuit_hash=circuit_hash, threads=threads, on_killed=on_killed)
    try:
        yield worker
    finally:
        await worker.close()


async def _receive_frame(stream: trio.abc.ReceiveStream) -> Any:
    (length,) = struct.unpack(">I", await _receive_exactly(stream, 4))
    if length > MAX_FRAME_BYTES:
        raise BackendError(f"the proving process sent a frame of {length} bytes")
    return msgpack.unpackb(await _receive_exactly(stream, length))


async def _receive_exactly(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        chunk = await stream.receive_some(count - len(received))
        if not chunk:
            raise trio.BrokenResourceError("end of stream")
        received += chunk
    return bytes(received)


def _parse_answer(answer: Any) -> Proof:
    if answer[0] != "done":
        raise BackendError(f"no proof: {answer[1]}")
    _, commitment, x, y, proof, seconds = answer
    words = tuple(int.from_bytes(proof[32 * i : 32 * (i + 1)]) for i in range(PROOF_WORDS))
    witness, prove, verify = seconds
    return Proof(
        commitment=FieldElement(int.from_bytes(commitment)),
        x=FieldElement(int.from_bytes(x)),
        y=FieldElement(int.from_bytes(y)),
        words=words,
        witness_seconds=witness,
        prove_seconds=prove,
        verify_seconds=verify,
    )


def _core_seconds_of(process: trio.Process) -> float:
    """User and system CPU seconds of a process from /proc; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
