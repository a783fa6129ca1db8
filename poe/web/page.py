"""The live page at work: feeds the model from L1, gossip, receipts and reports, and serves browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from poe.http.server import HttpLimits, serve_http
from poe.l1.interface import ChainUpdate
from poe.net.interface import Network
from poe.web.feed import MAX_STREAMS, Feed
from poe.web.model import RaceModel
from poe.web.site import Site
from poe.web.sources import ReadReceipt, Sources

LIMITS = HttpLimits(connections=2 * MAX_STREAMS, header_bytes=16384, body_bytes=0, request_seconds=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePage:
    """The page and what feeds it. `look_at_l1` tells how the endpoint does, as plain JSON values."""

    model: RaceModel
    feed: Feed
    site: Site
    network: Network | None
    look_at_l1: Callable[[], Mapping[str, Any]]
    read_receipt: ReadReceipt

    @asynccontextmanager
    async def open(self, *, host: str, port: int) -> AsyncIterator[tuple[str, Callable[[ChainUpdate], None]]]:
        """Serve while the context lasts; yields the page's URL and what to call with each step of L1.

        ToolError when the port is taken.
        """
        sources = Sources(
            model=self.model,
            network=self.network,
            look_at_l1=self.look_at_l1,
            read_receipt=self.read_receipt,
            touch=self.feed.touch,
        )
        async with trio.open_nursery() as nursery:
            serve = partial(serve_http, self.site, host=host, port=port, limits=LIMITS, setting="web.port")
            bound = await nursery.start(serve)
            async with sources.open() as follow:
                yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/", follow
            nursery.cancel_scope.cancel()
