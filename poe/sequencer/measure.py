"""Measures the engine: the executor alone, and the whole way from a client's frames to sealed batches on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from poe.backend.engine import Engine, workload_execute
from poe.backend.interface import EngineRules, QueueSlots, Standing
from poe.errors import SequencerError
from poe.rollup.types import AccountIndex, FieldElement, Shape
from poe.sequencer.bell import Bell
from poe.sequencer.feeder import Feed
from poe.sequencer.stream import StreamLimits, serve_stream

DOMAIN = FieldElement(123456789)
"""Any: no chain is involved."""
ROUND_BATCHES = 256
"""Most batches whose tree nodes are hashed together."""
SIGNING_SECONDS = 900.0
DRAIN_SECONDS = 120.0
CONNECTIONS = 4
FRAME_TRANSACTIONS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How many accounts send to each other, in which shape of batches, for how long; at most so many transactions."""

    accounts: int
    shape: Shape
    seconds: float
    transactions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured; `extra` holds what only one of the measurements knows."""

    transactions: int
    seconds: float
    p99_seconds: float
    durable_bytes: int
    extra: dict[str, float | int]

    @property
    def transactions_per_second(self) -> float:
        """Of the whole time, from the first frame to the last commit."""
        return self.transactions / self.seconds if self.seconds else 0.0


def measure_execute(workload: Workload) -> Measurement:
    """Executor and tree without signatures, in memory. p99 is a round's of 64 batches."""
    count, seconds, p99 = workload_execute(workload.accounts, workload.shape, seconds=workload.seconds)
    return Measurement(transactions=count, seconds=seconds, p99_seconds=p99, durable_bytes=0, extra={})


async def measure_sequence(workload: Workload, folder: Path | None = None) -> Measurement:
    """Binary intake from another process: signatures verified, executed, sealed, durable in `folder` (or a new one).

    A batch counts as posted once it is durable: L1 is not part of this. SequencerError when the client fails.
    """
    with TemporaryDirectory(dir=folder, prefix="bench-") as scratch:
        store = Path(scratch) / "sequencer.redb"
        rules = EngineRules(
            shape=workload.shape,
            domain=DOMAIN,
            fee_account=AccountIndex(0),
            pool_transactions=50_000,
            pool_per_account=256,
            pool_seconds=3600.0,
            kept_batches=1024,
            max_unposted=4096,
        )
        engine = Engine(rules, store, clock=time.monotonic, genesis_accounts=workload.accounts)
        bench = _Bench(engine)
        async with trio.open_nursery() as nursery:
            port = await nursery.start(_serve, bench)
            nursery.start_soon(bench.seal_for_ever)
            measurement = await _feed_and_drain(bench, workload, port)
            nursery.cancel_scope.cancel()
        return measurement


async def _serve(bench: _Bench, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
    await serve_stream(bench.admit, host="127.0.0.1", port=0, limits=StreamLimits(), task_status=task_status)


async def _feed_and_drain(bench: _Bench, workload: Workload, port: int) -> Measurement:
    plan = Feed(
        port=port,
        domain=DOMAIN,
        accounts=workload.accounts,
        transactions=workload.transactions,
        seconds=workload.seconds,
        connections=CONNECTIONS,
        frame_transactions=min(FRAME_TRANSACTIONS, max(1, workload.accounts)),
    )
    command = [sys.executable, "-m", "poe.sequencer.feeder", json.dumps(asdict(plan))]
    client = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert client.stdin is not None
        assert client.stdout is not None
        with trio.fail_after(SIGNING_SECONDS):
            await _read_line(client.stdout)
        started, cpu = trio.current_time(), time.process_time()
        await client.stdin.send_all(b"go\n")
        with trio.fail_after(workload.seconds + DRAIN_SECONDS):
            tally = await _read_line(client.stdout)
            standing = await bench.drained()
        ended = bench.last_seal_at
        return Measurement(
            transactions=standing.transactions,
            seconds=ended - started,
            p99_seconds=standing.p99_seconds,
            durable_bytes=standing.written_bytes,
            extra={**tally, "batches": standing.height, "sequencer_cpu_seconds": time.process_time() - cpu},
        )
    except trio.TooSlowError:
        raise SequencerError("the measurement's client or the sealing did not end", code="POE-SEQ-034") from None
    finally:
        client.kill()
        with trio.CancelScope(shield=True):
            await client.wait()


async def _read_line(stream: trio.abc.ReceiveStream) -> dict[str, float | int]:
    """The next line of the client, as JSON."""
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = await stream.receive_some(1)
        if not chunk:
            raise SequencerError("the measurement's client failed, see its error above", code="POE-SEQ-034")
        line += chunk
    found: dict[str, float | int] = json.loads(line)
    return found


class _Bench:
    """An engine with nothing around it: frames in, rounds of batches out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bell = Bell()
        self._intake_limiter = trio.CapacityLimiter(2 * CONNECTIONS)
        self._seal_limiter = trio.CapacityLimiter(1)
        self.last_seal_at = trio.current_time()

    async def admit(self, frame: bytes) -> bytes:
        """Move one frame to the core."""
        codes = await trio.to_thread.run_sync(self._engine.admit, frame, limiter=self._intake_limiter)
        self._bell.ring()
        return codes

    async def seal_for_ever(self) -> None:
        """Full batches as long as there are any, then wait for more."""
        while True:
            if await self._seal(partial=False) is None:
                await self._bell.wait()

    async def drained(self) -> Standing:
        """Seal what is left, the last batch not full; how things stand then."""
        while await self._seal(partial=True) is not None:
            pass
        return self._engine.standing()

    async def _seal(self, *, partial: bool) -> int | None:
        """One round; its last batch, if there was one."""

        def work() -> int | None:
            cut = self._engine.seal(QueueSlots(), most=ROUND_BATCHES, partial=partial)
            if cut is None:
                return None
            self._engine.set_posted(cut[1])
            return cut[1]

        last = await trio.to_thread.run_sync(work, limiter=self._seal_limiter)
        if last is not None:
            self.last_seal_at = trio.current_time()
        return last


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    model = next((line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": len(os.sched_getaffinity(0))}


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
