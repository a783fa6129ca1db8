"""`poe sequencer`: run the role, ask how it is, take and give up its seat."""

from __future__ import annotations

import json as json_module
from pathlib import Path

from cyclopts import App

from poe.cli import sequencing
from poe.cli.role_status import read_role_status
from poe.cli.run import RunFlags, run_role

app = App(name="sequencer", help="Order L2 transactions into batches and post them.")

STAGES = ("sealed", "sequenced", "accepted", "finalized")


@app.command
def run(flags: RunFlags = RunFlags()) -> None:
    """Run the sequencer until SIGINT or SIGTERM."""
    from poe.assembly.sequencer import run_sequencer

    run_role(run_sequencer, flags)


@app.command
def status(*, data_dir: Path = Path("poe-data"), json: bool = False) -> None:
    """Show a sequencer's state: how far each stage is, what waits, whether it agrees with L1.

    Parameters
    ----------
    data_dir
        The node's data folder.
    json
        Print JSON.
    """
    from poe.cli.machine import is_held

    found = read_role_status(data_dir, "sequencer")
    found["running"] = is_held(data_dir)
    if json:
        print(json_module.dumps(found, indent=1))
        return
    print("running" if found["running"] else "not running; this is what it told last")
    print("batches: " + ", ".join(f"{found['heights'][stage]} {stage}" for stage in STAGES))
    for name in ("ready", "agrees_with_l1", "exit_mode", "mempool", "executed", "total_balance_gwei"):
        print(f"{name}: {found[name]}")


app.command(sequencing.bond)
app.command(sequencing.leave)
app.command(sequencing.seat)
