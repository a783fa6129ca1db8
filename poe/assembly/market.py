"""The race told line by line: an observer without a page."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing

from poe.assembly.chain import open_chain
from poe.config import Settings
from poe.observer.standings import Standings
from poe.web.lines import Lines
from poe.web.model import RaceModel
from poe.web.reports import Reports


async def tell_race(settings: Settings, *, say: Callable[[str], None], as_json: bool) -> None:
    """Follow L1 and say each step of each batch until cancelled."""
    chain = await open_chain(settings)
    standings = Standings(chain.parameters.genesis_root, has_policy=any(chain.parameters.policy))
    model = RaceModel(
        parameters=chain.parameters, ledger=chain.ledger, standings=standings, reports=Reports(()), clock=time.time
    )
    lines = Lines(model, as_json=as_json)
    async with aclosing(chain.follower.updates()) as updates:
        async for update in updates:
            chain.ledger.apply(update)
            standings.apply(update)
            model.apply(update)
            for line in lines.news():
                say(line)
