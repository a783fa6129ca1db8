"""A proving process that can be stopped at once: the parent's side of `worker_process`.

Cancelling `prove` tells the process to stop, which it does within milliseconds, and keeps it: its key and tables are
ready for the next race. Only a process that does not answer within a grace is killed, and the next proof starts a
fresh one, which `warm` can do ahead of time.
"""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
import trio

from poe.backend.interface import Proof, ProofJob
from poe.errors import BackendError
from poe.rollup.types import FieldElement

MAX_FRAME_BYTES = 64 << 20
START_SECONDS = 600.0
"""Loading a key takes a fraction of a second; making its tables, once a machine, up to minutes on a busy one."""
STOP_SECONDS = 0.25
"""A stopped process answers in a few milliseconds, unless it hangs."""
SEND_SECONDS = 5.0
REAP_SECONDS = 5.0
PROOF_WORDS = 8
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

logger = logging.getLogger(__name__)


class WorkerProofs:
    """A ProofBackend over one worker process. Make one with `open_worker`."""

    def __init__(
        self,
        key_path: Path,
        *,
        circuit_hash: bytes,
        threads: int,
        tables: str,
        on_cancelled: Callable[[float], None],
        loading: trio.Lock | None = None,
    ) -> None:
        self._command = [sys.executable, "-m", "poe.backend.worker_process", str(key_path), str(threads), tables]
        self._circuit_hash = circuit_hash
        self._on_cancelled = on_cancelled
        self._process: trio.Process | None = None
        self._received = bytearray()
        self._is_owing = False
        self._lock = trio.Lock()
        self._loading = trio.Lock() if loading is None else loading
        self._past_core_seconds = 0.0
        self._running_core_seconds = 0.0

    @property
    def core_seconds(self) -> float:
        """CPU seconds that proving has used so far, over all worker processes."""
        self._look_at_core_seconds()
        return self._past_core_seconds + self._running_core_seconds

    @property
    def pid(self) -> int | None:
        """The process that is there to prove; None before the first and after one was killed."""
        return None if self._process is None else self._process.pid

    async def warm(self) -> None:
        """Start the process and load the key, unless it is there already."""
        async with self._lock:
            await self._ensure_started()

    async def prove(self, job: ProofJob) -> Proof:
        """Prove and self-check; on cancellation the process is idle, or dead, before this returns."""
        async with self._lock:
            await self._ensure_started()
            answer = await self._ask(job)
        return _parse_answer(answer)

    async def close(self) -> None:
        """Kill the process and wait until it is gone."""
        await self._kill()

    async def _ensure_started(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            await self._kill()  # it died by itself since the last answer
        async with self._loading:
            await self._start()

    async def _start(self) -> None:
        self._process = await trio.lowlevel.open_process(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._received.clear()
        self._is_owing = True
        try:
            with trio.move_on_after(START_SECONDS) as deadline:
                answer = await self._receive()
            if deadline.cancelled_caught:
                raise BackendError(f"the proving process did not load its key in {START_SECONDS:.0f} s")
        finally:
            await self._kill_if_owing()
        if answer[0] != "ready":
            await self._kill()
            raise BackendError(f"the proving process cannot use its key: {answer[1]}")
        _, circuit_hash, arithmetic, tables, table_bytes, is_mapped = answer
        if circuit_hash != self._circuit_hash:
            await self._kill()
            raise BackendError("the proving key is of another circuit", fix="delete it and run set-up again")
        where = "mapped" if is_mapped else "private"
        logger.info(
            "prover_ready arithmetic=%s tables=%s table_mib=%d %s", arithmetic, tables, table_bytes >> 20, where
        )

    async def _ask(self, job: ProofJob) -> Any:
        """The answer to a job; any way out without one leaves no process."""
        try:
            await self._send([job.trace, job.statement])
            return await self._receive()
        except trio.Cancelled:
            await self._stop()
            raise
        finally:
            await self._kill_if_owing()

    async def _stop(self) -> None:
        """End the job and drop its answer; kill the process if none comes within the grace."""
        started = time.monotonic()
        grace = trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_SECONDS)
        with suppress(BackendError), grace:
            await self._send(None)
            await self._receive()
        await self._kill_if_owing()
        self._on_cancelled(time.monotonic() - started)

    async def _send(self, value: Any) -> None:
        """Write one frame, whole even when cancelled: half a frame would spoil the next."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        body = msgpack.packb(value)
        self._is_owing = True
        try:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + SEND_SECONDS) as deadline:
                await process.stdin.send_all(struct.pack(">I", len(body)) + body)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise BackendError("the proving process died") from error
        if deadline.cancelled_caught:
            raise BackendError(f"the proving process did not take its job in {SEND_SECONDS:.0f} s")

    async def _receive(self) -> Any:
        """Read one frame; when cancelled, what has come of it is kept for the next call."""
        (length,) = struct.unpack(">I", (await self._received_bytes(4))[:4])
        if length > MAX_FRAME_BYTES:
            raise BackendError(f"the proving process sent a frame of {length} bytes")
        frame = await self._received_bytes(4 + length)
        self._received.clear()  # it never speaks twice without being asked
        self._is_owing = False
        return msgpack.unpackb(frame[4:])

    async def _received_bytes(self, count: int) -> bytes:
        """The first `count` bytes that were received since the last frame."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        while len(self._received) < count:
            try:
                chunk = await process.stdout.receive_some(count - len(self._received))
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise BackendError("the proving process died") from error
            if not chunk:
                raise BackendError("the proving process died")
            self._received += chunk
        return bytes(self._received[:count])

    async def _kill_if_owing(self) -> None:
        """Kill a process whose next words could be the answer to an older question."""
        if self._is_owing:
            await self._kill()

    async def _kill(self) -> None:
        self._look_at_core_seconds()
        process, self._process = self._process, None
        self._is_owing = False
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
    key_path: Path,
    *,
    circuit_hash: bytes,
    threads: int,
    tables: str = "auto",
    on_cancelled: Callable[[float], None],
) -> AsyncIterator[WorkerProofs]:
    """A worker whose process ends with the context; `on_cancelled` hears how many seconds each cancelling took.

    `tables` is "full", "small", or "auto" for what free memory allows.
    """
    async with open_workers(
        key_path, threads=[threads], circuit_hash=circuit_hash, tables=tables, on_cancelled=on_cancelled
    ) as (worker,):
        yield worker


@asynccontextmanager
async def open_workers(
    key_path: Path,
    *,
    circuit_hash: bytes,
    threads: Sequence[int],
    tables: str = "auto",
    on_cancelled: Callable[[float], None],
) -> AsyncIterator[tuple[WorkerProofs, ...]]:
    """A worker for each number of threads; all map one file of tables.

    They load one after the other: the first makes that file, and each sees the memory that those before it took.
    """
    loading = trio.Lock()
    workers = tuple(
        WorkerProofs(
            key_path,
            circuit_hash=circuit_hash,
            threads=count,
            tables=tables,
            on_cancelled=on_cancelled,
            loading=loading,
        )
        for count in threads
    )
    try:
        yield workers
    finally:
        for worker in workers:
            await worker.close()


def split_threads(threads: int, workers: int) -> list[int]:
    """Threads for each worker: as even as can be, and one at least."""
    each, more = divmod(threads, workers)
    return [max(1, each + (worker < more)) for worker in range(workers)]


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
