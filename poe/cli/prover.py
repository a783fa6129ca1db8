"""`poe prover`: run the role."""

from __future__ import annotations

from cyclopts import App

from poe.cli.run import RunFlags, run_role

app = App(name="prover", help="Race to prove batches.")


@app.command
def run(flags: RunFlags = RunFlags()) -> None:
    """Run the prover until SIGINT or SIGTERM."""
    from poe.assembly import run_prover

    run_role(run_prover, flags)
