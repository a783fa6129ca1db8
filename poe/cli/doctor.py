"""`poe doctor`: everything a node needs, looked at one by one, each with a way out. It changes nothing."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import App

if TYPE_CHECKING:
    from poe.cli.findings import Finding
    from poe.config import Settings
    from poe.rollup.types import Address

app = App(name="doctor", help="Is everything there that a node needs?")

Role = Literal["prover", "sequencer", "observer"]


@app.default
def doctor(
    *,
    config: Path | None = None,
    role: Role = "prover",
    data_dir: Path | None = None,
    rpc_url: str | None = None,
    arbiter: str | None = None,
    json: bool = False,
) -> None:
    """Check this machine, the settings, the keys and Ethereum; a line each: ok, warn, fail, or skip after a failure.

    Exits 0 if all is well, 1 if something failed, 3 if there are only warnings.

    Parameters
    ----------
    config
        TOML file with the settings.
    role
        What the node is to be.
    data_dir
        Overrides `data_dir`.
    rpc_url
        Overrides `l1.rpc_url`.
    arbiter
        Overrides `l1.arbiter`.
    json
        Print JSON.
    """
    from poe.cli.findings import State, exit_code

    overrides = {"data_dir": data_dir and str(data_dir), "l1.rpc_url": rpc_url, "l1.arbiter": arbiter}
    findings = examine(config, role=role, flags=overrides)
    code = exit_code(findings)
    if json:
        lines = [asdict(one) for one in findings]
        print(json_module.dumps({"findings": lines, "exit_code": code}, indent=1))
    else:
        print("\n".join(map(str, findings)))
        counts = {state: sum(one.state is state for one in findings) for state in State}
        print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    sys.exit(code)


def examine(config: Path | None, *, role: Role, flags: Mapping[str, Any]) -> list[Finding]:
    """All findings, in the order in which an operator would mend them."""
    from poe.cli import findings as found
    from poe.cli import machine as local
    from poe.config import load_settings
    from poe.errors import PoeError

    program = found.judged("program", local.check_program)
    try:
        settings = load_settings(config, environment=os.environ, flags=flags)
    except PoeError as error:
        return [program, found.refusal("settings", error), found.skipped("the rest", "there are no settings")]
    machine, folder = local.look_at_machine(), Path(settings.data_dir)
    account, keys = _check_account(settings, role)
    return [
        program,
        found.judged("settings", lambda: _check_settings(settings, config)),
        local.check_processor(machine, settings),
        local.check_disk(folder),
        local.check_data_folder(folder),
        found.judged("journal", lambda: local.check_journal(folder)),
        local.check_ports(settings, role=role),
        *keys,
        *_check_chain(settings, machine, role, account),
    ]


def _check_settings(settings: Settings, config: Path | None) -> Finding:
    """What a node refuses at its start, beyond what loading refuses."""
    from poe.cli.addresses import require_addresses
    from poe.cli.findings import good

    if settings.net.enabled:
        require_addresses(settings)
    return good("settings", str(config) if config else "the defaults, no file was named")


def _check_account(settings: Settings, role: Role) -> tuple[Address | None, list[Finding]]:
    """Our account if its key can be used; observers have none."""
    from poe.assembly.chain import load_signer
    from poe.cli.findings import good, refusal, warning
    from poe.errors import PoeError
    from poe.l1.deploy import DEVELOPMENT_CHAINS
    from poe.l1.keys import describe_key_file

    if role == "observer":
        return None, []
    try:
        signer = load_signer(settings)
    except PoeError as error:
        return None, [refusal("account key", error)]
    kind, _ = describe_key_file(Path(settings.l1.key_file))
    told = f"{settings.l1.key_file} ({kind}) is 0x{signer.address.hex()}"
    if kind == "plain" and settings.l1.chain_id not in DEVELOPMENT_CHAINS:
        return signer.address, [warning("account key", "POE-DOC-008", told)]
    return signer.address, [good("account key", told)]


def _check_chain(settings: Settings, machine: Any, role: Role, account: Address | None) -> list[Finding]:
    import trio

    from poe.cli.chain_check import check_chain

    async def look() -> list[Finding]:
        return await check_chain(settings, machine, role=role, account=account)

    return trio.run(look)
