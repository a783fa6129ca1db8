"""`poe observer`: run the role."""

from __future__ import annotations

from cyclopts import App

from poe.cli.run import RunFlags, run_role

app = App(name="observer", help="Watch the race from L1 alone.")


@app.command
def run(flags: RunFlags = RunFlags()) -> None:
    """Run the observer until SIGINT or SIGTERM."""
    from poe.assembly.observer import run_observer

    run_role(run_observer, flags)
