"""The race followed without a page: an observer for terminals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from poe.assembly.chain import Chain, open_chain, watching_standings
from poe.assembly.doors import open_network
from poe.assembly.observer import bodies_of, tell_turns
from poe.assembly.page import l1_health, receipt_reader
from poe.config import Settings
from poe.l1.interface import ChainUpdate
from poe.web.lines import Lines
from poe.web.model import RaceModel
from poe.web.reports import Reports
from poe.web.sources import Sources


async def tell_race(settings: Settings, *, say: Callable[[str], None], as_json: bool) -> None:
    """Follow L1 and say each step of each batch until cancelled."""
    chain = await open_chain(settings, is_watching=True)
    model = _new_model(chain, folders=())
    lines = Lines(model, as_json=as_json)

    def tell(update: ChainUpdate) -> None:
        model.apply(update)
        for line in lines.news():
            say(line)

    await _follow(chain, model, tell)


async def follow_race(settings: Settings, show: Callable[[RaceModel], None]) -> None:
    """Follow L1, and gossip if that is set up, until cancelled; `show` gets the model once and reads it when it likes.

    The model changes between two steps of the event loop that this runs on, never during one.
    """
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings, is_watching=True)
        network = await stack.enter_async_context(open_network(settings, chain, bodies_of(chain)))
        model = _new_model(chain, folders=settings.web.report_folders)
        sources = Sources(
            model=model,
            network=network,
            look_at_l1=lambda: l1_health(chain),
            read_receipt=receipt_reader(chain),
            touch=lambda: None,
        )
        follow = await stack.enter_async_context(sources.open())
        show(model)

        def take(update: ChainUpdate) -> None:
            follow(update)
            tell_turns(chain, network, update)

        await _follow(chain, model, take)


def _new_model(chain: Chain, *, folders: Sequence[str]) -> RaceModel:
    return RaceModel(
        parameters=chain.parameters,
        ledger=chain.ledger,
        standings=watching_standings(chain.parameters),
        reports=Reports([Path(folder) for folder in folders]),
        clock=time.time,
    )


async def _follow(chain: Chain, model: RaceModel, take: Callable[[ChainUpdate], None]) -> None:
    """Hand each step of L1 to `take` once ledger and standings know it, for ever."""
    async with aclosing(chain.follower.updates()) as updates:
        async for update in updates:
            chain.ledger.apply(update)
            model.standings.apply(update)
            take(update)
