"""`poe prover`: run the role, ask it why, let it drain."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import Any

from cyclopts import App

from poe.cli.draining import drain
from poe.cli.relay import export_proof, relay
from poe.cli.role_status import read_role_status
from poe.cli.run import RunFlags, run_role

app = App(name="prover", help="Race to prove batches.")
app.command(drain)
app.command(export_proof)
app.command(relay)

SHOWN_RACES = 10
PHASES = ("witness", "prove", "verify")


@app.command
def run(flags: RunFlags = RunFlags()) -> None:
    """Run the prover until SIGINT or SIGTERM; SIGHUP reads its limits and the log's level again."""
    from poe.assembly.prover import run_prover
    from poe.config import Reloads

    reloads = Reloads()
    run_role(partial(run_prover, reloads=reloads), flags, reloads)


@app.command
def why(batch: int, /, *, data_dir: Path = Path("poe-data"), json: bool = False) -> None:
    """Tell how the races for a batch ended for this node, and when what happened.

    Parameters
    ----------
    batch
        The batch's number.
    data_dir
        The node's data folder.
    json
        Print JSON.
    """
    races = [race for race in read_role_status(data_dir, "prover")["races"] if race["batch"] == batch]
    if json:
        print(json_module.dumps(races, indent=1))
        return
    if not races:
        print(f"batch {batch}: this node ran no race for it that it still knows of")
    for race in races:
        print("\n".join(_story(race)))


@app.command
def status(*, data_dir: Path = Path("poe-data"), json: bool = False) -> None:
    """Show a prover's state and its last races.

    Parameters
    ----------
    data_dir
        The node's data folder.
    json
        Print JSON.
    """
    found = read_role_status(data_dir, "prover")
    if json:
        print(json_module.dumps(found, indent=1))
        return
    for name in ("payee", "height", "finalized", "agrees_with_l1", "won", "late", "cancelled", "failed"):
        print(f"{name}: {found[name]}")
    if found.get("draining"):
        print("draining: it begins no further race")
    if found["sitting_out"]:
        print(f"sitting out: {found['sitting_out']}")
    for race in found["races"][-SHOWN_RACES:]:
        print(f"batch {race['batch']}: {race['outcome']}, {race['code']} {race['reason']}")


def _story(race: dict[str, Any]) -> list[str]:
    """A race as lines of text: its end, then its moments in seconds since the batch was seen."""
    winner = f", the reward is {race['winner']}'s" if race["winner"] else ""
    lines = [f"batch {race['batch']}: {race['outcome']}, {race['code']} {race['reason']}{winner}"]
    moments = [("seen", "seen_at"), ("begun", "started_at"), ("proof finished", "proved_at"), ("ended", "ended_at")]
    for name, key in moments:
        if race[key] is not None:
            lines.append(f"  {race[key] - race['seen_at']:8.2f} s  {name}")
    if race["phases"]:
        lines.append("  proof: " + ", ".join(f"{name} {race['phases'][name]:.2f} s" for name in PHASES))
    lines.append(
        f"  {race['core_seconds']:.2f} core seconds" + (f", {race['gas_used']} gas" if race["gas_used"] else "")
    )
    return lines
