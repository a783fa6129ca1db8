"""A running observer."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from poe.assembly.chain import open_chain
from poe.assembly.doors import open_metrics
from poe.config import Settings
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.status import write_endpoints


async def run_observer(settings: Settings) -> None:
    """Run an observer until cancelled."""
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings)
        metrics, endpoint = open_metrics(settings, stack, chain)
        observer = Observer(
            follower=chain.follower,
            ledger=chain.ledger,
            standings=Standings(chain.parameters.genesis_root, has_policy=any(chain.parameters.policy)),
            metrics=metrics,
            data_dir=Path(settings.data_dir),
        )
        write_endpoints(observer.data_dir, {"metrics": endpoint})
        await observer.run()
