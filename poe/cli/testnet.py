"""`poe testnet`: a whole prover market on this machine."""

from __future__ import annotations

import json as json_module
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import App

from poe.cli.parse import parse_shape

if TYPE_CHECKING:
    from poe.testnet.scenario import Scenario

app = App(name="testnet", help="A whole network of processes on this machine.")


@app.command
def up(
    *,
    provers: int = 3,
    batches: int | None = None,
    shape: str = "4x5",
    gossip: bool = True,
    json: Path | None = None,
    data_dir: Path = Path("testnet-data"),
    key_cache: Path | None = None,
    users: int = 4,
    tps: float = 8.0,
    jitter: float = 1.0,
    threads: int = 1,
    strategy: Literal["spread", "oldest"] = "spread",
    block_seconds: float = 1.0,
    seed: int = 1,
) -> None:
    """Start anvil, deploy the arbiter, start a sequencer and provers, drive load, show who wins; Ctrl+C ends it.

    Parameters
    ----------
    provers
        Competing prover nodes.
    batches
        End when this many batches are final; without it, run until Ctrl+C.
    shape
        Slots a batch and tree depth, such as 4x5.
    gossip
        Whether nodes talk over libp2p; without it everything comes from L1 alone.
    json
        Write the report here.
    data_dir
        Folder for keys, logs and status files; an earlier run's folder is cleared.
    key_cache
        Folder of proving keys; default $XDG_CACHE_HOME/poe/keys.
    users
        L2 accounts that send transfers.
    tps
        L2 transactions a second that the load driver sends.
    jitter
        Each race starts after a random wait of at most this many seconds.
    threads
        Threads a prover.
    strategy
        How provers choose among open batches: spread over them, or all race for the oldest.
    block_seconds
        Seconds between L1 blocks.
    seed
        Seed of the load.
    """
    import trio

    from poe.errors import InputError
    from poe.testnet.scenario import Scenario

    for name, value, least in (("provers", provers, 1), ("users", users, 2), ("batches", batches or 1, 1)):
        if value < least:
            raise InputError(f"--{name} is {value}", fix=f"at least {least}", code="POE-INP-011")
    for name, number in (("tps", tps), ("block-seconds", block_seconds)):
        if not 0 < number < 1e6:
            raise InputError(f"--{name} is {number}", fix="more than 0", code="POE-INP-011")
    scenario = Scenario(
        provers=provers,
        batches=batches,
        shape=parse_shape(shape),
        gossip=gossip,
        data_dir=data_dir.resolve(),
        key_cache=key_cache,
        users=users,
        transactions_per_second=tps,
        start_jitter_seconds=jitter,
        prover_threads=threads,
        strategy=strategy,
        block_seconds=block_seconds,
        seed=seed,
    )
    report = trio.run(_run, scenario)
    if json is not None:
        json.write_text(json_module.dumps(report, indent=1) + "\n")


async def _run(scenario: Scenario) -> dict[str, Any]:
    """Run with a graceful first Ctrl+C (end the race, still report) and an immediate second one."""
    import trio
    from rich.console import Console

    from poe.cli.run import configure_logs
    from poe.config import LogSettings
    from poe.testnet.display import Display
    from poe.testnet.launcher import run_testnet

    configure_logs(LogSettings(level="warning"))
    display = Display(Console())
    stop = trio.Event()
    report: dict[str, Any] = {}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, stop, nursery.cancel_scope)
        report = await run_testnet(scenario, display, stop)
        nursery.cancel_scope.cancel()
    if not report:
        raise KeyboardInterrupt
    display.finished(report)
    return report


async def _stop_on_signal(stop: Any, scope: Any) -> None:
    import trio

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if stop.is_set():
                scope.cancel()
                return
            stop.set()
