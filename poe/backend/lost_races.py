"""How soon the cores are free after a lost race: real proofs on the worker process of a prover, stopped in the middle.

A race is lost the moment the node sees L1's event, and over when no thread of the process runs any more.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio
import trio.lowlevel

from poe.backend.interface import KeyInfo, ProofJob
from poe.backend.worker import WorkerProofs, open_worker
from poe.errors import BackendError

SEED = 1
"""Of the moments at which races are lost."""
ATTEMPTS = 4
"""So many times the races that are wanted are run at most: one whose proof was ready is not lost in the middle."""
IDLE_SECONDS = 10.0
"""A process that still runs by then counts with this time."""
RUNNING = "R"


@dataclass(slots=True, kw_only=True)
class LostRaces:
    """Seconds from seeing the rival's win to idle cores, of each race, and how often the process had to be killed."""

    seconds: list[float] = field(default_factory=list)
    killed: int = 0


async def lose_races(key: KeyInfo, job: ProofJob, *, races: int, threads: int, tables: str) -> LostRaces:
    """Lose so many races, at moments spread over the length of a proof.

    BackendError when proofs end before they can be stopped.
    """
    lost, moments = LostRaces(), random.Random(SEED)
    async with open_worker(
        key.path, circuit_hash=key.circuit.hash, threads=threads, tables=tables, on_cancelled=lambda _: None
    ) as worker:
        await worker.prove(job)  # the first meets cold caches
        length = (await worker.prove(job)).seconds
        for _ in range(ATTEMPTS * races):
            if len(lost.seconds) == races:
                return lost
            seconds = await _lose_one(worker, job, after_seconds=moments.uniform(0, length))
            if seconds is not None:
                lost.seconds.append(seconds)
                lost.killed += worker.pid is None
                await worker.warm()
    raise BackendError(
        f"{len(lost.seconds)} of {races} proofs could be stopped, the others were ready before",
        fix="take a larger shape",
        code="POE-BCK-090",
    )


async def _lose_one(worker: WorkerProofs, job: ProofJob, *, after_seconds: float) -> float | None:
    """Seconds from the event to idle cores; None when the proof was ready before the event."""
    await worker.warm()
    pid = worker.pid
    seen = trio.Event()
    seen_at = math.inf

    async def see_rival_win() -> None:
        nonlocal seen_at
        await trio.sleep(after_seconds)
        seen_at = time.perf_counter()
        seen.set()

    async def cancel_when_seen(scope: trio.CancelScope) -> None:
        await seen.wait()
        scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(see_rival_win)
        async with trio.open_nursery() as race:
            race.start_soon(cancel_when_seen, race.cancel_scope)
            await worker.prove(job)
            nursery.cancel_scope.cancel()
    if seen_at is math.inf or not race.cancel_scope.cancelled_caught:
        return None
    with trio.move_on_after(IDLE_SECONDS):
        while pid is not None and _is_running(pid):
            await trio.lowlevel.checkpoint()
    return time.perf_counter() - seen_at


def _is_running(pid: int) -> bool:
    """Does any thread of the process run, or wait for a core?"""
    try:
        states = [
            (task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return RUNNING in states


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that this share of all is not above (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
