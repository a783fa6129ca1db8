"""`poe arbiter`: deploy the contract, look at it, end it."""

from __future__ import annotations

import json as json_module
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from poe.cli import alarm, exit_mode
from poe.cli.bounds import require_memory
from poe.cli.parse import parse_shape
from poe.cli.run import run_native
from poe.l1.interface import Deadlines, Market

app = App(name="arbiter", help="Deploy the contract, look at it, end it.")
app.command(exit_mode.end, name="exit-mode")
app.command(alarm.raise_alarm)


@app.command
def deploy(
    *,
    key_file: Path,
    rpc_url: str = "http://127.0.0.1:8545",
    shape: str = "4x5",
    key_cache: Path | None = None,
    proving_key: Path | None = None,
    membership_key: Path | None = None,
    market: Annotated[Market, Parameter(name="*")] = Market(),
    deadlines: Annotated[Deadlines, Parameter(name="*")] = Deadlines(),
) -> None:
    """Deploy verifiers and arbiter, by default with the insecure development keys; print the address.

    Parameters
    ----------
    key_file
        Key of the account that pays for the deployment.
    rpc_url
        Ethereum JSON-RPC endpoint.
    shape
        Slots a batch and tree depth, such as 4x5.
    key_cache
        Folder of proving keys; default $XDG_CACHE_HOME/poe/keys.
    proving_key
        Key file of that shape instead of the development key, such as `poe circuit import-key` made.
    membership_key
        Key file of the membership circuit of that depth instead of its development key.
    """
    import trio

    from poe.assembly.deployment import deploy_with_key
    from poe.backend.keys import (
        ensure_dev_key,
        ensure_dev_membership_key,
        open_key_of,
        open_membership_key_of,
    )
    from poe.cli.passwords import load_account
    from poe.l1.keys import Signer
    from poe.l1.rpc import Rpc

    parsed, signer = parse_shape(shape), Signer(load_account(key_file))
    require_memory(parsed)
    find = partial(open_key_of, parsed, proving_key) if proving_key else partial(ensure_dev_key, parsed, key_cache)
    key = run_native(find)
    find_membership = (
        partial(open_membership_key_of, parsed.depth, membership_key)
        if membership_key
        else partial(ensure_dev_membership_key, parsed.depth, key_cache)
    )
    members = run_native(find_membership)

    async def run() -> str:
        parameters = await deploy_with_key(
            Rpc(rpc_url),
            signer,
            key,
            members,
            shape=parsed,
            market=market,
            deadlines=deadlines,
        )
        return "0x" + parameters.address.hex()

    print(trio.run(run))


@app.command
def show(*, address: str, rpc_url: str = "http://127.0.0.1:8545") -> None:
    """Print an arbiter's parameters and state as JSON.

    Parameters
    ----------
    address
        The contract.
    rpc_url
        Ethereum JSON-RPC endpoint.
    """
    import trio

    from poe.assembly.chain import parse_address
    from poe.l1.rpc import Rpc
    from poe.l1.views import ArbiterViews

    async def run() -> dict[str, object]:
        views = ArbiterViews(Rpc(rpc_url), parse_address(address, "--address"))
        parameters = await views.parameters()
        number, _ = await views.view("head")
        return {
            "address": "0x" + parameters.address.hex(),
            "chain_id": parameters.chain_id,
            "shape": str(parameters.shape),
            "circuit": f"{parameters.circuit_version:#066x}",
            "policy": "0x" + parameters.policy.hex(),
            "reward_wei": parameters.reward,
            "reward_floor_wei": parameters.reward_floor,
            "current_reward_wei": await views.view("currentReward"),
            "bond_wei": parameters.bond,
            "bounty_wei": parameters.bounty,
            "target_delay_blocks": parameters.target_delay_blocks,
            "double_after_blocks": parameters.double_after_blocks,
            "quadruple_after_blocks": parameters.quadruple_after_blocks,
            "halt_after_blocks": parameters.halt_after_blocks,
            "window_blocks": parameters.window_blocks,
            "sequencers": await views.view("sequencers"),
            "membership_circuit": f"{parameters.membership_version:#066x}",
            "queue_deadline_blocks": parameters.queue_deadline_blocks,
            "alarm_delay_blocks": parameters.alarm_delay_blocks,
            "exit_deadline_blocks": parameters.exit_deadline_blocks,
            "exit_mode": await views.view("exitMode"),
            "sequenced": number,
            "finalized": await views.view("finalizedNumber"),
            "state_root": hex(await views.view("stateRoot")),
        }

    print(json_module.dumps(trio.run(run), indent=1))
