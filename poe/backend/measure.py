"""Measurements of proving, verifying and cancelling, each on the demonstration batch of a shape.

A measurement runs in a process of its own, so that its peak memory is that of proving and not of what came before.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from poe.backend import fast, native
from poe.backend.demo import demo_job
from poe.backend.interface import KeyInfo, Proof
from poe.backend.lost_races import lose_races, quantile
from poe.rollup.types import Shape

Facts = dict[str, Any]
"""Names and numbers, as JSON prints them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What is measured: the key's circuit, how often, and with what. `path` is an arithmetic or "auto"."""

    key: KeyInfo
    shape: Shape
    runs: int
    threads: int
    path: str
    tables: str


def measure_prove(effort: Effort) -> Facts:
    """Medians over the runs of witness, proof and self-check, on a key that is loaded; `core_seconds`: CPU time of all
    three on all threads, a mean, which tells a slow machine from a busy one.
    """
    return _aside(_prove, _prepared(effort))


def measure_cancel(effort: Effort) -> Facts:
    """From seeing L1's event to idle cores, at moments spread over the length of a proof, on a worker process."""
    return _aside(_cancel, _prepared(effort))


def measure_verify(effort: Effort) -> Facts:
    """Native checks of one proof, every point and range checked as for a stranger's."""
    return _aside(_verify, effort)


def machine_facts() -> Facts:
    """The processor, whether it has the instructions of the fast path, and its cores."""
    return {
        "cpu": _cpu_name(Path("/proc/cpuinfo").read_text()),
        "ifma": "ifma" in fast.arithmetics(),
        "cores": multiprocessing.cpu_count(),
    }


def spread_of(values: Sequence[float]) -> float:
    """From the fastest to the slowest, as a part of the median."""
    return (max(values) - min(values)) / statistics.median(values)


def _aside(work: Callable[[Effort], Facts], effort: Effort) -> Facts:
    """The same call in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(work, effort).result()


def _prepared(effort: Effort) -> Effort:
    """The same with its tables made and their size settled: a later look would see less free memory."""
    return replace(effort, tables=_aside(_load, effort)["tables"])


def _load(effort: Effort) -> Facts:
    return _open(effort)[1]


def _open(effort: Effort) -> tuple[fast.FastProver, Facts]:
    started = time.perf_counter()
    prover = fast.FastProver(effort.key.path, threads=effort.threads, tables=effort.tables, arithmetic=effort.path)
    return prover, {
        "shape": str(effort.shape),
        "constraints": effort.key.circuit.constraints,
        "path": prover.arithmetic,
        "tables": prover.tables,
        "table_bytes": prover.table_bytes,
        "is_mapped": prover.is_mapped,
        "threads": effort.threads,
        "runs": effort.runs,
        "load_seconds": time.perf_counter() - started,
    }


def _prove(effort: Effort) -> Facts:
    job = demo_job(effort.shape)
    prover, facts = _open(effort)
    _proven(prover.prove(job))  # the first run meets cold caches
    before = time.process_time()
    proofs = [_proven(prover.prove(job)) for _ in range(effort.runs)]
    core_seconds = (time.process_time() - before) / effort.runs
    prove_seconds = [proof.prove_seconds for proof in proofs]
    medians = {
        "witness_seconds": statistics.median(proof.witness_seconds for proof in proofs),
        "prove_seconds": statistics.median(prove_seconds),
        "verify_seconds": statistics.median(proof.verify_seconds for proof in proofs),
        "total_seconds": statistics.median(proof.witness_seconds + proof.prove_seconds for proof in proofs),
    }
    return {
        **facts,
        **medians,
        "us_per_constraint": medians["prove_seconds"] / facts["constraints"] * 1e6,
        "core_seconds": core_seconds,
        "spread": spread_of(prove_seconds),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _cancel(effort: Effort) -> Facts:
    facts = _open(effort)[1]  # the size of things; the races run in the worker's own process
    lost = trio.run(
        partial(
            lose_races,
            effort.key,
            demo_job(effort.shape),
            races=effort.runs,
            threads=effort.threads,
            tables=effort.tables,
        )
    )
    return {
        **facts,
        "races": len(lost.seconds),
        "p50_seconds": quantile(lost.seconds, 0.5),
        "p99_seconds": quantile(lost.seconds, 0.99),
        "longest_seconds": max(lost.seconds),
        "killed": lost.killed,
        "spread": spread_of(lost.seconds),
    }


def _verify(effort: Effort) -> Facts:
    proof = native.prove(effort.key.path, demo_job(effort.shape), threads=effort.threads)
    seconds = []
    for _ in range(effort.runs):
        started = time.perf_counter()
        native.verify_proof(effort.key.verifying_key_words, (proof.commitment, proof.x, proof.y), proof.words)
        seconds.append(time.perf_counter() - started)
    return {
        "shape": str(effort.shape),
        "runs": effort.runs,
        "verify_seconds": statistics.median(seconds),
        "spread": spread_of(seconds),
    }


def _proven(proof: Proof | None) -> Proof:
    assert proof is not None, "nobody set a flag"
    return proof


def _cpu_name(cpuinfo: str) -> str:
    names = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name"))
    return next(names, "unknown")
