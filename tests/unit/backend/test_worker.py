"""The proving process: real proofs by the real core on the smallest circuit, and every way in which it can end."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgpack
import pytest
import trio
import trio.lowlevel
import trio.testing

from poe.backend import fast, native, worker_process
from poe.backend.interface import KeyInfo, ProofJob
from poe.backend.native import NativeState
from poe.backend.worker import STOP_SECONDS, WorkerProofs, open_worker
from poe.errors import BackendError
from poe.rollup.batch import batch_hash, empty_data
from poe.rollup.statement import commitment, context, statement_words
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Header, Shape, Wei

SHAPE = Shape(slots=1, depth=1)
DOMAIN = FieldElement(31337)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    path = tmp_path_factory.mktemp("keys") / "dev.key"
    native.setup_dev_key(SHAPE, path)
    fast.FastProver(path, threads=2, tables="small")  # makes the tables that the processes map
    return native.key_info(path, native.circuit_info(SHAPE))


@pytest.fixture(scope="module")
def job() -> ProofJob:
    """An empty batch's proof."""
    return job_for(Address(b"\1" * 20))


def job_for(payee: Address) -> ProofJob:
    header = Header(shape=SHAPE, deposits=0, forced=0, fee_account=AccountIndex(0))
    batch = Batch(header=header, data=empty_data(SHAPE))
    execution = NativeState(SHAPE.depth).execute(batch, DOMAIN)
    words = statement_words(
        domain=DOMAIN,
        old_root=execution.old_root,
        new_root=execution.new_root,
        context=context(BatchNumber(1), batch_hash(batch), payee, Wei(0)),
        batch=batch,
    )
    return ProofJob(trace=execution.trace, statement=words)


@asynccontextmanager
async def working(
    key: KeyInfo, *, circuit_hash: bytes | None = None
) -> AsyncIterator[tuple[WorkerProofs, list[float]]]:
    """A worker and the seconds of its cancellations."""
    cancels: list[float] = []
    wanted = key.circuit.hash if circuit_hash is None else circuit_hash
    with trio.fail_after(60):
        async with open_worker(
            key.path, circuit_hash=wanted, threads=1, tables="small", on_cancelled=cancels.append
        ) as worker:
            yield worker, cancels


def pid_of(worker: WorkerProofs) -> int:
    process = worker._process
    assert process is not None
    return process.pid


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_proof_holds_for_the_statement_it_was_asked_for(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, _):
        proof = await worker.prove(job)
        assert proof.commitment == commitment(job.statement)
        native.verify_proof(key.verifying_key_words, (proof.commitment, proof.x, proof.y), proof.words)
        assert min(proof.witness_seconds, proof.prove_seconds, proof.verify_seconds) > 0
        assert proof.seconds == pytest.approx(proof.witness_seconds + proof.prove_seconds + proof.verify_seconds)


async def test_proofs_after_the_first_use_the_same_process(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, cancels):
        await worker.warm()
        pid = pid_of(worker)
        await worker.prove(job)
        await worker.warm()
        await worker.prove(job)
        assert pid_of(worker) == pid
        assert cancels == []


async def test_two_proofs_at_once_wait_for_each_other(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, _), trio.open_nursery() as nursery:
        nursery.start_soon(worker.prove, job)
        nursery.start_soon(worker.prove, job)


async def test_it_proves_at_the_lowest_priority(key: KeyInfo) -> None:
    async with working(key) as (worker, _):
        await worker.warm()
        assert os.sched_getscheduler(pid_of(worker)) == os.SCHED_IDLE


async def test_a_cancelled_proof_stops_within_a_tenth_of_a_second_and_leaves_the_process_ready(
    key: KeyInfo, job: ProofJob
) -> None:
    async with working(key) as (worker, cancels):
        await worker.warm()
        for _ in range(10):  # a busy machine is slow now and then: one of ten counts
            pid = pid_of(worker)
            with trio.move_on_after(0.005) as scope:
                await worker.prove(job)
            assert scope.cancelled_caught
            if cancels[-1] < 0.1 and pid_of(worker) == pid:
                break
        else:
            pytest.fail(f"no proof stopped at once: {cancels}")
        await worker.prove(job)
        assert pid_of(worker) == pid


@pytest.mark.parametrize("milliseconds", [0, 1, 5, 20, 60])
async def test_after_a_cancelled_proof_comes_the_answer_to_the_next_job(
    key: KeyInfo, job: ProofJob, milliseconds: int
) -> None:
    """Wherever the stop meets the old job, its answer is never taken for another's."""
    other = job_for(Address(b"\2" * 20))
    async with working(key) as (worker, _):
        await worker.warm()
        with trio.move_on_after(milliseconds / 1000):
            await worker.prove(job)
        assert (await worker.prove(other)).commitment == commitment(other.statement)
        assert (await worker.prove(job)).commitment == commitment(job.statement)


async def test_a_process_that_does_not_stop_is_killed_after_the_grace_and_the_next_proof_works(
    key: KeyInfo, job: ProofJob
) -> None:
    async with working(key) as (worker, cancels):
        await worker.warm()
        pid = pid_of(worker)
        os.kill(pid, signal.SIGSTOP)
        with trio.move_on_after(0.01) as scope:
            await worker.prove(job)
        assert scope.cancelled_caught
        assert is_gone(pid)
        assert cancels[0] >= STOP_SECONDS
        await worker.prove(job)


async def test_an_answer_longer_than_any_proof_is_a_backend_error_and_ends_the_process(
    key: KeyInfo, job: ProofJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(key) as (worker, _):
        await worker.warm()
        monkeypatch.setattr("poe.backend.worker.MAX_FRAME_BYTES", 100)
        with pytest.raises(BackendError, match="sent a frame of"):
            await worker.prove(job)
        assert worker._process is None


async def test_cancelling_while_the_key_loads_leaves_no_process(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, _):
        with trio.move_on_after(0.01):
            await worker.warm()
        assert worker._process is None
        await worker.prove(job)


async def test_core_seconds_count_cancelled_proofs_too_and_never_shrink(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, _):
        assert worker.core_seconds == 0
        await worker.prove(job)
        after_proof = worker.core_seconds
        assert after_proof > 0
        await _die_idle(worker)
        await worker.prove(job)
        after_death = worker.core_seconds
        assert after_death >= after_proof
        with trio.move_on_after(0.01):
            await worker.prove(job)
        assert worker.core_seconds >= after_death


async def test_a_process_that_died_idle_is_replaced(key: KeyInfo, job: ProofJob) -> None:
    async with working(key) as (worker, _):
        await worker.warm()
        pid = pid_of(worker)
        await _die_idle(worker)
        await worker.prove(job)
        assert pid_of(worker) != pid


async def test_a_process_that_dies_while_proving_is_a_backend_error_and_the_next_proof_works(
    key: KeyInfo, job: ProofJob
) -> None:
    async with working(key) as (worker, _):
        await worker.warm()
        os.kill(pid_of(worker), signal.SIGSTOP)  # so that it cannot answer before it dies
        with pytest.raises(BackendError, match="the proving process died"):
            async with _killing_soon(worker):
                await worker.prove(job)
        await worker.prove(job)


async def _die_idle(worker: WorkerProofs) -> None:
    """The worker's process dies between two proofs, as by the kernel's out-of-memory killer."""
    process = worker._process
    assert process is not None
    process.kill()
    with trio.fail_after(10):
        await process.wait()


@asynccontextmanager
async def _killing_soon(worker: WorkerProofs) -> AsyncIterator[None]:
    """Kill the worker's process as soon as everyone else waits."""
    pid = pid_of(worker)
    failure: BackendError | None = None

    async def kill() -> None:
        await trio.testing.wait_all_tasks_blocked(0.01)
        os.kill(pid, signal.SIGKILL)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill)
        try:
            yield
        except BackendError as error:
            failure = error
    if failure is not None:
        raise failure


@pytest.mark.parametrize(
    "spoilt",
    [
        {"trace": b""},
        {"trace": b"\xff" * 40},
        {"statement": b""},
        {"statement": b"\0" * 32},
        {"statement": None},
    ],
    ids=str,
)
async def test_a_job_that_makes_no_sense_is_refused_and_the_process_goes_on(
    key: KeyInfo, job: ProofJob, spoilt: dict[str, Any]
) -> None:
    flipped = bytearray(job.statement)
    flipped[63] ^= 1  # another old root
    parts = {"trace": job.trace, "statement": bytes(flipped), **{k: v for k, v in spoilt.items() if v is not None}}
    async with working(key) as (worker, _):
        await worker.warm()
        pid = pid_of(worker)
        with pytest.raises(BackendError, match="no proof: ") as refused:
            await worker.prove(ProofJob(**parts))
        assert "\n" not in str(refused.value)
        await worker.prove(job)
        assert pid_of(worker) == pid


async def test_a_torn_key_is_one_line(key: KeyInfo, tmp_path: Path) -> None:
    torn = tmp_path / "torn.key"
    torn.write_bytes(key.path.read_bytes()[:-100])
    async with open_worker(torn, circuit_hash=key.circuit.hash, threads=1, on_cancelled=lambda _: None) as worker:
        with pytest.raises(BackendError, match="the proving process cannot use its key: ") as refused:
            await worker.warm()
    assert "\n" not in str(refused.value)


async def test_a_missing_key_is_one_line(key: KeyInfo, tmp_path: Path) -> None:
    missing = tmp_path / "missing.key"
    async with open_worker(missing, circuit_hash=key.circuit.hash, threads=1, on_cancelled=lambda _: None) as worker:
        with pytest.raises(BackendError, match="the proving process cannot use its key: "):
            await worker.warm()


async def test_the_key_of_another_circuit_is_refused(key: KeyInfo) -> None:
    async with working(key, circuit_hash=bytes(32)) as (worker, _):
        with pytest.raises(BackendError, match="of another circuit"):
            await worker.warm()
        assert worker._process is None


async def test_leaving_the_context_ends_the_process(key: KeyInfo) -> None:
    async with working(key) as (worker, _):
        await worker.warm()
        pid = pid_of(worker)
    assert is_gone(pid)


def start(key_path: Path) -> subprocess.Popen[bytes]:
    """The proving process by itself, its first answer read."""
    process = subprocess.Popen(
        [sys.executable, "-m", "poe.backend.worker_process", str(key_path), "1", "small"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert worker_process.read_frame(cast(BinaryIO, process.stdout))[0] == "ready"
    return process


@pytest.mark.parametrize("is_proving", [False, True], ids=["idle", "proving"])
def test_the_process_leaves_when_its_parent_is_gone(key: KeyInfo, job: ProofJob, is_proving: bool) -> None:
    with start(key.path) as process:
        assert process.stdin is not None
        if is_proving:
            process.stdin.write(worker_process.encode_frame([job.trace, job.statement]))
            process.stdin.flush()
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_stopped_job_has_one_answer_and_a_stop_without_a_job_has_none(key: KeyInfo, job: ProofJob) -> None:
    with start(key.path) as process:
        assert process.stdin is not None
        ask = worker_process.encode_frame([job.trace, job.statement])
        stop = worker_process.encode_frame(None)
        process.stdin.write(stop + ask + stop + stop + ask)
        process.stdin.flush()
        answers = cast(BinaryIO, process.stdout)
        assert worker_process.read_frame(answers)[0] in ("stopped", "done")
        assert worker_process.read_frame(answers)[0] == "done"
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert answers.read() == b""


def test_the_process_leaves_rather_than_hanging_on_nonsense(key: KeyInfo) -> None:
    with start(key.path) as process:
        assert process.stdin is not None
        process.stdin.write(struct.pack(">I", 3) + b"\xc1\xc1\xc1")
        process.stdin.flush()
        assert process.wait(timeout=10) == 1


def test_a_frame_is_read_back() -> None:
    value = ["done", b"\0" * 300, 1.5]
    assert worker_process.read_frame(io.BytesIO(worker_process.encode_frame(value))) == value


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 9])
def test_a_frame_cut_short_is_the_end(cut: int) -> None:
    whole = worker_process.encode_frame(["ready", b"12345"])
    with pytest.raises(EOFError):
        worker_process.read_frame(io.BytesIO(whole[:cut]))


def test_frames_are_plain_msgpack_behind_their_length() -> None:
    frame = worker_process.encode_frame([1])
    assert frame == struct.pack(">I", 2) + msgpack.packb([1])
