"""`poe bench`: how fast this machine proves, verifies, and lets go of a proof (docs/performance.md)."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from poe.cli import bench_market, bench_sequence
from poe.cli.bounds import require_between, require_memory
from poe.cli.parse import parse_shape
from poe.cli.run import run_native

if TYPE_CHECKING:
    from poe.backend.measure import Effort

app = App(name="bench", help="How fast this machine is.")
bench_market.register(app)
bench_sequence.register(app)

DEPTH = 10
"""Of a shape given as slots alone: 2^20 accounts."""
MOST_RUNS = 100_000


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class BenchFlags:
    """What every measurement takes.

    Parameters
    ----------
    shape
        Slots and tree depth, such as 16x10; slots alone take depth 10.
    runs
        How often to measure; medians are printed.
    threads
        Threads to prove on; default all cores.
    path
        Arithmetic: ifma, scalar, or auto for the fastest here.
    tables
        full, small, or auto for what free memory allows.
    cache
        Folder of keys; default $XDG_CACHE_HOME/poe/keys.
    json
        Print JSON.
    """

    shape: str = "4x5"
    runs: int = 10
    threads: int | None = None
    path: str = "auto"
    tables: str = "auto"
    cache: Path | None = None
    json: Annotated[bool, Parameter(negative="")] = False


@app.command
def prove(flags: BenchFlags = BenchFlags()) -> None:
    """Prove a batch again and again: witness, proof, microseconds a constraint, peak memory."""
    from poe.backend.measure import measure_prove

    _run(measure_prove, flags)


@app.command
def verify(flags: BenchFlags = BenchFlags()) -> None:
    """Check one proof again and again, natively."""
    from poe.backend.measure import measure_verify

    _run(measure_verify, flags)


@app.command
def cancel(flags: BenchFlags = BenchFlags()) -> None:
    """Lose races at random moments of a proof: from seeing the rival's win on L1 to idle cores."""
    from poe.backend.measure import measure_cancel

    _run(measure_cancel, flags)


def _run(measure: Callable[[Effort], dict[str, Any]], flags: BenchFlags) -> None:
    from poe.backend.keys import ensure_dev_key
    from poe.backend.measure import Effort, machine_facts

    cores = os.cpu_count() or 1
    threads = cores if flags.threads is None else flags.threads
    require_between("runs", flags.runs, 1, MOST_RUNS)
    require_between("threads", threads, 1, 4 * cores)
    shape = parse_shape(flags.shape if "x" in flags.shape else f"{flags.shape}x{DEPTH}")
    require_memory(shape)
    key = run_native(partial(ensure_dev_key, shape, flags.cache))
    effort = Effort(key=key, shape=shape, runs=flags.runs, threads=threads, path=flags.path, tables=flags.tables)
    facts = measure(effort) | machine_facts()
    print(json_module.dumps(facts, indent=1) if flags.json else table(facts))


def table(facts: dict[str, Any]) -> str:
    """Facts as two columns for people: seconds and bytes in the unit that reads best."""
    rows = [_for_people(name, value) for name, value in facts.items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _for_people(name: str, value: Any) -> tuple[str, str]:
    if name.endswith("_seconds"):
        return name.removesuffix("_seconds"), f"{value:.3f} s" if value >= 1 else f"{value * 1e3:.2f} ms"
    if name.endswith("_bytes"):
        return name.removesuffix("_bytes"), f"{value / 2**20:.0f} MiB"
    if name == "spread":
        return name, f"{value:.0%}"
    return name, f"{value:.2f}" if isinstance(value, float) else str(value)
