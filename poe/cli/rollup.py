"""How every command of a user names its rollup, connects to it and prints what came of it."""

from __future__ import annotations

import json as json_module
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup

Facts = dict[str, Any]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class RollupFlags:
    """Which rollup, and how to print.

    Parameters
    ----------
    arbiter
        Address of the arbiter contract.
    rpc_url
        Ethereum JSON-RPC endpoint.
    chain_id
        Chain that the endpoint must serve.
    json
        Print JSON.
    """

    arbiter: Annotated[str, Parameter(env_var="POE_L1__ARBITER")] = ""
    rpc_url: Annotated[str, Parameter(env_var="POE_L1__RPC_URL")] = "http://127.0.0.1:8545"
    chain_id: Annotated[int, Parameter(env_var="POE_L1__CHAIN_ID")] = 31337
    json: bool = False

    def run(self, work: Callable[[Rollup], Awaitable[tuple[str, Facts]]]) -> None:
        """Connect, do the work, print its line or its facts."""
        import trio

        from poe.assembly.chain import parse_address
        from poe.cli.wallet import Rollup

        address = parse_address(self.arbiter, "--arbiter")

        async def connected() -> tuple[str, Facts]:
            return await work(await Rollup.connect(self.rpc_url, self.chain_id, address))

        line, facts = trio.run(connected)
        print(json_module.dumps(facts) if self.json else line)
