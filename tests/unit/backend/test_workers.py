"""Several proving processes side by side: real proofs, one copy of the tables, each cancelled and replaced alone."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from poe.backend import native
from poe.backend.interface import KeyInfo, ProofJob
from poe.backend.worker import WorkerProofs, open_workers, split_threads
from poe.errors import BackendError
from poe.rollup.statement import commitment
from poe.rollup.types import Address
from tests.unit.backend.test_worker import is_gone, job_for, key, pid_of

__all__ = ["key"]


@asynccontextmanager
async def side_by_side(key: KeyInfo, count: int) -> AsyncIterator[tuple[tuple[WorkerProofs, ...], list[float]]]:
    """So many workers, their keys loaded, and the seconds of their cancellations."""
    cancels: list[float] = []
    with trio.fail_after(120):
        async with open_workers(
            key.path, circuit_hash=key.circuit.hash, threads=[1] * count, tables="small", on_cancelled=cancels.append
        ) as workers:
            async with trio.open_nursery() as nursery:
                for worker in workers:
                    nursery.start_soon(worker.warm)
            yield workers, cancels


def job_of(payee: int) -> ProofJob:
    return job_for(Address(bytes([payee]) * 20))


def mapped_files(pid: int) -> dict[str, str]:
    """The mapped files of a process by path, with device and inode."""
    rows = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {row[5]: f"{row[3]} {row[4]}" for row in rows if len(row) == 6 and row[5].startswith("/")}


async def test_proofs_side_by_side_each_hold_for_their_own_statement(key: KeyInfo) -> None:
    async with side_by_side(key, 3) as (workers, _):
        assert len({pid_of(worker) for worker in workers}) == 3

        async def prove_twice(worker: WorkerProofs, payee: int) -> None:
            for turn in range(2):
                job = job_of(10 * payee + turn)
                proof = await worker.prove(job)
                assert proof.commitment == commitment(job.statement)
                native.verify_proof(key.verifying_key_words, (proof.commitment, proof.x, proof.y), proof.words)

        async with trio.open_nursery() as nursery:
            for payee, worker in enumerate(workers, 1):
                nursery.start_soon(prove_twice, worker, payee)
        assert all(worker.core_seconds > 0 for worker in workers)


async def test_all_of_them_map_one_file_of_tables(key: KeyInfo) -> None:
    async with side_by_side(key, 2) as (workers, _):
        mapped = [mapped_files(pid_of(worker)) for worker in workers]
        tables = [{path: node for path, node in one.items() if Path(path).parent == key.path.parent} for one in mapped]
        assert tables[0]
        assert tables[0] == tables[1]


async def test_cancelling_one_leaves_the_others_proof_and_process_alone(key: KeyInfo) -> None:
    async with side_by_side(key, 2) as ((cancelled, other), cancels):
        pid, job = pid_of(other), job_of(2)
        async with trio.open_nursery() as nursery:

            async def prove_to_the_end() -> None:
                assert (await other.prove(job)).commitment == commitment(job.statement)

            nursery.start_soon(prove_to_the_end)
            with trio.move_on_after(0.005) as scope:
                await cancelled.prove(job_of(1))
        assert scope.cancelled_caught
        assert len(cancels) == 1
        assert pid_of(other) == pid
        await cancelled.prove(job_of(1))


async def test_one_that_crashes_is_replaced_and_the_others_go_on(key: KeyInfo) -> None:
    async with side_by_side(key, 2) as ((crashing, other), _):
        pids = pid_of(crashing), pid_of(other)
        os.kill(pids[0], signal.SIGSTOP)  # so that it cannot answer before it dies
        async with trio.open_nursery() as nursery:

            async def crash() -> None:
                with pytest.raises(BackendError, match="the proving process died"):
                    await crashing.prove(job_of(1))

            nursery.start_soon(crash)
            await other.prove(job_of(2))
            os.kill(pids[0], signal.SIGKILL)
        assert pid_of(other) == pids[1]
        await crashing.prove(job_of(1))
        assert pid_of(crashing) != pids[0]


async def test_they_load_one_after_the_other(key: KeyInfo) -> None:
    """A process that has not said that it is ready is the only one."""
    async with open_workers(
        key.path, circuit_hash=key.circuit.hash, threads=[1, 1], tables="small", on_cancelled=lambda _: None
    ) as workers:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for worker in workers:
                    nursery.start_soon(worker.warm)
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
                assert sum(worker._process is not None for worker in workers) <= 1
        assert all(worker._process is not None for worker in workers)


async def test_leaving_the_context_ends_every_process(key: KeyInfo) -> None:
    async with side_by_side(key, 2) as (workers, _):
        pids = [pid_of(worker) for worker in workers]
    assert all(is_gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("threads", "workers", "split"),
    [(1, 1, [1]), (8, 1, [8]), (8, 2, [4, 4]), (8, 3, [3, 3, 2]), (2, 4, [1, 1, 1, 1]), (16, 16, [1] * 16)],
)
def test_threads_are_split_evenly_and_each_worker_has_one(threads: int, workers: int, split: list[int]) -> None:
    assert split_threads(threads, workers) == split
