"""`poe sequencer`: run the role, take and give up its seat."""

from __future__ import annotations

from cyclopts import App

from poe.cli import sequencing
from poe.cli.run import RunFlags, run_role

app = App(name="sequencer", help="Order L2 transactions into batches and post them.")


@app.command
def run(flags: RunFlags = RunFlags()) -> None:
    """Run the sequencer until SIGINT or SIGTERM."""
    from poe.assembly.sequencer import run_sequencer

    run_role(run_sequencer, flags)


app.command(sequencing.bond)
app.command(sequencing.leave)
app.command(sequencing.status)
