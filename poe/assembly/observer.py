"""A running observer, with its live page if that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from poe.assembly.chain import Chain, open_chain, watching_standings
from poe.assembly.doors import endpoints_of, open_metrics, open_network
from poe.assembly.page import open_page
from poe.config import Settings
from poe.l1.interface import ChainUpdate
from poe.l1.turns import due_at
from poe.net.interface import BodySource, Network
from poe.observer.node import Observer
from poe.rollup.types import Batch, BatchNumber
from poe.status import write_endpoints

log = logging.getLogger("poe.observer")


async def run_observer(settings: Settings) -> None:
    """Run an observer until cancelled."""
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings, is_watching=True)
        metrics, endpoint = open_metrics("observer", settings, stack, chain)
        standings = watching_standings(chain.parameters)
        endpoints = {"metrics": endpoint}
        watchers: tuple[Callable[[ChainUpdate], None], ...] = ()
        if settings.web.enabled:
            network = await stack.enter_async_context(open_network(settings, chain, bodies_of(chain)))
            url, follow = await stack.enter_async_context(open_page(settings.web, chain, standings, network))
            log.info("live_page url=%s", url)
            endpoints, watchers = (
                {**endpoints_of(endpoint, network), "web": url},
                (follow, partial(tell_turns, chain, network)),
            )
        observer = Observer(
            follower=chain.follower,
            ledger=chain.ledger,
            standings=standings,
            metrics=metrics,
            data_dir=Path(settings.data_dir),
            watchers=watchers,
        )
        write_endpoints(observer.data_dir, endpoints)
        await observer.run()


def tell_turns(chain: Chain, network: Network | None, update: ChainUpdate) -> None:
    """Whose announcements count, once L1 is read to its head."""
    if network is not None and chain.follower.is_caught_up:
        network.set_sequencers(chain.ledger.sequencers, due=due_at(chain.ledger, update.head.number))


def bodies_of(chain: Chain) -> BodySource:
    """An observer makes no batches, but can hand on those that L1 orders."""

    async def source(number: BatchNumber) -> Batch | None:
        posting = chain.ledger.batch(number)
        return None if posting is None else posting.batch

    return source
