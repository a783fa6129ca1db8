"""`poe config`: look at settings before a node uses them."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path

from cyclopts import App

app = App(name="config", help="Settings.")


@app.command
def show(
    *,
    config: Path | None = None,
    data_dir: Path | None = None,
    rpc_url: str | None = None,
    arbiter: str | None = None,
    origin: bool = False,
) -> None:
    """Print the settings in force as TOML: defaults, then the file, then `POE_SECTION__KEY` variables, then flags.

    Parameters
    ----------
    config
        TOML file to read.
    data_dir
        Overrides `data_dir`, as for a node.
    rpc_url
        Overrides `l1.rpc_url`.
    arbiter
        Overrides `l1.arbiter`.
    origin
        Say behind each value where it comes from.
    """
    from poe.config import dump_settings, load_settings, setting_origins

    flags = {"data_dir": None if data_dir is None else str(data_dir), "l1.rpc_url": rpc_url, "l1.arbiter": arbiter}
    text = dump_settings(load_settings(config, environment=os.environ, flags=flags))
    if origin:
        text = _with_origins(text, setting_origins(config, environment=os.environ, flags=flags))
    print(text, end="")


@app.command
def check(config: Path) -> None:
    """Exit 0 if a settings file is good; otherwise say what is wrong with it and exit 78.

    Parameters
    ----------
    config
        TOML file to check.
    """
    from poe.assembly.chain import parse_address
    from poe.cli.addresses import require_addresses
    from poe.config import load_settings

    settings = load_settings(config, environment=os.environ)
    if settings.net.enabled:
        require_addresses(settings)
    for name, text in (("l1.arbiter", settings.l1.arbiter), ("prover.payee", settings.prover.payee)):
        if text:
            parse_address(text, name)
    print(f"{config}: good")


@app.command
def schema() -> None:
    """Print the JSON schema of a settings file, for editors that check and complete TOML."""
    from poe.cli.setting_docs import settings_schema

    print(json_module.dumps(settings_schema(), indent=1))


def _with_origins(text: str, origins: dict[str, str]) -> str:
    """TOML as `dump_settings` writes it, with a comment behind each value."""
    lines, section = [], ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif line:
            line = f"{line}  # {origins[section + line.split(' = ', 1)[0]]}"
        lines.append(line)
    return "\n".join(lines) + "\n"
