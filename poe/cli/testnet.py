"""`poe testnet`: a whole prover market on this machine."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from poe.cli.bounds import require_between, require_memory, require_writable
from poe.cli.parse import parse_shape
from poe.errors import InputError
from poe.l1.interface import Deadlines, Market

if TYPE_CHECKING:
    from poe.testnet.scenario import Scenario

MAX_PROVERS = 64
MAX_SEQUENCERS = 8
MAX_USERS = 10_000
MAX_BATCHES = 1_000_000
MAX_HEAD_START_SECONDS = 600

app = App(name="testnet", help="A whole network of processes on this machine.")


@app.command
def up(
    *,
    provers: int = 3,
    sequencers: int = 1,
    batches: int | None = None,
    shape: str = "4x5",
    gossip: bool = True,
    json: Path | None = None,
    html: Path | None = None,
    csv: Path | None = None,
    data_dir: Path = Path("testnet-data"),
    key_cache: Path | None = None,
    users: int = 4,
    tps: float = 8.0,
    jitter: float = 1.0,
    threads: int = 1,
    strategy: Literal["spread", "oldest", "value"] = "spread",
    block_seconds: float = 1.0,
    seed: int = 1,
    policy: Literal["first-valid", "photo-finish", "lease"] = "first-valid",
    lease_blocks: int = 6,
    market: Annotated[Market, Parameter(name="*")] = Market(),
    head_start: float = 0.0,
    insider: str = "prover-1",
    web: bool = True,
    web_port: int = 0,
    deadlines: Annotated[Deadlines, Parameter(name="*")] = Deadlines(),
) -> None:
    """Start anvil, deploy the arbiter, start a sequencer and provers, drive load, show who wins; Ctrl+C ends it.

    Parameters
    ----------
    provers
        Competing prover nodes.
    sequencers
        Bonded sequencers that post in turns; each gets its share of the users.
    batches
        End when this many batches are final; without it, run until Ctrl+C.
    shape
        Slots a batch and tree depth, such as 4x5.
    gossip
        Whether nodes talk over libp2p; without it everything comes from L1 alone.
    json
        Write the report here.
    html
        Write it here as a page of its own.
    csv
        Write its batches here.
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
        How provers choose among open batches: spread over them, all race for the oldest, or by expected value.
    block_seconds
        Seconds between L1 blocks.
    seed
        Seed of the load.
    head_start
        Measure what a prover gains that hears of each batch so many seconds before it is posted; the others learn of
        batches from L1 alone. The report says what it won.
    insider
        That prover.
    policy
        Who is paid: the first valid proof, one drawn by stake among those in the first one's L1 block, or for a few
        blocks only a payee drawn by stake. Provers stake at their start.
    lease_blocks
        With the policy lease: L1 blocks that a lease lasts.
    web
        Serve the live page of the race on this machine.
    web_port
        Its port; 0 takes a free one.
    """
    import trio

    from poe.folder import hold_folder
    from poe.l1.policy import PolicyTerms
    from poe.testnet.head_start import HeadStart
    from poe.testnet.scenario import Scenario

    parsed = parse_shape(shape)
    require_between("provers", provers, 1, MAX_PROVERS)
    require_between("sequencers", sequencers, 1, MAX_SEQUENCERS)
    require_between("users", users, 2, min(MAX_USERS, parsed.capacity))
    require_between("batches", 1 if batches is None else batches, 1, MAX_BATCHES)
    require_between("tps", tps, 0.01, 100_000)
    require_between("jitter", jitter, 0, 60)
    require_between("threads", threads, 1, os.cpu_count() or 1)
    require_between("head-start", head_start, 0, MAX_HEAD_START_SECONDS)
    if insider not in (names := [f"prover-{i}" for i in range(1, provers + 1)]):
        raise InputError(f"there is no {insider}", field="insider", fix=f"name one of {names[0]} to {names[-1]}")
    if head_start and not gossip:
        raise InputError("a head start is given by gossip, which is off", field="head-start")
    require_between("web-port", web_port, 0, 65535)
    require_between("block-seconds", block_seconds, 0.1, 3600)
    require_between("lease-blocks", lease_blocks, 1, 128)
    require_memory(parsed, provers=provers)
    wanted = {name: path for name, path in (("json", json), ("html", html), ("csv", csv)) if path is not None}
    for name, path in wanted.items():
        require_writable(name, path)
    scenario = Scenario(
        provers=provers,
        sequencers=sequencers,
        batches=batches,
        shape=parsed,
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
        policy=None if policy == "first-valid" else PolicyTerms(kind=policy, lease_blocks=lease_blocks),
        market=market,
        head_start=HeadStart(seconds=head_start, insider=insider) if head_start else None,
        web=web,
        web_port=web_port,
        deadlines=deadlines,
    )
    with hold_folder(scenario.data_dir):
        report = trio.run(_run, scenario)
    for name, path in wanted.items():
        path.write_text(_written(name, report))
    if batches is not None and report["finalized"] < batches:
        raise KeyboardInterrupt  # only Ctrl+C ends such a run early with a report


def _written(form: str, report: dict[str, Any]) -> str:
    """The report as JSON, HTML or CSV."""
    from poe.testnet.report_html import as_csv, as_html

    if form == "json":
        return json_module.dumps(report, indent=1) + "\n"
    return as_html(report) if form == "html" else as_csv(report)


async def _run(scenario: Scenario) -> dict[str, Any]:
    """Run under Ctrl+C's rules (`poe.testnet.interrupt`); KeyboardInterrupt when there is nothing to report."""
    import trio
    from rich.console import Console

    from poe.cli.run import configure_logs
    from poe.config import LogSettings
    from poe.testnet.display import Display
    from poe.testnet.interrupt import Interrupts
    from poe.testnet.launcher import run_testnet

    configure_logs(LogSettings(level="warning"))
    display = Display(Console())
    interrupts = Interrupts()
    report: dict[str, Any] = {}
    async with trio.open_nursery() as nursery:
        await nursery.start(interrupts.watch, nursery.cancel_scope)
        report = await run_testnet(scenario, display, interrupts)
        nursery.cancel_scope.cancel()
    if not report:
        raise KeyboardInterrupt
    display.finished(report)
    return report
