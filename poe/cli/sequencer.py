"""`poe sequencer`: run the role."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

app = App(help="Order L2 transactions into batches and post them.")


@app.command
def run(
    *,
    config: Path | None = None,
    data_dir: Path | None = None,
    rpc_url: str | None = None,
    arbiter: str | None = None,
    until_stdin_closes: bool = False,
) -> None:
    """Run a sequencer until SIGINT or SIGTERM.

    Parameters
    ----------
    config
        TOML file with the settings; see `poe config show`.
    data_dir
        Folder for the node's state; overrides `data_dir`.
    rpc_url
        Ethereum JSON-RPC endpoint; overrides `l1.rpc_url`.
    arbiter
        Address of the arbiter contract; overrides `l1.arbiter`.
    until_stdin_closes
        Also stop when standard input ends, for supervisors.
    """
    from poe.assembly import run_sequencer
    from poe.cli.run import run_role

    flags = {
        "data_dir": None if data_dir is None else str(data_dir),
        "l1.rpc_url": rpc_url,
        "l1.arbiter": arbiter,
    }
    run_role(run_sequencer, config=config, until_stdin_closes=until_stdin_closes, flags=flags)
