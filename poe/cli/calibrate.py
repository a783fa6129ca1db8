"""How many threads and which tables prove fastest here, measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from poe.rollup.types import Shape

RUNS = 3
GOOD_ENOUGH = 1.05
"""More threads must bring more than this, or others may have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to set, and the seconds of a proof by number of threads."""

    threads: int
    tables: str
    seconds: dict[int, float]


def calibrate(shape: Shape, cache: Path | None) -> Advice:
    """Prove a demonstration batch on one core, half of them and all of them; makes key and tables if need be."""
    from poe.backend.keys import ensure_dev_key
    from poe.backend.measure import Effort, measure_prove
    from poe.cli.run import run_native

    key = run_native(partial(ensure_dev_key, shape, cache))

    def measure(threads: int) -> dict[str, Any]:
        return measure_prove(Effort(key=key, shape=shape, runs=RUNS, threads=threads, path="auto", tables="auto"))

    return advise(measure, cores=os.cpu_count() or 1)


def advise(measure: Callable[[int], dict[str, Any]], *, cores: int) -> Advice:
    """The fewest threads that are about as fast as the best; the tables that fitted into memory."""
    facts = {threads: measure(threads) for threads in sorted({1, max(1, cores // 2), cores})}
    seconds = {threads: float(one["total_seconds"]) for threads, one in facts.items()}
    best = min(seconds.values())
    threads = min(threads for threads, taken in seconds.items() if taken <= best * GOOD_ENOUGH)
    return Advice(threads=threads, tables=str(facts[threads]["tables"]), seconds=seconds)
