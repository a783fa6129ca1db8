"""`poe config`: look at settings before a node uses them."""

from __future__ import annotations

import os
from pathlib import Path

from cyclopts import App

app = App(name="config", help="Settings.")


@app.command
def show(*, config: Path | None = None) -> None:
    """Print the settings in force as TOML: defaults, then the file, then `POE_SECTION__KEY` variables.

    Parameters
    ----------
    config
        TOML file to read.
    """
    from poe.config import dump_settings, load_settings

    print(dump_settings(load_settings(config, environment=os.environ)), end="")


@app.command
def check(config: Path) -> None:
    """Exit 0 if a settings file is good; otherwise say what is wrong with it and exit 78.

    Parameters
    ----------
    config
        TOML file to check.
    """
    from poe.config import load_settings

    load_settings(config, environment=os.environ)
    print(f"{config}: good")
