"""The load of a testnet: as many drivers as sequencers, each with users of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import trio

from poe.errors import SequencerError
from poe.l1.interface import ArbiterClient
from poe.sequencer.client import UNREACHABLE, RpcClient
from poe.testnet.load import Load, LoadPlan, Signer


class Loads:
    """Drives every sequencer with its share of the users and of the transactions."""

    def __init__(self, *, clients: Sequence[RpcClient], arbiter: ArbiterClient, signer: Signer, plan: LoadPlan) -> None:
        self._loads = [
            Load(client=client, arbiter=arbiter, signer=signer, plan=_share(plan, place, len(clients)))
            for place, client in enumerate(clients)
        ]

    async def run(self) -> None:
        """Send until cancelled; the users of a sequencer that is gone stop with it, unless it is the only one."""
        async with trio.open_nursery() as nursery:
            for load in self._loads:
                nursery.start_soon(self._run_one, load)

    async def _run_one(self, load: Load) -> None:
        try:
            await load.run()
        except SequencerError as error:
            if error.code != UNREACHABLE or len(self._loads) == 1:
                raise

    def summary(self) -> dict[str, Any]:
        """What has been sent so far by all, ready for JSON."""
        first, *others = [load.summary() for load in self._loads]
        for other in others:
            for name in ("users", "accepted", "rejected"):
                first[name] += other[name]
            for code, count in other["rejections"].items():
                first["rejections"][code] = first["rejections"].get(code, 0) + count
            first["seconds"] = max(first["seconds"], other["seconds"])
        return first


def _share(plan: LoadPlan, place: int, of: int) -> LoadPlan:
    """What driver `place` of so many does: seeds differ, so no two have a user in common."""
    if of == 1:
        return plan
    return replace(
        plan,
        users=max(2, plan.users // of),
        transactions_per_second=plan.transactions_per_second / of,
        seed=plan.seed * 1000 + place,
    )
